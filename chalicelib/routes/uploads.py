"""Files come in: in the body of a request, or beside the API through a presigned upload or the inbox."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import Message
from email.parser import BytesParser
from typing import TYPE_CHECKING, Any

from chalice.app import Response

from chalicelib.domain.errors import BadRequest, MethodNotAllowed
from chalicelib.domain.levels import Level
from chalicelib.domain.outcomes import Outcome, Refused, Status
from chalicelib.routes import shapes
from chalicelib.routes.api import Api
from chalicelib.routes.http import json_response, level_of
from chalicelib.services import origins

if TYPE_CHECKING:
    from chalicelib.bootstrap import Services


def upload_routes(services: Services) -> Api:
    """`POST /instances`."""
    api = Api(__name__)

    # On the path of all levels: a literal beside a parameter would hide the paths below it from API Gateway.
    @api.post("/{level}")
    def upload(level: str) -> Response:
        if level_of(level) is not Level.INSTANCE:
            raise MethodNotAllowed(["GET"])
        body = services.upload.inflate(api.body, api.header("content-encoding"))
        content_type = api.header("content-type")
        if is_form(content_type):
            for part in parts_of(body, content_type):
                services.upload.store(part, origin(api))
            return Response(b"")  # as Orthanc, which tells a form nothing
        result = services.upload.store(body, origin(api))
        if isinstance(result, list):
            return json_response([outcome(position, one) for position, one in enumerate(result)])
        return json_response(shapes.stored(result))

    return api


def origin(api: Api) -> dict[str, str]:
    """Where the running request came from."""
    context = api.current_request.context
    user = (context.get("authorizer") or {}).get("principalId", "")
    return origins.rest_api(context.get("identity", {}).get("sourceIp", ""), str(user))


def outcome(position: int, result: Outcome) -> dict[str, Any]:
    """What became of one file of an archive.

    One that cannot be stored has the same fields, empty, so that clients which read them all do not stumble;
    Orthanc leaves it out. Its name is not given, since names in archives often are those of patients.
    """
    if not isinstance(result, Refused):
        return shapes.stored(result)
    names = ("ID", "ParentPatient", "ParentSeries", "ParentStudy", "Path")
    return {**dict.fromkeys(names, ""), "Status": Status.FAILURE, "Entry": position, **refusal(result)}


def refusal(refused: Refused) -> dict[str, Any]:
    """Why a file cannot be stored, in the fields of Orthanc's errors."""
    return {
        "Details": refused.details,
        "Message": refused.message,
        "OrthancError": refused.message,
        "OrthancStatus": refused.orthanc_status,
    }


def is_form(content_type: str) -> bool:
    """Whether a body of this type is a form; without a boundary Orthanc takes it for a file."""
    lower = content_type.lower()
    return lower.startswith("multipart/form-data") and "boundary=" in lower


def parts_of(body: bytes, content_type: str) -> Iterator[bytes]:
    """The contents of a form (RFC 7578), each of which is an upload to Orthanc, whatever its name.

    Raises
    ------
    BadRequest
        It has no parts, or is cut off.
    """
    form = BytesParser().parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    parts = form.get_payload()
    if form.defects or not isinstance(parts, list):
        raise BadRequest("The form has no parts, or is cut off")
    for part in parts:
        content = part.get_payload(decode=True) if isinstance(part, Message) else None
        if not isinstance(content, bytes):
            raise BadRequest("A part of the form is a form itself")
        yield content
