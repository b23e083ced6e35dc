"""Which method is meant, and whether a page of another site may have made the browser send it.

A GET can ask for another method in its query string, for clients that have no others: ``?_method=DELETE``. Orthanc does
what any page that a browser shows asks for, with the user's credentials. Here a browser's request from another site is
refused unless it only reads, and so is ``_method`` of anybody who may only read.
"""

from __future__ import annotations

from typing import Any

from chalicelib.domain.errors import BadRequest, Forbidden
from chalicelib.routes.errors import ErrorResponse, error_response

METHODS = ("PUT", "DELETE")
READING = ("GET", "HEAD")
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
    if _is_foreign(event) or (context.get("authorizer") or {}).get("readOnly") == "true":
        return error_response(Forbidden(), "GET", str(event.get("path", "")))
    return {**event, "httpMethod": method, "requestContext": {**context, "httpMethod": method}}


def refused(event: dict[str, Any]) -> ErrorResponse | None:
    """The refusal of a request that a page of another site has made a browser send, if it does more than read."""
    method = str((event.get("requestContext") or {}).get("httpMethod"))
    if method in READING or not _is_foreign(event):
        return None
    return error_response(Forbidden(), method, str(event.get("path", "")))


def _is_foreign(event: dict[str, Any]) -> bool:
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    return headers.get(SITE, "none") not in OWN_SITES
