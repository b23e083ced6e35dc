"""Remote peers: `/peers`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalice.app import Response

from chalicelib.routes.api import Api
from chalicelib.routes.http import bytes_response, field_of, json_body, json_response, text_response
from chalicelib.routes.jobs import answer_to
from chalicelib.routes.network_requests import is_awaited, resources_and_fields, resources_of
from chalicelib.services.network.peer_store import PeerStoreRequest
from chalicelib.services.peer_json import public_json

if TYPE_CHECKING:
    from chalicelib.bootstrap import Services

OPERATIONS = ("configuration", "store", "store-straight", "system")


def peer_routes(services: Services) -> Api:
    """The routes under `/peers`."""
    api = Api(__name__)
    peers = services.peers

    @api.get("/peers")
    def list_peers() -> Response:
        found = peers.known.all()
        if not api.query.flag("expand"):
            return json_response(list(found))
        return json_response({name: public_json(peer) for name, peer in found.items()})

    @api.get("/peers/{name}", bare_404=True)
    def get_peer(name: str) -> Response:
        peers.known.get(name)
        return json_response(list(OPERATIONS))

    @api.put("/peers/{name}")
    def put_peer(name: str) -> Response:
        peers.known.put(name, json_body(api.body))
        return text_response("")

    @api.delete("/peers/{name}")
    def delete_peer(name: str) -> Response:
        peers.known.remove(name)
        return text_response("")

    @api.get("/peers/{name}/configuration")
    def peer_configuration(name: str) -> Response:
        return json_response(public_json(peers.known.get(name)))

    @api.get("/peers/{name}/system")
    def peer_system(name: str) -> Response:
        return bytes_response(peers.requests.system(name), "application/json")

    @api.post("/peers/{name}/store")
    def store_at_peer(name: str) -> Response:
        return answer_to(services, peers.store.create(peer_store_request(name, api.body)))

    @api.post("/peers/{name}/store-straight")
    def store_straight_at_peer(name: str) -> Response:
        return json_response(peers.requests.store(name, api.body))

    return api


def peer_store_request(name: str, body: bytes) -> PeerStoreRequest:
    """What ``POST /peers/{id}/store`` asks for: an identifier, an array of them, or an object.

    `LossyQuality` and `Timeout` count where they are numbers that can be; Orthanc looks at no others either.

    Raises
    ------
    BadFileFormat
        It is none of these, or a field has the wrong type.
    """
    fields = resources_and_fields(body)
    quality, timeout = fields.get("LossyQuality"), fields.get("Timeout")
    return PeerStoreRequest(
        peer=name,
        resources=resources_of(fields),
        compresses=field_of(fields, "Compress", bool, "Boolean", default=False),
        transcode=field_of(fields, "Transcode", str, "String", default=""),
        quality=quality if type(quality) is int and 1 <= quality <= 100 else None,
        timeout_seconds=timeout if type(timeout) is int and 0 <= timeout < 2**31 else 0,
        is_permissive=field_of(fields, "Permissive", bool, "Boolean", default=False),
        priority=field_of(fields, "Priority", int, "Integer", default=0),
        is_awaited=is_awaited(fields),
    )
