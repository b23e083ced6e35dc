"""The two servers as scenarios see them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from tests.conformance.exchanges import NOTHING, Body, Exchange, Request, comparable
from tests.support.client import Answer

JOB = "{job}"
"""Stands in paths for the job that was started last; its identifier is another one on each server."""

QUERY = "{query}"
"""As `JOB`, for the query of a modality that was asked last."""


class Server(Protocol):
    """A server."""

    def send(self, request: Request) -> Answer:
        """Send a request and wait for the answer."""

    def wait_until_stable(self) -> None:
        """Let `StableAge` pass."""

    def catch_up(self) -> None:
        """Let background work be done, but no time pass."""

    def work(self) -> None:
        """Let all jobs end."""


class Session:
    """A scenario's conversation with a server; keeps what was said."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.exchanges: list[Exchange] = []
        self._job = self._query = "none"

    def ask(
        self,
        method: str,
        path: str,
        body: Body = NOTHING,
        headers: Mapping[str, str] | None = None,
        *,
        is_ordered: bool = True,
    ) -> Any:
        """Send a request; returns the body of the answer as JSON or text, None if there is none or it failed."""
        request = Request(method, path, body, headers or {}, is_ordered)
        real = path.replace(JOB, self._job).replace(QUERY, self._query)
        answer = self._server.send(replace(request, path=real))
        started = re.search(rb'"/jobs/([0-9a-f-]{36})"', answer.body)
        if started and method == "POST":
            self._job = started[1].decode()
        asked = re.search(rb'"/queries/([0-9a-f-]{36})"', answer.body)
        if asked and method == "POST":
            self._query = asked[1].decode()
        self.exchanges.append(Exchange(request.line, comparable(request, answer)))
        return self._heard().body if self._heard().status == 200 else None

    def post(self, path: str, value: Any, *, is_ordered: bool = True) -> Any:
        """Send a value as JSON, or a text as it stands."""
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return self.ask("POST", path, Body(text, text.encode()), is_ordered=is_ordered)

    def get(self, *paths: str) -> Any:
        """Send some requests; returns the answer to the last."""
        answer = None
        for path in paths:
            answer = self.ask("GET", path)
        return answer

    def wait_until_stable(self) -> None:
        """Let `StableAge` pass."""
        self._server.wait_until_stable()

    def catch_up(self) -> None:
        """Let background work be done, but no time pass."""
        self._server.catch_up()

    def work(self) -> None:
        """Let all jobs end."""
        self._server.work()

    def _heard(self) -> Exchange:
        """The exchange whose answer the scenario goes by."""
        return self.exchanges[-1]


class Replay(Session):
    """A conversation that follows a recorded one: the scenario goes by the recorded answers."""

    def __init__(self, server: Server, recorded: list[Exchange]) -> None:
        super().__init__(server)
        self._recorded = recorded

    def _heard(self) -> Exchange:
        position = len(self.exchanges) - 1
        recorded = self._recorded[position : position + 1]
        if not recorded or recorded[0].request != self.exchanges[-1].request:
            raise AssertionError(f"The recording does not have {self.exchanges[-1].request}: record anew")
        return recorded[0]
