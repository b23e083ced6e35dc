"""ministack inside the test's own process: a client's requests become function calls, without a socket.

A request is answered under one lock, as the emulator's single event loop does, so threads may share it.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Coroutine
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from infra.local.sorted_queries import keep_sorted

os.environ.setdefault("LOG_LEVEL", "ERROR")
REGION = "us-east-1"
_LOCK = threading.Lock()


class InProcess:
    """Takes the place of a client's HTTP session; what one `account` holds, another does not see."""

    def __init__(self) -> None:
        from ministack.core.responses import set_request_account_id, set_request_region
        from ministack.services import dynamodb, s3

        keep_sorted(dynamodb)
        logging.getLogger("s3").setLevel(logging.ERROR)
        self.account = ""
        self._replays: dict[bytes, Any] = {}
        self._enter = (set_request_account_id, set_request_region)
        self._dynamodb, self._s3 = dynamodb, s3

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        """Answer a request."""
        with _LOCK:
            self._enter[0](self.account)
            self._enter[1](REGION)
            status, headers, body = self._answer(request)
        return answer(request, status, headers, body if isinstance(body, bytes) else body.encode())

    def close(self) -> None:
        """Nothing is open."""

    def forget(self) -> None:
        """Drop all that the account holds."""
        self._replays.clear()
        with _LOCK:
            self._enter[0](self.account)
            for store in (self._dynamodb._tables, self._s3._buckets):
                store.clear()

    def _answer(self, request: AWSPreparedRequest) -> Any:
        headers = {name.lower(): _text(value) for name, value in request.headers.items()}
        body = _bytes(request.body)
        if "x-amz-target" in headers:
            return self._replay(headers, body)
        url = urlsplit(request.url)
        query = parse_qs(url.query, keep_blank_values=True)
        return _run(self._s3.handle_request(request.method, unquote(url.path), headers, body, query))

    def _replay(self, headers: dict[str, str], body: bytes) -> Any:
        """Answer DynamoDB's way; a transaction sent twice is carried out once (ministack compares tokens badly)."""
        if body in self._replays:
            return self._replays[body]
        found = _run(self._dynamodb.handle_request("POST", "/", headers, body, {}))
        if found[0] == 200 and b'"ClientRequestToken"' in body:
            self._replays[body] = found
        return found


def answer(request: AWSPreparedRequest, status: int, headers: dict[str, str], body: bytes) -> AWSResponse:
    """A response as it comes from the network."""
    raw: Any = _Raw(body)
    return AWSResponse(request.url, status, headers, raw)


class _Raw(BytesIO):
    """A body as urllib3 would give it."""

    def stream(self, amount: int = 65536, decode_content: bool | None = None) -> Any:
        while chunk := self.read(amount):
            yield chunk


def _run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("the emulator waits for something")


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _bytes(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    return body if isinstance(body, bytes | bytearray) else body.read()
