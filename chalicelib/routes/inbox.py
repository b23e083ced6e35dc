"""What Orthanc does not have: uploads that go past the gateway, and what became of the inbox's objects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chalice.app import Response

from chalicelib.domain.clock import orthanc_time
from chalicelib.domain.errors import BadJson, BadParameterType
from chalicelib.domain.outcomes import Intake, Status
from chalicelib.routes.api import Api
from chalicelib.routes.http import json_response
from chalicelib.routes.uploads import origin, outcome, refusal

if TYPE_CHECKING:
    from chalicelib.bootstrap import Services
    from chalicelib.services.presigned import Ticket


def inbox_routes(services: Services) -> Api:
    """The routes under `/nacre`."""
    api = Api(__name__)

    @api.post("/nacre/uploads")
    def begin_upload() -> Response:
        size, md5 = _wish(api.body)
        return json_response(_ticket(services.presigned_uploads.begin(size, md5, origin(api))))

    @api.get("/nacre/uploads/{identifier}")
    def upload_status(identifier: str) -> Response:
        intake = services.presigned_uploads.status(identifier)
        return json_response({"ID": identifier, **_intake(intake)})

    @api.post("/nacre/uploads/{identifier}/complete")
    def complete_upload(identifier: str) -> Response:
        services.presigned_uploads.complete(identifier)
        return json_response({})

    @api.delete("/nacre/uploads/{identifier}")
    def abort_upload(identifier: str) -> Response:
        services.presigned_uploads.abort(identifier)
        return json_response({})

    # The key is the body, as the UID is that of /tools/lookup: keys that others choose may name patients.
    @api.post("/nacre/inbox/lookup")
    def lookup() -> Response:
        return json_response(_intake(services.inbox.lookup(api.body.decode(errors="replace"))))

    return api


def _wish(body: bytes) -> tuple[int | None, str]:
    """`Size` and `Md5` of a request for an upload; both may be missing."""
    try:
        wish = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise BadJson from error
    if not isinstance(wish, dict):
        raise BadParameterType("The body must be a JSON object")
    size, md5 = wish.get("Size"), wish.get("Md5", "")
    if not (size is None or type(size) is int) or not isinstance(md5, str):
        raise BadParameterType("Size must be a whole number, Md5 a text")
    return size, md5.lower()


def _ticket(ticket: Ticket) -> dict[str, Any]:
    answer = {"Expires": orthanc_time(ticket.expires), "ID": ticket.id, "Method": "PUT"}
    if not ticket.is_multipart:
        return {**answer, "Headers": ticket.headers, "Url": ticket.parts[0].url}
    parts = [{"PartNumber": part.number, "Size": part.size, "Url": part.url} for part in ticket.parts]
    return {**answer, "Complete": f"/nacre/uploads/{ticket.id}/complete", "Parts": parts}


def _intake(intake: Intake | None) -> dict[str, Any]:
    """What became of an object: `Instances` holds what POST /instances would have answered."""
    if intake is None:
        return {"Status": "Pending"}
    if intake.refusal is not None:
        return {"Status": Status.FAILURE, **refusal(intake.refusal)}
    instances = [outcome(position, one) for position, one in enumerate(intake.outcomes)]
    return {"Instances": instances, "Status": Status.SUCCESS}
