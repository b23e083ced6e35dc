"""Lists, resources, their relatives, and deletes: the same routes for patients, studies, series and instances."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalice.app import Response

from chalicelib.domain.errors import BadRequest, UnknownResource
from chalicelib.domain.levels import Level
from chalicelib.domain.tag_format import TagFormat
from chalicelib.routes import shapes
from chalicelib.routes.api import Api
from chalicelib.routes.http import Query, json_response, level_of
from chalicelib.services.browse import Node
from chalicelib.services.requested_tags import RequestedTag

if TYPE_CHECKING:
    from chalicelib.bootstrap import Services

_ANCESTORS = {level.label.lower(): level for level in (Level.PATIENT, Level.STUDY, Level.SERIES)}


def browse_routes(services: Services) -> Api:
    """The routes under `/{level}`."""
    api = Api(__name__)

    @api.get("/{level}")
    def list_resources(level: str) -> Response:
        return json_response(_list(services, level_of(level), api.query))

    @api.get("/{level}/{identifier}", bare_404=True)
    def get_resource(level: str, identifier: str) -> Response:
        node = services.browse.get(level_of(level), identifier)
        return json_response(_expanded(services, [node], api.query, _wanted(services, api.query))[0])

    @api.delete("/{level}/{identifier}", bare_404=True)
    def delete_resource(level: str, identifier: str) -> Response:
        remaining = services.delete.delete(level_of(level), identifier)
        answer = shapes.reference(*remaining) if remaining else None
        return json_response({"RemainingAncestor": answer})

    @api.get("/{level}/{identifier}/statistics")
    def resource_statistics(level: str, identifier: str) -> Response:
        at = level_of(level)
        return json_response(shapes.usage(at, services.browse.usage(at, identifier)))

    @api.get("/{level}/{identifier}/ordered-slices")
    def ordered_slices(level: str, identifier: str) -> Response:
        if level_of(level) is not Level.SERIES:
            raise UnknownResource
        return json_response(shapes.ordered_slices(services.slices.ordered(identifier)))

    @api.get("/{level}/{identifier}/{relation}")
    def relatives(level: str, identifier: str, relation: str) -> Response:
        return json_response(_relatives(services, level_of(level), identifier, relation, api.query))

    return api


def _list(services: Services, level: Level, query: Query) -> object:
    since, limit = query.natural("since"), query.natural("limit")
    if since is None and limit is None:
        identifiers = services.listing.all(level)
    elif since is None or limit is None:
        missing = "since" if since is None else "limit"
        raise BadRequest(f'Missing "{missing}" argument for GET request against: /{level.plural}/')
    elif limit == 0:
        identifiers = services.listing.all(level)[since:]
    else:
        identifiers = services.listing.page(level, since, limit)
    return _answer(services, level, identifiers, query, expand=query.flag("expand"))


def _relatives(services: Services, level: Level, identifier: str, relation: str, query: Query) -> object:
    ancestor = _ANCESTORS.get(relation)
    if ancestor is not None and ancestor < level:
        _wanted(services, query)  # checked, and not answered
        return shapes.resource(services.browse.ancestor(level, identifier, ancestor), None, tag_format(query))
    below = Level.from_plural(relation)
    if below is None or below <= level:
        raise UnknownResource
    identifiers = services.browse.descendants(level, identifier, below)
    return _answer(services, below, identifiers, query, expand=query.flag("expand", default=True))


def _answer(
    services: Services, level: Level, identifiers: list[str], query: Query, *, expand: bool
) -> object:
    wanted = _wanted(services, query)
    if not expand:
        return identifiers
    return _expanded(services, services.browse.get_many(level, identifiers), query, wanted)


def _expanded(
    services: Services, nodes: list[Node], query: Query, wanted: list[RequestedTag]
) -> list[dict[str, object]]:
    form = tag_format(query)
    if not wanted:
        return [shapes.resource(node, None, form) for node in nodes]
    requested = services.requested_tags.of(nodes, wanted)
    return [shapes.resource(node, found, form) for node, found in zip(nodes, requested, strict=True)]


def _wanted(services: Services, query: Query) -> list[RequestedTag]:
    return services.requested_tags.parse(query.names("requested-tags", "requestedTags"))


def tag_format(query: Query) -> TagFormat:
    """The format that `?short` or `?full` asks for, whatever its value."""
    if "short" in query:
        return TagFormat.SHORT
    return TagFormat.FULL if "full" in query else TagFormat.HUMAN
