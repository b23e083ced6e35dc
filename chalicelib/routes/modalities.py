"""Remote modalities: `/modalities`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalice.app import Response

from chalicelib.domain.errors import BadFileFormat, InexistentItem, UnknownResource
from chalicelib.domain.levels import Level
from chalicelib.domain.modalities import Remote
from chalicelib.routes.api import Api
from chalicelib.routes.http import bytes_response, field_of, json_body, json_response, text_response
from chalicelib.routes.jobs import answer_to
from chalicelib.routes.network_requests import (
    body_of_retrieval,
    find_fields,
    named_resources,
    retrieval_level,
    store_request,
    worklist_query,
)
from chalicelib.services.modality_json import from_json, to_json
from chalicelib.services.network.remotes import Changes
from chalicelib.services.network.retrieve_work import RetrieveRequest

if TYPE_CHECKING:
    from chalicelib.bootstrap import Services

OPERATIONS = (
    "configuration", "echo", "find", "find-instance", "find-patient", "find-series", "find-study", "find-worklist",
    "get", "move", "query", "storage-commitment", "store", "store-straight",
)  # fmt: skip
_FINDS = {f"find-{level.label.lower()}": level for level in Level}


_NO_RESOURCES = "Must provide a JSON body containing fields Resources and Level"


def modality_routes(services: Services) -> Api:
    """The routes under `/modalities`."""
    api = Api(__name__)

    @api.get("/modalities")
    def list_modalities() -> Response:
        found = services.modalities.all()
        if not api.query.flag("expand"):
            return json_response(list(found))
        return json_response({name: to_json(modality) for name, modality in found.items()})

    @api.get("/modalities/{name}", bare_404=True)
    def get_modality(name: str) -> Response:
        try:
            services.modalities.get(name)
        except InexistentItem:
            raise UnknownResource from None
        return json_response(list(OPERATIONS))

    @api.put("/modalities/{name}")
    def put_modality(name: str) -> Response:
        services.modalities.put(name, json_body(api.body))
        return text_response("")

    @api.delete("/modalities/{name}")
    def delete_modality(name: str) -> Response:
        services.modalities.remove(name)
        return text_response("")

    @api.get("/modalities/{name}/configuration")
    def modality_configuration(name: str) -> Response:
        return json_response(to_json(services.modalities.get(name)))

    @api.post("/modalities/{name}/echo")
    def echo(name: str) -> Response:
        ask_echo(services.network.remotes.remote(name, _timeout(api.body)), api.body)
        return bytes_response(b"{}", "application/json")

    @api.post("/tools/dicom-echo")
    def echo_unknown() -> Response:
        modality = from_json(json_body(api.body))
        ask_echo(services.network.remotes.of("", modality, _timeout(api.body)), api.body)
        return bytes_response(b"{}", "application/json")

    def ask_echo(remote: Remote, body: bytes) -> None:
        default = services.settings.dicom_echo_checks_find
        checks_find = field_of(_readable(body), "CheckFind", bool, "Boolean", default=default)
        services.network.requests.echo(remote, checks_find=checks_find)

    @api.post("/modalities/{name}/store")
    def store(name: str) -> Response:
        return answer_to(services, services.network.store.create(store_request(name, api.body)))

    @api.post("/modalities/{name}/store-straight")
    def store_straight(name: str) -> Response:
        return json_response(services.network.store.straight(name, api.body))

    @api.post("/modalities/{name}/{operation}")
    def find(name: str, operation: str) -> Response:
        if operation not in ("find", *_FINDS):
            raise UnknownResource
        services.modalities.get(name)
        fields = find_fields(api.body)
        if fields is None:
            return Response(b"", status_code=400)
        direct = services.network.direct_queries
        if operation == "find":
            return json_response(direct.tree(name, fields))
        found = direct.find(name, _FINDS[operation], fields)
        return Response(b"", status_code=400) if found is None else json_response(found)

    @api.post("/modalities/{name}/find-worklist")
    def find_worklist(name: str) -> Response:
        services.modalities.get(name)
        query, form = worklist_query(api.body)
        return json_response(services.network.direct_queries.worklist(name, query, form))

    @api.post("/modalities/{name}/move")
    def move(name: str) -> Response:
        return retrieve(name, is_move=True)

    @api.post("/modalities/{name}/get")
    def get(name: str) -> Response:
        return retrieve(name, is_move=False)

    def retrieve(name: str, *, is_move: bool) -> Response:
        fields = json_body(api.body, _NO_RESOURCES)
        if not isinstance(fields, dict):
            raise BadFileFormat(_NO_RESOURCES)
        services.modalities.get(name)
        items, body = named_resources(fields), body_of_retrieval(fields)
        request = RetrieveRequest(
            remote=services.network.remotes.remote(name, body.changes),
            level=retrieval_level(str(fields["Level"])),
            items=items,
            target_aet=(body.target_aet or services.settings.dicom_aet) if is_move else "",
            form=body.form,
            is_permissive=body.is_permissive,
            priority=body.priority,
            is_awaited=body.is_awaited,
        )
        return answer_to(services, services.network.retrievals.create(request))

    return api


def _timeout(body: bytes) -> Changes:
    timeout = _readable(body).get("Timeout")
    is_number = isinstance(timeout, int) and not isinstance(timeout, bool)
    return Changes(timeout_seconds=timeout if is_number else None)


def _readable(body: bytes) -> dict[str, Any]:
    """Orthanc reads of these bodies what it can."""
    try:
        fields = json_body(body)
    except BadFileFormat:
        return {}
    return fields if isinstance(fields, dict) else {}
