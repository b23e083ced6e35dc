"""The changes log: `/changes`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalice.app import Response

from chalicelib.domain.changes import ChangeType
from chalicelib.domain.errors import ParameterOutOfRange
from chalicelib.routes import shapes
from chalicelib.routes.api import Api
from chalicelib.routes.http import Query, json_response, text_response

if TYPE_CHECKING:
    from chalicelib.bootstrap import Services

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000


def changes_routes(services: Services) -> Api:
    """The routes of `/changes`."""
    api = Api(__name__)

    @api.get("/changes")
    def read_changes() -> Response:
        query = api.query
        if "last" in query:
            return json_response(shapes.changes(services.changes.last()))
        limit = min(query.natural_or("limit", DEFAULT_LIMIT), MAX_LIMIT)
        since, types = query.natural_or("since", 0), _types(query)
        until = query.natural_or("to", 0) if "to" in query else None
        return json_response(shapes.changes(services.changes.page(since, limit, types, until)))

    @api.delete("/changes")
    def clear_changes() -> Response:
        services.changes.clear()
        return text_response("")

    return api


def _types(query: Query) -> list[ChangeType]:
    try:
        return [ChangeType(name) for name in query.names("type")]
    except ValueError:
        raise ParameterOutOfRange("Invalid value for a change") from None
