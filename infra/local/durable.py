"""ministack's DynamoDB and S3, made to keep what they acknowledge: a write that is not on disk by then is refused."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any

from infra.local.journal import Journal

Answer = tuple[int, dict[str, str], bytes | str]

READS = (".GetItem", ".Query", ".BatchGetItem")


class DurableDynamoDB:
    """ministack's DynamoDB, which it takes over: loads its tables from a journal and keeps them there.

    Notes
    -----
    One request is answered at a time: ministack's handlers never wait for anything.
    """

    def __init__(self, dynamodb: ModuleType, journal: Journal) -> None:
        self._dynamodb = dynamodb
        self._journal = journal
        self._handle: Callable[..., Awaitable[Answer]] = dynamodb.handle_request
        self._set_item: Callable[..., Any] = dynamodb._set_item
        self._remove_item: Callable[..., Any] = dynamodb._remove_item
        self._touched: list[tuple[str, str, str]] = []
        self._load()
        setattr(dynamodb, "_set_item", self._put)  # noqa: B010 - a module of a library, not typed
        setattr(dynamodb, "_remove_item", self._remove)  # noqa: B010

    async def answer(self, target: str, body: bytes) -> Answer:
        """Answer one request; what it wrote is on disk by then, or undone."""
        headers = {"x-amz-target": target}
        if target.endswith(READS):
            return await self._handle("POST", "/", headers, body, {})
        self._touched.clear()
        try:
            with self._journal.request():
                answer = await self._handle("POST", "/", headers, body, {})
                if answer[0] == 200:
                    self._note_table(target, body)
        except Exception as error:
            self._undo(body)
            return _failure(error)
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
        self._touched.append((table["TableName"], pk, sk))
        self._journal.put(table["TableName"], pk, sk, item)
        return self._set_item(table, pk, sk, item)

    def _remove(self, table: dict[str, Any], pk: str, sk: str) -> Any:
        self._touched.append((table["TableName"], pk, sk))
        self._journal.remove(table["TableName"], pk, sk)
        return self._remove_item(table, pk, sk)

    def _undo(self, body: bytes) -> None:
        """Make memory what the disk is, and let a repetition of the request be carried out."""
        for name, pk, sk in self._touched:
            item = self._journal.item(name, pk, sk)
            if item is None:
                self._remove_item(self._dynamodb._tables[name], pk, sk)
            else:
                self._set_item(self._dynamodb._tables[name], pk, sk, item)
        self._dynamodb._txn_idempotency.pop(json.loads(body).get("ClientRequestToken"), None)


def _failure(error: Exception) -> Answer:
    sys.stderr.write(f"The local stack could not keep a write: {error}\n")
    body = json.dumps({"__type": "InternalServerError", "message": "The write could not be kept"})
    return 500, {"Content-Type": "application/x-amz-json-1.0"}, body


def refuse_unpersisted_objects(s3: ModuleType) -> None:
    """Make ministack's S3 fail when it could not write an object to disk, which it would only log."""
    persist: Callable[[str, str, dict[str, Any]], None] = s3._persist_object

    def persist_or_fail(bucket: str, key: str, record: dict[str, Any]) -> None:
        persist(bucket, key, record)
        if record["body"] is not None:  # dropped once it is on disk
            raise OSError("The object could not be written")

    setattr(s3, "_persist_object", persist_or_fail)  # noqa: B010 - a module of a library, not typed
