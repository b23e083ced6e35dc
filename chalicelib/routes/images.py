"""Pictures and frames: `/instances/{id}/preview`, `/rendered`, `/frames`, ..."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

from chalice.app import Response

from chalicelib.domain.errors import (
    AbsentElement,
    BadParameterType,
    ParameterOutOfRange,
    UnknownResource,
    UnsupportedMediaType,
)
from chalicelib.domain.levels import Level
from chalicelib.routes.api import Api, View
from chalicelib.routes.handed_out import made_response
from chalicelib.routes.http import (
    Query,
    bytes_response,
    instances_only,
    json_response,
    level_of,
    text_response,
)
from chalicelib.routes.negotiation import negotiate

if TYPE_CHECKING:
    from chalicelib.bootstrap import Services
    from chalicelib.dicom.rendering.forms import View as PictureView

FORMS = ("preview", "rendered", "image-uint8", "image-uint16", "image-int16")
OPERATIONS = (*sorted(FORMS[2:]), "matlab", "numpy", "preview", "raw", "raw.gz", "rendered")
DEFAULT_QUALITY = 90
ARRAY, GZIP, PDF = "application/octet-stream", "application/gzip", "application/pdf"
LONGEST_NUMBER = 9


def image_routes(services: Services) -> Api:
    """The routes for pictures and frames."""
    api = Api(__name__)
    for form in FORMS:
        _picture_routes(api, services, form)
    _sample_routes(api, services)
    _frame_routes(api, services)
    _array_routes(api, services)

    @api.get("/{level}/{identifier}/pdf")
    def pdf(level: str, identifier: str) -> Response:
        instances_only(level)
        return bytes_response(services.images.document(identifier), PDF)

    return api


def _picture_routes(api: Api, services: Services, form: str) -> None:
    """A form of the first frame, and of any frame."""

    def of_instance(level: str, identifier: str) -> Response:
        instances_only(level)
        return _picture(services, api, identifier, 0, form)

    def of_frame(level: str, identifier: str, frame: str) -> Response:
        instances_only(level)
        try:
            return _picture(services, api, identifier, _number(frame), form)
        except ParameterOutOfRange:
            raise UnsupportedMediaType from None

    _register(api, f"/{{level}}/{{identifier}}/{form}", of_instance)
    _register(api, f"/{{level}}/{{identifier}}/frames/{{frame}}/{form}", of_frame)


def _register(api: Api, path: str, view: View) -> None:
    """Chalice tells views apart by their names."""
    view.__name__ = path.replace("/", "_").replace("-", "_").replace("{", "").replace("}", "")
    api.get(path, bare_404=True)(view)


def _sample_routes(api: Api, services: Services) -> None:
    @api.get("/{level}/{identifier}/matlab", bare_404=True)
    def matlab(level: str, identifier: str) -> Response:
        instances_only(level)
        return text_response(services.images.matlab(identifier, 0))

    @api.get("/{level}/{identifier}/frames/{frame}/matlab", bare_404=True)
    def frame_matlab(level: str, identifier: str, frame: str) -> Response:
        instances_only(level)
        return text_response(services.images.matlab(identifier, _number(frame)))


def _frame_routes(api: Api, services: Services) -> None:
    @api.get("/{level}/{identifier}/frames")
    def frames(level: str, identifier: str) -> Response:
        instances_only(level)
        return json_response(list(range(services.images.count(identifier))))

    @api.get("/{level}/{identifier}/frames/{frame}")
    def frame_operations(level: str, identifier: str, frame: str) -> Response:
        instances_only(level)
        services.reading.instance(identifier)
        _number(frame)
        return json_response(list(OPERATIONS))

    @api.get("/{level}/{identifier}/frames/{frame}/raw")
    def raw_frame(level: str, identifier: str, frame: str) -> Response:
        instances_only(level)
        return bytes_response(*services.images.raw(identifier, _number(frame)))

    @api.get("/{level}/{identifier}/frames/{frame}/raw.gz")
    def zipped_frame(level: str, identifier: str, frame: str) -> Response:
        instances_only(level)
        data, _ = services.images.raw(identifier, _number(frame))
        return bytes_response(gzip.compress(data, mtime=0), GZIP)


def _array_routes(api: Api, services: Services) -> None:
    arrays = services.arrays

    @api.get("/{level}/{identifier}/numpy")
    def array(level: str, identifier: str) -> Response:
        of = {Level.INSTANCE: arrays.instance, Level.SERIES: arrays.series}.get(level_of(level))
        if of is None:
            raise UnknownResource
        return _array(services, of(identifier, **_array_options(api.query)), identifier)

    @api.get("/{level}/{identifier}/frames/{frame}/numpy")
    def frame_array(level: str, identifier: str, frame: str) -> Response:
        instances_only(level)
        try:
            number = _number("" if frame.startswith("-") else frame)
        except AbsentElement:
            raise ParameterOutOfRange('Expected an unsigned integer for the "frame" argument') from None
        return _array(services, arrays.frame(identifier, number, **_array_options(api.query)), identifier)


def _array(services: Services, data: bytes, identifier: str) -> Response:
    return made_response(services, data, ARRAY, f"{identifier}.npy") or bytes_response(data, ARRAY)


def _array_options(query: Query) -> dict[str, bool]:
    return {"rescale": query.flag("rescale", default=True), "compress": query.flag("compress")}


def _number(segment: str) -> int:
    """The number of a frame; what is none is an unknown path, as in Orthanc."""
    digits = segment.removeprefix("-")
    if not digits.isascii() or not digits.isdigit() or len(digits) > LONGEST_NUMBER:
        raise AbsentElement
    return int(segment)


def _picture(services: Services, api: Api, identifier: str, frame: int, form: str) -> Response:
    from chalicelib.dicom.rendering import MEDIA_TYPES, PNG
    from chalicelib.dicom.rendering.placeholder import unsupported_image

    query = api.query
    is_wide = form in ("image-uint16", "image-int16")
    offered = [kind for kind in MEDIA_TYPES if not (is_wide and kind == "image/jpeg")]
    media_type = negotiate(api.header("accept") or "*/*", offered)
    if media_type is None:
        raise UnknownResource  # where HTTP has 406, Orthanc has 404
    try:
        quality = _quality(query)
        view = _view(query) if form == "rendered" else None
        picture = services.images.picture(identifier, frame, form, media_type, quality, view)
        return bytes_response(picture, media_type)
    except UnsupportedMediaType:
        if query.flag("returnUnsupportedImage"):
            return bytes_response(unsupported_image(), PNG)
        raise


def _quality(query: Query) -> int:
    try:
        quality = query.natural("quality")
    except BadParameterType as error:
        raise UnsupportedMediaType("The quality is not a number") from error
    if quality is not None and not 1 <= quality <= 100:
        raise UnsupportedMediaType("The quality of a JPEG is between 1 and 100")
    return DEFAULT_QUALITY if quality is None else quality


def _view(query: Query) -> PictureView:
    """Window and size of a rendered picture; what is no number makes the path unknown, as in Orthanc."""
    from chalicelib.dicom.rendering.forms import View as PictureView

    try:
        width, height = (query.natural(name) or 0 for name in ("width", "height"))
        center, wide = (_decimal(query, name) for name in ("window-center", "window-width"))
    except (BadParameterType, ValueError):
        raise UnknownResource from None
    smooth = query.text("smooth")
    if "smooth" in query and smooth not in ("0", "1"):
        raise UnsupportedMediaType("smooth is 0 or 1")
    return PictureView(width, height, smooth != "0", center, wide)


def _decimal(query: Query, name: str) -> float | None:
    return float(query.text(name)) if name in query else None
