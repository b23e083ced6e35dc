"""The emulator of AWS as a process of its own: ministack, its DynamoDB journaled, its S3 on disk.

Requests to DynamoDB go straight to ministack's handler: its general routing costs more than the work itself.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from types import ModuleType
from typing import Any

import uvicorn

from infra.local.children import live_with_parent, say_ready
from infra.local.journal import Journal

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Answer = tuple[int, dict[str, str], bytes | str]

HOST = "127.0.0.1"
REGION = "us-east-1"
TARGET = b"x-amz-target"
DYNAMODB = b"DynamoDB_20120810."


class JournaledDynamoDB:
    """ministack's DynamoDB, which it takes over: loads its tables from a journal and keeps them there."""

    def __init__(self, dynamodb: ModuleType, journal: Journal) -> None:
        self._dynamodb = dynamodb
        self._journal = journal
        self._set_item: Callable[..., Any] = dynamodb._set_item
        self._remove_item: Callable[..., Any] = dynamodb._remove_item
        self._load()
        setattr(dynamodb, "_set_item", self._put)  # noqa: B010 - a module of a library, not typed
        setattr(dynamodb, "_remove_item", self._remove)  # noqa: B010

    async def answer(self, target: str, body: bytes) -> Answer:
        """Answer one request; what it wrote is on disk by then."""
        headers = {"x-amz-target": target}
        if target.endswith((".GetItem", ".Query", ".BatchGetItem")):
            answer: Answer = await self._dynamodb.handle_request("POST", "/", headers, body, {})
            return answer
        with self._journal.request():
            answer = await self._dynamodb.handle_request("POST", "/", headers, body, {})
            if answer[0] == 200:
                self._note_table(target, body)
        return answer

    def _load(self) -> None:
        for request in self._journal.tables():
            self._dynamodb._create_table(request)
        for name, pk, sk, item in self._journal.items():
            self._set_item(self._dynamodb._tables[name], pk, sk, item)

    def _note_table(self, target: str, body: bytes) -> None:
        if not target.endswith("eTable"):
            return
        request = json.loads(body)
        if target.endswith(".CreateTable"):
            self._journal.create_table(request["TableName"], request)
        elif target.endswith(".DeleteTable"):
            self._journal.delete_table(request["TableName"])

    def _put(self, table: dict[str, Any], pk: str, sk: str, item: dict[str, Any]) -> Any:
        self._journal.put(table["TableName"], pk, sk, item)
        return self._set_item(table, pk, sk, item)

    def _remove(self, table: dict[str, Any], pk: str, sk: str) -> Any:
        self._journal.remove(table["TableName"], pk, sk)
        return self._remove_item(table, pk, sk)


class Emulator:
    """An ASGI application: DynamoDB by the short way, everything else by ministack's own."""

    def __init__(self, data: Path) -> None:
        os.environ.update(
            S3_PERSIST="1",
            S3_DATA_DIR=str(data / "s3"),
            MINISTACK_REGION=REGION,
            LOG_LEVEL="ERROR",
        )
        # ministack reads these variables when it is imported.
        from ministack import app as ministack  # noqa: PLC0415
        from ministack.core.responses import set_request_account_id, set_request_region  # noqa: PLC0415
        from ministack.services import dynamodb  # noqa: PLC0415

        self._set_account, self._set_region = set_request_account_id, set_request_region
        self._ministack = ministack.app
        self._enter()
        self._journal = Journal(data / "dynamodb.sqlite")
        self._dynamodb = JournaledDynamoDB(dynamodb, self._journal)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            return
        target = next((value for name, value in scope["headers"] if name == TARGET), b"")
        if not target.startswith(DYNAMODB):
            await self._ministack(scope, receive, send)
            return
        self._enter()
        status, headers, body = await self._dynamodb.answer(target.decode(), await _read(receive))
        content = body if isinstance(body, bytes) else body.encode()
        fields = [(name.encode(), str(value).encode()) for name, value in headers.items()]
        fields.append((b"content-length", str(len(content)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": content})

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


class _Server(uvicorn.Server):
    def install_signal_handlers(self) -> None:
        """Install none: the parent stops this process."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        say_ready()


def main() -> None:
    """Serve on a port of loopback, and say so on standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.data.mkdir(parents=True, exist_ok=True)
    emulator = Emulator(arguments.data)
    config = uvicorn.Config(
        emulator,
        HOST,
        arguments.port,
        log_level="error",
        access_log=False,
        lifespan="off",
        timeout_keep_alive=300,
        timeout_graceful_shutdown=2,
    )
    server = _Server(config)
    live_with_parent(lambda: setattr(server, "should_exit", True))
    server.run()


if __name__ == "__main__":
    main()
