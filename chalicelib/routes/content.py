"""Single elements of an instance, and its picture."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from chalice.app import Response

from chalicelib.routes.api import Api
from chalicelib.routes.http import bytes_response, instances_only, json_response

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

    return api
