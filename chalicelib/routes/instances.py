"""What instances alone have: their upload, their file, their tags and their image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalice import Response

from chalicelib.domain.errors import UnknownResource
from chalicelib.domain.levels import Level
from chalicelib.routes import shapes
from chalicelib.routes.api import Api
from chalicelib.routes.http import Query, bytes_response, instances_only, json_response, level_of

if TYPE_CHECKING:
    from chalicelib.bootstrap import Services

CONTENT_DEPTHS = 16
"""Chalice has no greedy path: `/content/...` is registered for this many segments."""


def instance_routes(services: Services) -> Api:
    """The routes under `/instances`."""
    api = Api(__name__)

    @api.post("/{level}")
    def upload(level: str) -> Response:
        instances_only(level)
        origin = services.origins.of_http(api.current_request)
        answers = services.upload.receive(api.body, api.header("content-encoding"), origin)
        return json_response(answers)

    @api.get("/{level}/{identifier}/file")
    def file(level: str, identifier: str) -> Response:
        instances_only(level)
        instance = services.reading.instance(identifier)
        if instance.file.size > services.settings.maximum_inline_bytes:
            return Response(b"", headers={"Location": services.reading.file_url(instance)}, status_code=307)
        headers = {"Content-Disposition": f'filename="{instance.id}.dcm"'}
        return bytes_response(services.reading.file(instance), "application/dicom", headers)

    @api.get("/{level}/{identifier}/preview")
    def preview(level: str, identifier: str) -> Response:
        instances_only(level)
        image, media_type = services.images.preview(identifier, api.header("accept"))
        return bytes_response(image, media_type)

    return api


def tag_routes(services: Services) -> Api:
    """The routes that show DICOM tags."""
    api = Api(__name__)

    @api.get("/{level}/{identifier}/tags")
    def tags(level: str, identifier: str) -> Response:
        instances_only(level)
        return json_response(_shown(services, identifier, api.query, _form(api.query)))

    @api.get("/{level}/{identifier}/simplified-tags")
    def simplified_tags(level: str, identifier: str) -> Response:
        instances_only(level)
        return json_response(_shown(services, identifier, api.query, "simplify"))

    return api
