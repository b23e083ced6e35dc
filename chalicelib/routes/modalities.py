"""Remote modalities: `/modalities`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalice.app import Response

from chalicelib.domain.errors import BadFileFormat, InexistentItem, UnknownResource
from chalicelib.routes.api import Api
from chalicelib.routes.http import bytes_response, json_body, json_response, text_response
from chalicelib.routes.jobs import ended, started
from chalicelib.routes.network_requests import store_request
from chalicelib.services.modality_json import from_json, to_json
from chalicelib.services.network.remotes import Changes

if TYPE_CHECKING:
    from chalicelib.bootstrap import Services

OPERATIONS = ("configuration", "echo", "store", "store-straight")


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
        services.network.requests.echo(services.network.remotes.remote(name, _timeout(api.body)))
        return bytes_response(b"{}", "application/json")

    @api.post("/tools/dicom-echo")
    def echo_unknown() -> Response:
        modality = from_json(json_body(api.body))
        services.network.requests.echo(services.network.remotes.of("", modality, _timeout(api.body)))
        return bytes_response(b"{}", "application/json")

    @api.post("/modalities/{name}/store")
    def store(name: str) -> Response:
        request = store_request(name, api.body)
        job = services.network.store.create(request)
        if request.is_awaited:
            return ended(services.network.waiting.wait(job))
        services.jobs.wake(job)
        return json_response(started(job))

    @api.post("/modalities/{name}/store-straight")
    def store_straight(name: str) -> Response:
        return json_response(services.network.store.straight(name, api.body))

    return api


def _timeout(body: bytes) -> Changes:
    """Orthanc reads of these bodies what it can."""
    try:
        fields = json_body(body)
    except BadFileFormat:
        return Changes()
    timeout = fields.get("Timeout") if isinstance(fields, dict) else None
    is_number = isinstance(timeout, int) and not isinstance(timeout, bool)
    return Changes(timeout_seconds=timeout if is_number else None)
