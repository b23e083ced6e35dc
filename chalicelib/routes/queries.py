"""Queries of remote modalities, their answers, and what is retrieved: `/queries`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chalice.app import Response

from chalicelib.dicom import queries as dicom
from chalicelib.dicom.tags_json import Json, in_format
from chalicelib.domain.errors import BadParameterType, UnknownResource
from chalicelib.domain.levels import Level
from chalicelib.domain.modalities import RETRIEVE_METHODS, Remote
from chalicelib.routes.api import Api
from chalicelib.routes.http import json_response, text_response
from chalicelib.routes.jobs import answer_to
from chalicelib.routes.network_requests import RetrieveBody, asked, query_fields, retrieve_body
from chalicelib.routes.tags import format_of
from chalicelib.services.network.queries import AnsweredQuery
from chalicelib.services.network.retrieve_work import RetrieveRequest

if TYPE_CHECKING:
    from chalicelib.bootstrap import Services

PARTS = ("answers", "level", "modality", "query", "retrieve")
BELOW = {
    Level.PATIENT: {
        "query-studies": Level.STUDY,
        "query-series": Level.SERIES,
        "query-instances": Level.INSTANCE,
    },
    Level.STUDY: {"query-series": Level.SERIES, "query-instances": Level.INSTANCE},
    Level.SERIES: {"query-instances": Level.INSTANCE},
    Level.INSTANCE: {},
}


def query_routes(services: Services) -> Api:
    """The routes of `/queries`, and those under `/modalities` that ask and retrieve."""
    api = Api(__name__)
    network, encoding = services.network, services.options.encoding

    @api.post("/modalities/{name}/query")
    def ask(name: str) -> Response:
        body = asked(api.body)
        return _created(
            network.queries.ask(name, body.level, body.fields, body.changes, normalises=body.normalises)
        )

    @api.get("/queries")
    def list_queries() -> Response:
        return json_response(network.queries.all())

    @api.get("/queries/{query_id}")
    def show_query(query_id: str) -> Response:
        network.queries.get(query_id)
        return json_response(PARTS)

    @api.delete("/queries/{query_id}")
    def delete_query(query_id: str) -> Response:
        network.queries.remove(query_id)
        return text_response("")

    @api.get("/queries/{query_id}/{part}")
    def show_part(query_id: str, part: str) -> Response:
        query = network.queries.get(query_id)
        match part:
            case "query":
                return json_response(in_format(dicom.shown(query.fields), format_of(api.query)))
            case "level":
                return text_response(query.level.label)
            case "modality":
                return text_response(query.modality)
        raise UnknownResource

    @api.get("/queries/{query_id}/answers")
    def list_answers(query_id: str) -> Response:
        query = network.queries.get(query_id)
        indexes = range(len(query.answers))
        if "expand" not in api.query:
            return json_response([str(index) for index in indexes])
        form = format_of(api.query)
        return json_response([in_format(query.answer(index, encoding()), form) for index in indexes])

    @api.post("/queries/{query_id}/retrieve")
    def retrieve_all(query_id: str) -> Response:
        query = network.queries.get(query_id)
        return _retrieve(services, query, range(len(query.answers)), retrieve_body(api.body))

    @api.get("/queries/{query_id}/answers/{index}")
    def show_answer(query_id: str, index: str) -> Response:
        query = network.queries.get(query_id)
        query.answer(_index(index), encoding())
        return json_response(["content", "retrieve", *_operations(query.level)])

    @api.get("/queries/{query_id}/answers/{index}/content")
    def show_content(query_id: str, index: str) -> Response:
        found = network.queries.get(query_id).answer(_index(index), encoding())
        return json_response(in_format(found, format_of(api.query)))

    @api.post("/queries/{query_id}/answers/{index}/{operation}")
    def use_answer(query_id: str, index: str, operation: str) -> Response:
        query = network.queries.get(query_id)
        number = _index(index)
        if operation == "retrieve":
            query.answer(number, encoding())
            return _retrieve(services, query, [number], retrieve_body(api.body))
        level = BELOW[query.level].get(operation)
        if level is None:
            raise UnknownResource
        return _created(network.queries.below(query_id, number, level, query_fields(api.body)))

    return api


def _operations(level: Level) -> list[str]:
    """As Orthanc lists them: the studies of a patient have another name there than in their path."""
    return [{"query-studies": "query-study"}.get(name, name) for name in BELOW[level]]


def _retrieve(
    services: Services, query: AnsweredQuery, indexes: Sequence[int], body: RetrieveBody
) -> Response:
    encoding = services.options.encoding()
    answers: list[Json] = [query.answer(index, encoding) for index in indexes]
    method = body.method or query.retrieve_method
    if method == RETRIEVE_METHODS[0]:
        method = services.settings.dicom_default_retrieve_method
    request = RetrieveRequest(
        remote=with_timeout(query.remote, body.changes.timeout_seconds),
        level=query.level,
        items=[dicom.identifying(query.level, one) for one in answers],
        target_aet="" if method == "C-GET" else body.target_aet or services.settings.dicom_aet,
        form=body.form,
        is_permissive=body.is_permissive,
        priority=body.priority,
        is_awaited=body.is_awaited,
    )
    return answer_to(services, services.network.retrievals.create(request))


def with_timeout(remote: Remote, seconds: int | None) -> Remote:
    """A modality with the timeout that a body asks for."""
    return remote if seconds is None else replace(remote, timeout_seconds=seconds)


def _created(query_id: str) -> Response:
    answer: dict[str, Any] = {"ID": query_id, "Path": f"/queries/{query_id}"}
    return json_response(answer)


def _index(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise BadParameterType("Syntax error in some user-supplied data")
    return int(text)
