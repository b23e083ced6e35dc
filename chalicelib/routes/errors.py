"""From an error to an HTTP answer, as Orthanc gives it: the one table of statuses, the body, the guard of views.

Orthanc 1.12.7 describes an error in JSON, indented by tabs, as `text/plain`. It sends no body with 401, 403, 405
and 415, nor with the 404 of some calls (``GET /studies/{id}`` has none, ``GET /studies/{id}/series`` has one).
"""

from __future__ import annotations

import functools
import json
import re
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint, Response

from chalicelib.domain import errors
from chalicelib.domain.levels import Level

if TYPE_CHECKING:
    from chalice.app import Request

    from chalicelib.observability import Fields, Telemetry

View = Callable[..., Response]
Middleware = Callable[[Any, Callable[[Any], Response]], Response]

STATUSES: Mapping[type[errors.NacreError], tuple[int, str]] = {
    errors.BadRequest: (400, "Bad Request"),
    errors.Unauthorized: (401, "Unauthorized"),
    errors.Forbidden: (403, "Forbidden"),
    errors.UnknownResource: (404, "Not Found"),
    errors.MethodNotAllowed: (405, "Method Not Allowed"),
    errors.NotAcceptable: (406, "Not Acceptable"),
    errors.BadRevision: (409, "Conflict"),
    errors.RangeNotSatisfiable: (416, "Requested Range Not Satisfiable"),
    errors.PayloadTooLarge: (413, "Request Entity Too Large"),
    errors.UnsupportedMediaType: (415, "Unsupported Media Type"),
    errors.NetworkProtocol: (500, "Internal Server Error"),
    errors.BadSequenceOfCalls: (500, "Internal Server Error"),
    errors.InternalError: (500, "Internal Server Error"),
    errors.Unavailable: (503, "Service Unavailable"),
}
"""Error to HTTP status and reason; a class that is missing counts as the nearest of its bases."""

WITHOUT_BODY = frozenset({401, 403, 405, 415})
CHALLENGE = 'Basic realm="Orthanc Secure Area"'
METHODS = ("GET", "POST", "PUT", "DELETE")
"""The methods that an `Allow` header names, in Orthanc's order."""

THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
"""AWS's codes for "later" (botocore's retry handler has the same)."""

_RESOURCE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{8}){4}")
_CHALICE_ERRORS: Mapping[int, type[errors.NacreError]] = {
    400: errors.BadRequest,
    415: errors.UnsupportedMediaType,
}


class ErrorResponse(Response):
    """An answer that remembers which error it stands for."""

    def __init__(self, body: bytes, headers: dict[str, str], status_code: int, error: BaseException) -> None:
        super().__init__(body, {**headers}, status_code)
        self.error = error


def error_response(error: BaseException, method: str, uri: str, *, bare_404: bool = False) -> ErrorResponse:
    """The answer to a failed request.

    Parameters
    ----------
    error
        What was raised. Of anything but a `NacreError` nothing is told, nor of what has a status from 500 on.
    method, uri
        The request's method and its path, without the query string.
    bare_404
        Whether Orthanc leaves out the body of this call's 404.
    """
    failure = to_nacre_error(error)
    status, reason = _status(failure)
    headers = {"X-Content-Type-Options": "nosniff"}
    if status == 401:
        headers["WWW-Authenticate"] = CHALLENGE
    if isinstance(failure, errors.MethodNotAllowed):
        headers["Allow"] = ",".join(name for name in METHODS if name in failure.allow)
    if status in WITHOUT_BODY or (status == 404 and bare_404) or isinstance(failure, errors.AbsentElement):
        return ErrorResponse(b"", headers, status, error)
    body = {
        "HttpError": reason,
        "HttpStatus": status,
        "Message": failure.orthanc_error,
        "Method": method,
        "OrthancError": failure.orthanc_error,
        "OrthancStatus": failure.orthanc_status,
        "Uri": uri,
    }
    if failure.details and (status < 500 or isinstance(failure, errors.NetworkProtocol)):
        body["Details"] = failure.details
    text = json.dumps(body, indent="\t", separators=(",", " : "), sort_keys=True) + "\n"
    return ErrorResponse(text.encode(), headers | {"Content-Type": "text/plain"}, status, error)


def to_nacre_error(error: BaseException) -> errors.NacreError:
    """The error in the store's own terms; what has no place in the table of statuses is an `InternalError`."""
    if isinstance(error, errors.NacreError):
        return error if isinstance(error, tuple(STATUSES)) else errors.InternalError()
    from botocore.exceptions import ClientError, HTTPClientError
    from botocore.exceptions import ConnectionError as AwsConnectionError

    if isinstance(error, (HTTPClientError, AwsConnectionError)):
        return errors.Unavailable()
    if isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") in THROTTLED:
        return errors.Unavailable()
    return errors.InternalError()


def guarded(blueprint: Blueprint, path: str, *, bare_404: bool = False) -> Callable[[View], View]:
    """Make a decorator for the view of a path: whatever the view raises becomes its answer."""

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded_view(**parameters: str) -> Response:
            try:
                return view(**parameters)
            except Exception as error:
                method = blueprint.current_request.method
                is_bare = bare_404 and _has_level(parameters)
                return error_response(error, method, _fill(path, parameters), bare_404=is_bare)

        return guarded_view

    return decorate


def observed(telemetry: Telemetry, clock: Callable[[], float] = time.perf_counter) -> Middleware:
    """Make the middleware that logs each request and gives Chalice's own errors Orthanc's shape.

    Register it with ``app.register_middleware(observed(telemetry), "http")``.
    """

    def middleware(request: Request, get_response: Callable[[Any], Response]) -> Response:
        started = clock()
        try:
            response = _in_orthanc_shape(request, get_response(request))
        except Exception as error:
            response = error_response(error, request.method, _fill(request.path, request.uri_params))
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        cause = response.error if isinstance(response, ErrorResponse) else None
        telemetry.request(clock() - started, cause, **_fields(request, response))
        return response

    return middleware


def _in_orthanc_shape(request: Request, response: Response) -> Response:
    """Turn the errors that Chalice answers by itself (no such method, content type) into Orthanc's."""
    if not isinstance(response.body, dict) or "Code" not in response.body:
        return response
    if response.status_code == 405:
        allow = set(re.findall(r"\w+", str(response.headers.get("Allow", ""))))
        if request.path == "/{level}" and request.uri_params != {"level": Level.INSTANCE.plural}:
            allow.discard("POST")
        known = allow and _has_level(request.uri_params or {})
        error: errors.NacreError = errors.MethodNotAllowed(allow) if known else errors.UnknownResource()
    else:
        error = _CHALICE_ERRORS.get(response.status_code, errors.InternalError)()
    return error_response(error, request.method, _fill(request.path, request.uri_params))


def _has_level(parameters: Mapping[str, str]) -> bool:
    """Whether the path's level, if it has one, is a level."""
    return "level" not in parameters or Level.from_plural(parameters["level"]) is not None


def _fields(request: Request, response: Response) -> Fields:
    fields: Fields = {
        "request_id": str(request.context.get("requestId", "")),
        "method": request.method,
        "route": request.path,
        "status": response.status_code,
    }
    identifiers = [value for value in (request.uri_params or {}).values() if _RESOURCE.fullmatch(value)]
    if identifiers:
        fields["resource"] = identifiers[-1]
    return fields


def _status(error: errors.NacreError) -> tuple[int, str]:
    return next(STATUSES[base] for base in type(error).__mro__ if base in STATUSES)


def _fill(path: str, parameters: Mapping[str, str] | None) -> str:
    """The path of a request, from its template."""
    values = parameters or {}
    return re.sub(r"\{(\w+)\+?\}", lambda match: values.get(match[1], ""), path)
