"""Calls the application in process as API Gateway does: an event with a base64 body in, a base64 body out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.application import Application
from infra.local.gateway import Gateway, HttpRequest


@dataclass(frozen=True)
class Answer:
    """What came back; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "")

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """A client of one application."""

    def __init__(self, app: Application) -> None:
        self._gateway = Gateway(app)

    def request(
        self, method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request to a path with its query string."""
        path, _, query = url.partition("?")
        sent = {name.lower(): value for name, value in (headers or {}).items()}
        answer = self._gateway.handle(HttpRequest(method, path, query, sent, body))
        received = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status, received, answer.body)

    def get(self, url: str) -> Answer:
        return self.request("GET", url)

    def post(self, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        return self.request("POST", url, body, headers)

    def delete(self, url: str) -> Answer:
        return self.request("DELETE", url)
