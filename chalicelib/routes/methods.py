"""The method that a GET can ask for in its query string, for clients that have no others: ``?_method=DELETE``.

Orthanc does what any page that a browser shows asks for so, with the user's credentials. Here a browser's request from
another site is refused, and so is anybody who may only read.
"""

from __future__ import annotations

from typing import Any

from chalicelib.domain.errors import BadRequest, Forbidden
from chalicelib.routes.errors import ErrorResponse, error_response

METHODS = ("PUT", "DELETE")
SITE = "sec-fetch-site"
OWN_SITES = ("same-origin", "none")
"""What browsers send of requests by a page of this address, and by the user (Fetch Metadata, section 2.4)."""


def overridden(event: dict[str, Any]) -> dict[str, Any] | ErrorResponse:
    """An event of API Gateway with the method that is meant, or the refusal."""
    wish = (event.get("queryStringParameters") or {}).get("_method")
    context = event.get("requestContext") or {}
    if wish is None or context.get("httpMethod") != "GET":
        return event
    method = str(wish).upper()
    if method not in METHODS:
        return ErrorResponse(b"", {}, 400, BadRequest())
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    is_foreign = headers.get(SITE, "none") not in OWN_SITES
    if is_foreign or (context.get("authorizer") or {}).get("readOnly") == "true":
        return error_response(Forbidden(), "GET", str(event.get("path", "")))
    return {**event, "httpMethod": method, "requestContext": {**context, "httpMethod": method}}
