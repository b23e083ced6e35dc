"""Single elements of an instance, and its picture."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from chalice.app import Response

from chalicelib.domain.errors import BadParameterType, UnknownResource, UnsupportedMediaType
from chalicelib.routes.api import Api
from chalicelib.routes.http import Query, bytes_response, instances_only, json_response
from chalicelib.routes.negotiation import negotiate

if TYPE_CHECKING:
    from chalicelib.bootstrap import Services

MAXIMUM_DEPTH = 16
"""Segments of a path into a file. Chalice has no path parameter that takes them all."""

DEFAULT_QUALITY = 90


def content_routes(services: Services) -> Api:
    """The routes that answer with parts of an instance's file."""
    api = Api(__name__)

    def content(level: str, identifier: str, **segments: str) -> Response:
        instances_only(level)
        path = [unquote(segments[name]) for name in sorted(segments)]
        found = services.content.get(identifier, path)
        if isinstance(found, bytes):
            return bytes_response(found, "application/octet-stream")
        return json_response(found)

    template = "/{level}/{identifier}/content"
    api.get(template)(content)
    for depth in range(MAXIMUM_DEPTH):
        template += f"/{{s{depth:02}}}"
        api.get(template)(content)

    @api.get("/{level}/{identifier}/preview", bare_404=True)
    def preview(level: str, identifier: str) -> Response:
        instances_only(level)
        return _preview(services, identifier, api.query, api.header("accept") or "*/*")

    return api


def _preview(services: Services, identifier: str, query: Query, accept: str) -> Response:
    from chalicelib.dicom.rendering import MEDIA_TYPES, PNG
    from chalicelib.dicom.rendering.placeholder import unsupported_image

    media_type = negotiate(accept, MEDIA_TYPES)
    if media_type is None:
        raise UnknownResource  # where HTTP has 406, Orthanc has 404
    try:
        return bytes_response(services.images.preview(identifier, media_type, _quality(query)), media_type)
    except UnsupportedMediaType:
        if query.flag("returnUnsupportedImage"):
            return bytes_response(unsupported_image(), PNG)
        raise


def _quality(query: Query) -> int:
    try:
        quality = query.natural("quality")
    except BadParameterType as error:
        raise UnsupportedMediaType("The quality is not a number") from error
    return DEFAULT_QUALITY if quality is None else quality
