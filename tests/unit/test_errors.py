"""Errors as answers: Orthanc's statuses and bodies, through Chalice as API Gateway calls it."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from chalice.app import Blueprint, Chalice, Response

from chalicelib.domain import errors
from chalicelib.observability import Telemetry
from chalicelib.routes.errors import STATUSES, error_response, guarded, observed
from chalicelib.storage.dynamodb.errors import Conflict, OutcomeUnknown

# As Orthanc 1.12.7 answers, byte for byte
UNKNOWN_PATH = (
    b'{\n\t"HttpError" : "Not Found",\n\t"HttpStatus" : 404,\n\t"Message" : "Unknown resource",\n'
    b'\t"Method" : "GET",\n\t"OrthancError" : "Unknown resource",\n\t"OrthancStatus" : 17,\n\t"Uri" : "/nope"\n}\n'
)
NOT_DICOM = (
    b'{\n\t"Details" : "Cannot parse an invalid DICOM file (size: 8 bytes)",\n\t"HttpError" : "Bad Request",\n'
    b'\t"HttpStatus" : 400,\n\t"Message" : "Bad file format",\n\t"Method" : "POST",\n'
    b'\t"OrthancError" : "Bad file format",\n\t"OrthancStatus" : 15,\n\t"Uri" : "/instances"\n}\n'
)
QUOTES = (
    b'{\n\t"Details" : "Field \\"Level\\" is missing, or should be a string",\n\t"HttpError" : "Bad Request",\n'
    b'\t"HttpStatus" : 400,\n\t"Message" : "Bad request",\n\t"Method" : "POST",\n'
    b'\t"OrthancError" : "Bad request",\n\t"OrthancStatus" : 8,\n\t"Uri" : "/tools/find"\n}\n'
)
ACCENT = UNKNOWN_PATH.replace(b"/nope", b"/caf\\u00e9")


def client_error(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "GetItem")


@pytest.mark.parametrize(
    ("error", "method", "uri", "recorded"),
    [
        (errors.UnknownResource(), "GET", "/nope", UNKNOWN_PATH),
        (errors.UnknownResource(), "GET", "/café", ACCENT),
        (
            errors.BadFileFormat("Cannot parse an invalid DICOM file (size: 8 bytes)"),
            "POST",
            "/instances",
            NOT_DICOM,
        ),
        (
            errors.BadRequest('Field "Level" is missing, or should be a string'),
            "POST",
            "/tools/find",
            QUOTES,
        ),
    ],
)
def test_bodies_are_orthancs(error: errors.NacreError, method: str, uri: str, recorded: bytes) -> None:
    answer = error_response(error, method, uri)
    assert answer.body == recorded
    assert answer.headers == {"Content-Type": "text/plain", "X-Content-Type-Options": "nosniff"}


def all_errors(base: type[errors.NacreError] = errors.NacreError) -> Iterator[type[errors.NacreError]]:
    for subclass in base.__subclasses__():
        if subclass.__module__ == errors.__name__:
            yield subclass
            yield from all_errors(subclass)


def test_every_error_has_a_status() -> None:
    found = {error.__name__: error_response(error(), "GET", "/").status_code for error in all_errors()}
    assert found == {
        "BadRequest": 400,
        "BadFileFormat": 400,
        "BadJson": 400,
        "BadParameterType": 400,
        "ParameterOutOfRange": 400,
        "UnknownDicomTag": 400,
        "UnorderedSlices": 400,
        "Unauthorized": 401,
        "Forbidden": 403,
        "UnknownResource": 404,
        "InexistentItem": 404,
        "InexistentTag": 404,
        "AbsentElement": 404,
        "MethodNotAllowed": 405,
        "NotAcceptable": 406,
        "PayloadTooLarge": 413,
        "UnsupportedMediaType": 415,
        "NetworkProtocol": 500,
        "NoPresentationContext": 500,
        "DicomFindUnavailable": 500,
        "BadSequenceOfCalls": 500,
        "InternalError": 500,
        "Unavailable": 503,
        "BadRevision": 409,
        "RangeNotSatisfiable": 416,
    }


@pytest.mark.parametrize(
    ("error", "headers"),
    [
        (errors.Unauthorized("x"), {"WWW-Authenticate": 'Basic realm="Orthanc Secure Area"'}),
        (errors.Forbidden("x"), {}),
        (errors.MethodNotAllowed({"DELETE", "HEAD", "GET"}), {"Allow": "GET,DELETE"}),
        (errors.UnsupportedMediaType("x"), {}),
    ],
)
def test_orthanc_sends_no_body_with_these(error: errors.NacreError, headers: dict[str, str]) -> None:
    answer = error_response(error, "GET", "/changes")
    assert answer.body == b""
    assert answer.headers == {"X-Content-Type-Options": "nosniff", **headers}


def test_a_404_is_bare_where_orthancs_is() -> None:
    assert error_response(errors.UnknownResource(), "GET", "/studies/x", bare_404=True).body == b""
    assert error_response(errors.InexistentItem(), "GET", "/studies/x", bare_404=True).status_code == 404
    assert error_response(errors.BadRequest(), "GET", "/studies/x", bare_404=True).body != b""
    assert error_response(errors.AbsentElement(), "GET", "/instances/x/content/0010-0010").body == b""


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (client_error("ThrottlingException"), 503),
        (client_error("ProvisionedThroughputExceededException"), 503),
        (client_error("SlowDown"), 503),
        (client_error("RequestTimeout"), 503),
        (ReadTimeoutError(endpoint_url="https://internal"), 503),
        (ConnectTimeoutError(endpoint_url="https://internal"), 503),
        (EndpointConnectionError(endpoint_url="https://internal"), 503),
        (OutcomeUnknown("DOE^JOHN"), 503),
        (client_error("AccessDeniedException"), 500),
        (client_error("ResourceNotFoundException"), 500),
        (Conflict("DOE^JOHN"), 500),
        (errors.InternalError("DOE^JOHN"), 500),
        (ValueError("DOE^JOHN"), 500),
        (KeyError("DOE^JOHN"), 500),
        (RecursionError(), 500),
    ],
)
def test_faults_tell_their_status_and_nothing_else(error: Exception, status: int) -> None:
    answer = error_response(error, "GET", "/studies")
    body = json.loads(answer.body)
    assert answer.status_code == body["HttpStatus"] == status
    assert "Details" not in body
    assert not {"DOE", "internal", "Exception", "Traceback"} & set(answer.body.decode().split('"'))
    assert b"DOE" not in answer.body
    assert b"internal" not in answer.body
    assert body["OrthancStatus"] == (36 if status == 503 else -1)


def test_reasons_do_not_depend_on_pythons_version() -> None:
    assert STATUSES[errors.PayloadTooLarge] == (413, "Request Entity Too Large")


# Through the application


def application(raised: Callable[[], Response], telemetry: Telemetry) -> Chalice:
    app = Chalice("app", configure_logs=False)
    app.api.binary_types = ["*/*"]
    routes = Blueprint("routes")

    @routes.route("/{level}/{identifier}/tags", methods=["GET", "HEAD", "DELETE"])
    @guarded(routes, "/{level}/{identifier}/tags")
    def tags(level: str, identifier: str) -> Response:
        assert (level, identifier) != ("", "")
        return raised()

    @routes.route("/{level}/{identifier}", methods=["GET"])
    @guarded(routes, "/{level}/{identifier}", bare_404=True)
    def resource(level: str, identifier: str) -> Response:
        return raised()

    @routes.route("/unguarded", methods=["GET"])
    def unguarded() -> Response:
        return raised()

    app.register_blueprint(routes)
    app.register_middleware(observed(telemetry), "http")
    return app


def event(
    method: str, route: str, query: dict[str, list[str]] | None = None, **parameters: str
) -> dict[str, Any]:
    return {
        "requestContext": {"httpMethod": method, "resourcePath": route, "requestId": "r-1"},
        "headers": {"accept": "*/*"},
        "multiValueQueryStringParameters": query,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "body": None,
    }


def raising(error: Exception) -> Callable[[], Response]:
    def view() -> Response:
        raise error

    return view


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry(logging.Logger("nobody reads"), None)


def call(app: Chalice, *args: Any, **parameters: str) -> tuple[int, dict[str, str], bytes]:
    answer = app(event(*args, **parameters), None)
    body = answer["body"]
    decoded = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
    return answer["statusCode"], answer["headers"], decoded


def test_what_a_view_raises_becomes_its_answer(telemetry: Telemetry) -> None:
    app = application(raising(errors.UnknownResource()), telemetry)
    status, headers, body = call(
        app, "GET", "/{level}/{identifier}/tags", level="instances", identifier="zzz"
    )
    assert (status, headers["Content-Type"]) == (404, "text/plain")
    assert json.loads(body)["Uri"] == "/instances/zzz/tags"
    status, headers, body = call(app, "GET", "/{level}/{identifier}", level="instances", identifier="zzz")
    assert (status, body) == (404, b"")


@pytest.mark.parametrize("route", ["/{level}/{identifier}/tags", "/unguarded"])
def test_a_fault_is_a_500_without_internals(telemetry: Telemetry, route: str) -> None:
    app = application(raising(ValueError("DOE^JOHN at /srv/nacre/secret.py")), telemetry)
    status, _, body = call(app, "GET", route, level="instances", identifier="zzz")
    assert status == 500
    assert json.loads(body)["OrthancError"] == "Internal error"
    assert b"DOE" not in body
    assert b".py" not in body


def test_good_answers_pass_unchanged(telemetry: Telemetry) -> None:
    app = application(lambda: Response(b"\x00\xff", {"Content-Type": "application/dicom"}), telemetry)
    status, headers, body = call(app, "GET", "/{level}/{identifier}", level="instances", identifier="zzz")
    assert (status, body) == (200, b"\x00\xff")
    assert headers == {"Content-Type": "application/dicom", "X-Content-Type-Options": "nosniff"}


def test_a_method_that_a_path_lacks_is_a_405(telemetry: Telemetry) -> None:
    app = application(raising(AssertionError()), telemetry)
    status, headers, body = call(app, "POST", "/{level}/{identifier}/tags", level="studies", identifier="b")
    assert (status, headers["Allow"], body) == (405, "GET,DELETE", b"")


def test_a_path_that_no_route_has_is_a_404_with_orthancs_body(telemetry: Telemetry) -> None:
    app = application(raising(AssertionError()), telemetry)
    status, headers, body = call(app, "GET", "/{proxy+}", proxy="nope")
    assert (status, headers["Content-Type"], body) == (404, "text/plain", UNKNOWN_PATH)


def test_a_refused_content_type_is_a_415(telemetry: Telemetry) -> None:
    app = application(raising(AssertionError()), telemetry)
    request = event("GET", "/{level}/{identifier}", level="a", identifier="b")
    request["headers"]["content-type"] = "text/strange"
    assert app(request, None)["statusCode"] == 415
