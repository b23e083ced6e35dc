"""Archives and media: `/{level}/{id}/archive`, `/{level}/{id}/media`, `/tools/create-archive`, ..."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalice.app import Response

from chalicelib.domain.errors import BadFileFormat, BadRequest, UnknownResource
from chalicelib.domain.jobs import Job, JobOutput
from chalicelib.domain.levels import Level
from chalicelib.routes.api import Api, View
from chalicelib.routes.http import bytes_response, field_of, json_body, json_response, level_of
from chalicelib.routes.jobs import output_response, started
from chalicelib.services.archive.archives import Request
from chalicelib.services.archive.plan import Placed
from chalicelib.services.transcoding import Target
from chalicelib.storage.s3.archives import ZIP

if TYPE_CHECKING:
    from chalicelib.bootstrap import Services

DEFAULT_NAME = "Archive.zip"


@dataclass(frozen=True, slots=True)
class Options:
    """How an archive is asked for."""

    file_name: str
    is_media: bool = False
    is_extended: bool = False
    is_synchronous: bool = True
    priority: int = 0
    target: Target | None = None


def archive_routes(services: Services) -> Api:
    """The routes that make archives and media."""
    api = Api(__name__)
    _resource_routes(api, services, "archive", is_media=False)
    _resource_routes(api, services, "media", is_media=True)
    _tool_routes(api, services, "create-archive", is_media=False)
    _tool_routes(api, services, "create-media", is_media=True)
    _tool_routes(api, services, "create-media-extended", is_media=True, is_extended=True)
    return api


def _resource_routes(api: Api, services: Services, name: str, *, is_media: bool) -> None:
    """The routes below a resource."""

    def get(level: str, identifier: str) -> Response:
        placed = services.archives.of_resource(_above_instances(level), identifier)
        extended = "extended" in api.query
        options = Options(
            _name(api, f"{identifier}.zip"),
            is_media=is_media,
            is_extended=extended,
            target=_target(api, services),
        )
        return _answer(services, placed, options)

    def post(level: str, identifier: str) -> Response:
        at = _above_instances(level)
        options = _options(services, _object(api.body), f"{identifier}.zip", is_media=is_media)
        return _answer(services, services.archives.of_resource(at, identifier), options)

    api.get(f"/{{level}}/{{identifier}}/{name}")(_named(get, f"get_{name}"))
    api.post(f"/{{level}}/{{identifier}}/{name}")(_named(post, f"post_{name}"))


def _tool_routes(
    api: Api, services: Services, name: str, *, is_media: bool, is_extended: bool = False
) -> None:
    """The routes for resources of any levels."""

    def get() -> Response:
        if "resources" not in api.query:
            raise BadRequest("Missing resources argument")
        identifiers = [i for i in api.query.text("resources").split(",") if i]
        options = Options(
            _name(api, DEFAULT_NAME),
            is_media=is_media,
            is_extended=is_extended,
            target=_target(api, services),
        )
        return _answer(services, services.archives.of_resources(identifiers), options)

    def post() -> Response:
        identifiers, fields = _many(api.body)
        options = _options(services, fields, DEFAULT_NAME, is_media=is_media, is_extended=is_extended)
        return _answer(services, services.archives.of_resources(identifiers), options)

    api.get(f"/tools/{name}")(_named(get, f"get_{name}"))
    api.post(f"/tools/{name}")(_named(post, f"post_{name}"))


def _named(view: View, name: str) -> View:
    """Chalice tells views apart by their names."""
    view.__name__ = name.replace("-", "_")
    return view


def _name(api: Api, otherwise: str) -> str:
    return api.query.text("filename") or otherwise


def _answer(services: Services, placed: Sequence[Placed], options: Options) -> Response:
    request = Request(
        placed,
        _safe(options.file_name),
        options.is_media,
        options.is_extended,
        options.priority,
        options.target,
    )
    if not options.is_synchronous:
        return json_response(started(services.archives.submit(request)))
    made = services.archives.make(request)
    if isinstance(made, JobOutput):
        return output_response(services, made)
    if isinstance(made, Job):
        response = json_response(started(made))
        response.status_code = 202
        return response
    return bytes_response(made, ZIP, {"Content-Disposition": f'filename="{request.file_name}"'})


def _safe(name: str) -> str:
    """A file name that cannot end its header."""
    return "".join(c for c in name if c.isprintable() and c not in '"\\')


def _above_instances(segment: str) -> Level:
    level = level_of(segment)
    if level is Level.INSTANCE:
        raise UnknownResource
    return level


def _object(body: bytes) -> dict[str, Any]:
    """The options of a call; Orthanc takes an empty list for none."""
    value = json_body(body)
    if value == []:
        return {}
    if not isinstance(value, dict):
        raise BadFileFormat
    return value


def _many(body: bytes) -> tuple[list[str], dict[str, Any]]:
    """The resources of `/tools/create-archive`, a list or the field of an object, and the other fields."""
    value = json_body(body, "Expected a list of resources to archive in the body")
    fields: dict[str, Any] = {}
    if isinstance(value, dict):
        if "Resources" not in value:
            raise BadFileFormat("Missing field Resources in the JSON body")
        fields, value = value, value["Resources"]
    elif not isinstance(value, list):
        raise BadFileFormat
    if not isinstance(value, list) or not all(isinstance(i, str) for i in value):
        raise BadFileFormat("Expected a list of strings (Orthanc identifiers)")
    return value, fields


def _target(api: Api, services: Services) -> Target | None:
    if "transcode" not in api.query:
        return None
    return services.transcoding.target(api.query.text("transcode"), api.query.unsigned("lossy-quality"))


def _options(
    services: Services, fields: dict[str, Any], file_name: str, *, is_media: bool, is_extended: bool = False
) -> Options:
    """`Asynchronous` is the opposite of `Synchronous`, which wins."""
    target = None
    if "Transcode" in fields:
        quality = field_of(fields, "LossyQuality", int, "Integer", default=None)
        target = services.transcoding.target(
            field_of(fields, "Transcode", str, "String", default=""), quality
        )
    waits = not field_of(fields, "Asynchronous", bool, "Boolean", default=False)
    extended = field_of(fields, "Extended", bool, "Boolean", default=is_extended)
    return Options(
        file_name=field_of(fields, "Filename", str, "String", default=file_name),
        is_media=is_media,
        is_extended=extended,
        is_synchronous=field_of(fields, "Synchronous", bool, "Boolean", default=waits),
        priority=field_of(fields, "Priority", int, "Integer", default=0),
        target=target,
    )
