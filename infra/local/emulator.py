"""The emulator of AWS as a process of its own: ministack, its DynamoDB journaled, its S3 on disk.

Requests to DynamoDB go straight to ministack's handler: its general routing costs more than the work itself.
Signatures are not verified. What keeps web pages out is that their requests carry an origin or a foreign host.
"""

from __future__ import annotations

import argparse
import os
import socket
from collections.abc import Awaitable, Callable, Generator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from infra.local.children import live_with_parent, say_ready
from infra.local.durable import DurableDynamoDB, refuse_unpersisted_objects
from infra.local.journal import Journal
from infra.local.sorted_queries import keep_sorted

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

REGION = "us-east-1"
TARGET = b"x-amz-target"
DYNAMODB = b"DynamoDB_20120810."
FORBIDDEN = 403


class Emulator:
    """An ASGI application: DynamoDB by the short way, everything else by ministack's own."""

    def __init__(self, data: Path, host: str) -> None:
        os.environ.update(
            S3_PERSIST="1",
            S3_DATA_DIR=str(data / "s3"),
            MINISTACK_REGION=REGION,
            LOG_LEVEL="CRITICAL",
        )
        # ministack reads these variables when it is imported.
        from ministack import app as ministack  # noqa: PLC0415
        from ministack.core.responses import set_request_account_id, set_request_region  # noqa: PLC0415
        from ministack.services import dynamodb, s3  # noqa: PLC0415

        self._set_account, self._set_region = set_request_account_id, set_request_region
        self._ministack = ministack.app
        self._host = host.encode()
        self._enter()
        keep_sorted(dynamodb)
        self._dynamodb = DurableDynamoDB(dynamodb, Journal(data / "dynamodb.sqlite"))
        refuse_unpersisted_objects(s3)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = dict(scope["headers"])
        if headers.get(b"host") != self._host or b"origin" in headers:
            await _send(send, FORBIDDEN, {}, b"")
            return
        target = headers.get(TARGET, b"")
        if not target.startswith(DYNAMODB):
            await self._ministack(scope, receive, send)
            return
        self._enter()
        status, fields, body = await self._dynamodb.answer(target.decode(), await _read(receive))
        await _send(send, status, fields, body if isinstance(body, bytes) else body.encode())

    def _enter(self) -> None:
        self._set_account("test")
        self._set_region(REGION)


async def _read(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _send(send: Send, status: int, headers: Mapping[str, object], body: bytes) -> None:
    fields = [(name.encode(), str(value).encode()) for name, value in headers.items()]
    fields.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Capture none: the parent stops this process."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        say_ready()


def main() -> None:
    """Serve on a socket that the parent listens on, and say so on standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--socket", type=int, required=True, help="file descriptor of the listening socket")
    parser.add_argument("--data", type=Path, required=True, help="folder to keep everything in")
    arguments = parser.parse_args()
    arguments.data.mkdir(parents=True, exist_ok=True)
    listener = socket.socket(fileno=arguments.socket)
    address, port = listener.getsockname()
    config = uvicorn.Config(
        Emulator(arguments.data, f"{address}:{port}"),
        log_level="error",
        access_log=False,
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=300,
        timeout_graceful_shutdown=2,
    )
    server = _Server(config)
    live_with_parent(lambda: setattr(server, "should_exit", True))
    server.run([listener])


if __name__ == "__main__":
    main()
