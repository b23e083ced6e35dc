"""Calls the application in process as API Gateway does: an event with a base64 body in, a base64 body out."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

_CONTEXT = SimpleNamespace(
    function_name="nacre", memory_limit_in_mb=1024, invoked_function_arn="arn:aws:lambda", aws_request_id="1"
)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "")

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """A client of one application. Header names in answers are in lower case."""

    def __init__(self, app: Any) -> None:
        self._call: Callable[..., dict[str, Any]] = app
        self._match = _matcher(app.routes)

    def request(
        self, method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request to a path with its query string; a path that no route has gives a bare 404."""
        parts = urlsplit(url)
        found = self._match(parts.path)
        if found is None:
            return Answer(404, {}, b"")
        template, parameters = found
        event = {
            "resource": template,
            "path": parts.path,
            "httpMethod": method,
            "pathParameters": parameters or None,
            "headers": dict(headers or {}),
            "multiValueHeaders": {name: [value] for name, value in (headers or {}).items()},
            **_query(parts.query),
            "stageVariables": None,
            "requestContext": {
                "httpMethod": method,
                "resourcePath": template,
                "path": parts.path,
                "identity": {"sourceIp": "127.0.0.1"},
                "requestId": "request",
            },
            "body": base64.b64encode(body).decode() if body else None,
            "isBase64Encoded": bool(body),
        }
        return _answer(self._call(event, _CONTEXT))

    def get(self, url: str) -> Answer:
        return self.request("GET", url)

    def post(self, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        return self.request("POST", url, body, headers)

    def delete(self, url: str) -> Answer:
        return self.request("DELETE", url)


def _query(text: str) -> dict[str, Any]:
    pairs = parse_qsl(text, keep_blank_values=True)
    several: dict[str, list[str]] = {}
    for name, value in pairs:
        several.setdefault(name, []).append(value)
    return {
        "queryStringParameters": dict(pairs) or None,
        "multiValueQueryStringParameters": several or None,
    }


def _answer(raw: dict[str, Any]) -> Answer:
    headers = {name.lower(): value for name, value in raw.get("headers", {}).items()}
    for name, values in raw.get("multiValueHeaders", {}).items():
        headers[name.lower()] = ", ".join(values)
    body = raw["body"] or ""
    data = base64.b64decode(body) if raw.get("isBase64Encoded") else body.encode()
    return Answer(raw["statusCode"], headers, data)


def _matcher(routes: Mapping[str, Any]) -> Callable[[str], tuple[str, dict[str, str]] | None]:
    """Finds a path's route: a literal segment wins over a parameter, as in API Gateway."""
    by_length: dict[int, list[tuple[str, list[str]]]] = {}
    for template in sorted(routes, key=lambda route: re.sub(r"\{\w+\}", "~", route)):
        segments = template.strip("/").split("/")
        by_length.setdefault(len(segments), []).append((template, segments))

    def match(path: str) -> tuple[str, dict[str, str]] | None:
        given = path.strip("/").split("/")
        for template, segments in by_length.get(len(given), []):
            if all(s == g or s.startswith("{") for s, g in zip(segments, given, strict=True)):
                named = zip(segments, given, strict=True)
                return template, {s[1:-1]: unquote(g) for s, g in named if s.startswith("{")}
        return None

    return match
