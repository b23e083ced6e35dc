"""A store whose answers are held to the rules that hold for every request, however odd."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from chalicelib.application import make_app
from chalicelib.observability import Telemetry
from chalicelib.services.authentication import Authenticator
from tests.support.client import Answer, Client
from tests.support.world import World

FIELDS = {"HttpError", "HttpStatus", "Message", "Method", "OrthancError", "OrthancStatus", "Uri"}
MAXIMUM_SECONDS = 10.0
"""Of work, since other processes may be busy; what only waits meets the watchdog."""

SORT_KEY_BYTES = 1024
LEAKS = (b"Traceback", b'File "', b"chalicelib", b"Exception", b"botocore", b"object at 0x")


class Store:
    """A store in this process, and a client that looks at every answer."""

    def __init__(
        self, world: World, telemetry: Telemetry, authenticator: Authenticator | None = None
    ) -> None:
        self.world = world
        self.app = make_app(world.services, telemetry, authenticator)
        self.errors: list[bytes] = []
        """The bodies of all answers that told of an error."""
        self._client = Client(self.app)

    def ask(
        self, method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request and check the answer; its status may be anything from 200 to 499."""
        self.world.calls.reset()
        began = time.process_time()
        answer = self.ask_unchecked(method, url, body, headers)
        seconds = time.process_time() - began
        asked = f"{method} {url[:200]} {headers or ''}: {answer.status} {answer.body[:300]!r}"
        assert 200 <= answer.status < 500, asked
        assert seconds < MAXIMUM_SECONDS, f"{seconds:.1f} s for {asked}"
        assert not [name for name in answer.headers if "\r" in name + answer.headers[name]], asked
        assert not [name for name in answer.headers if "\n" in name + answer.headers[name]], asked
        assert not too_long_for_dynamodb(self.world.calls.requests), asked
        if answer.status >= 400:
            self.errors.append(answer.body)
            assert is_orthancs(method, answer), asked
        return answer

    def ask_unchecked(
        self, method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request that may fail."""
        return self._client.request(method, url, body, headers)

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.ask("GET", url, b"", headers)

    def post(self, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        """Upload a body."""
        return self.ask("POST", "/instances", body, headers)


def too_long_for_dynamodb(requests: list[tuple[str, dict[str, Any]]]) -> list[str]:
    """The keys that DynamoDB would refuse to look for; no emulator does."""
    queries = [request for name, request in requests if name == "Query"]
    values = [text for query in queries for text in query["ExpressionAttributeValues"].values()]
    return [text["S"] for text in values if len(text.get("S", "").encode()) > SORT_KEY_BYTES]


def is_orthancs(method: str, answer: Answer) -> bool:
    """Whether an error's body is none, or has Orthanc's shape and nothing of the program in it."""
    if not answer.body:
        return True
    error = json.loads(answer.body)
    fields = set(error) - {"Details"}
    described = (error.get("HttpStatus"), error.get("Method")) == (answer.status, method)
    is_plain = answer.content_type == "text/plain" and not any(leak in answer.body for leak in LEAKS)
    return fields == FIELDS and described and is_plain
