"""Search and bulk calls: `/tools/find`, `/tools/count-resources`, `/tools/bulk-content`, `/tools/bulk-delete`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalice.app import Response

from chalicelib.domain.errors import BadRequest
from chalicelib.routes import shapes
from chalicelib.routes.api import Api
from chalicelib.routes.find_requests import FindRequest, bulk_request
from chalicelib.routes.http import json_response, text_response
from chalicelib.services.find.query import Query
from chalicelib.services.metadata import metadata_of_node

if TYPE_CHECKING:
    from chalicelib.bootstrap import Services


def find_routes(services: Services) -> Api:
    """The routes that search."""
    api = Api(__name__)

    @api.post("/tools/find")
    def find() -> Response:
        request = FindRequest.parse(api.body, services.metadata.names)
        return json_response(_answers(services, request, services.find.find(request.query)))

    @api.post("/tools/count-resources")
    def count_resources() -> Response:
        query = FindRequest.parse(api.body, services.metadata.names).query
        _refuse_tags_of_files(query)
        return json_response({"Count": services.find.count(query)})

    @api.post("/tools/bulk-content")
    def bulk_content() -> Response:
        request = bulk_request(api.body)
        nodes = services.bulk.expand(request.identifiers, request.level)
        answers = []
        for node in nodes:
            answer = shapes.resource(node, None, request.form)
            if request.has_metadata:
                answer["Metadata"] = metadata_of_node(node, services.metadata.names)
            answers.append(answer)
        return json_response(answers)

    @api.post("/tools/bulk-delete")
    def bulk_delete() -> Response:
        services.bulk.delete(bulk_request(api.body).identifiers)
        return text_response("")

    return api


def _answers(services: Services, request: FindRequest, identifiers: list[str]) -> object:
    if request.contents is None and not request.expand:
        return identifiers
    level = request.query.level
    nodes = services.browse.get_many(level, identifiers)
    tags = services.requested_tags.parse(request.requested_tags)
    requested = services.requested_tags.of(nodes, tags) if tags else [None] * len(nodes)
    if request.contents is None:
        return [shapes.resource(node, r, request.form) for node, r in zip(nodes, requested, strict=True)]
    return [
        shapes.chosen(node, r, request.form, request.contents, services.metadata.names)
        for node, r in zip(nodes, requested, strict=True)
    ]


def _refuse_tags_of_files(query: Query) -> None:
    if any(c.level is None or c.condition.case_sensitive for c in query.constraints):
        raise BadRequest(
            "Unable to count resources when querying tags that are not stored as MainDicomTags in the Database"
            " or when using case sensitive queries."
        )
