"""API Gateway's part, locally: from an HTTP request to the event that Lambda gets, and back (REST API, payload 1.0).

Bodies travel in base64 both ways, as with the binary media type ``*/*``. The authorizer runs before the route.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

import pybase64
from chalice.local import ForbiddenError as Denied
from chalice.local import LambdaContext, LocalGatewayAuthorizer, NotAuthorizedError

from chalicelib.application import Application
from chalicelib.domain.errors import Forbidden, InternalError, NacreError, Unauthorized, UnknownResource
from chalicelib.routes.errors import error_response

FUNCTION_MEMORY_MB = 1024
TIMEOUT_MS = 29_000  # API Gateway's limit


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What a client sent; `path` is still encoded, header names are in lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    remote_ip: str = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What goes back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Gateway:
    """Calls an application as API Gateway would. Threads may share it."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._routes = RouteTree(app.routes)
        self._authorizer = LocalGatewayAuthorizer(app)

    def handle(self, request: HttpRequest) -> HttpAnswer:
        """Answer a request."""
        event = self.event(request)
        if event is None:
            return refusal(UnknownResource(), request)
        context = LambdaContext("nacre", FUNCTION_MEMORY_MB, TIMEOUT_MS)
        try:
            event, context = self._authorizer.authorize(request.path, event, context)
        except (NotAuthorizedError, Unauthorized):
            return refusal(Unauthorized(), request)
        except Denied:
            return refusal(Forbidden(), request)
        except NacreError:
            return refusal(InternalError(), request)
        return _answer(self._app(event, context))

    def event(self, request: HttpRequest) -> dict[str, Any] | None:
        """The event that Lambda gets of a request, or None if no route has its path."""
        found = self._routes.find(request.path)
        return _event(request, *found) if found else None


class RouteTree:
    """Finds the route of a path: at each segment a literal wins over a parameter, as in API Gateway."""

    def __init__(self, templates: Mapping[str, object]) -> None:
        self._root: dict[str, Any] = {}
        for template in templates:
            node = self._root
            for segment in _segments(template):
                node = node.setdefault("{}" if segment.startswith("{") else segment, {})
            node[""] = template

    def find(self, path: str) -> tuple[str, dict[str, str]] | None:
        """The template and the decoded parameters, or None."""
        segments = _segments(path)
        template = _descend(self._root, segments)
        if template is None:
            return None
        names = zip(_segments(template), segments, strict=True)
        return template, {name[1:-1]: unquote(given) for name, given in names if name.startswith("{")}


def _segments(path: str) -> list[str]:
    """The parts of a path; empty ones do not count, as with Orthanc."""
    return [segment for segment in path.split("/") if segment]


def _descend(node: dict[str, Any], segments: list[str]) -> str | None:
    """No way back from a literal: whether API Gateway would look for one is not documented."""
    for segment in segments:
        node = node.get(segment, node.get("{}", {}))
    template: str | None = node.get("")
    return template


def _event(request: HttpRequest, template: str, parameters: dict[str, str]) -> dict[str, Any]:
    query = parse_qs(request.query, keep_blank_values=True)
    return {
        "resource": template,
        "path": request.path,
        "httpMethod": request.method,
        "headers": dict(request.headers),
        "multiValueHeaders": {name: [value] for name, value in request.headers.items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": template,
            "httpMethod": request.method,
            "path": request.path,
            "protocol": "HTTP/1.1",
            "requestId": str(uuid.uuid4()),
            "stage": "local",
            "identity": {
                "sourceIp": request.remote_ip,
                "userAgent": request.headers.get("user-agent", ""),
            },
        },
        "body": pybase64.b64encode_as_string(request.body) if request.body else None,
        "isBase64Encoded": bool(request.body),
    }


def _answer(answer: dict[str, Any]) -> HttpAnswer:
    headers = {**answer["headers"]}
    for name, values in answer.get("multiValueHeaders", {}).items():
        headers[name] = ", ".join(values)
    body = answer["body"]
    content = pybase64.b64decode(body) if answer.get("isBase64Encoded") else str(body).encode()
    return HttpAnswer(answer["statusCode"], headers, content)


def refusal(error: NacreError, request: HttpRequest) -> HttpAnswer:
    """The answer to a request that does not reach the application."""
    response = error_response(error, request.method, request.path)
    headers = {name: str(value) for name, value in response.headers.items()}
    return HttpAnswer(response.status_code, headers, response.body)
