"""The emulator's DynamoDB on a disk that fails: memory and disk never differ, and nothing is half done."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from infra.local.durable import DurableDynamoDB
from infra.local.journal import Journal

TABLE = {
    "TableName": "table",
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
    "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ],
}


class FailingJournal(Journal):
    """Fails at the write or the commit that `fails_after` counts down to."""

    fails_after: int | None = None

    @contextmanager
    def request(self) -> Iterator[None]:
        with super().request():
            yield
            self._count()

    def put(self, table: str, pk: str, sk: str, item: dict[str, Any]) -> None:
        self._count()
        super().put(table, pk, sk, item)

    def remove(self, table: str, pk: str, sk: str) -> None:
        self._count()
        super().remove(table, pk, sk)

    def _count(self) -> None:
        if self.fails_after is not None:
            self.fails_after -= 1
            if self.fails_after < 0:
                raise sqlite3.OperationalError("database or disk is full")


def fresh_module(name: str) -> ModuleType:
    """ministack's DynamoDB under another name, so that nobody else meets what is done to it."""
    spec = importlib.util.find_spec("ministack.services.dynamodb")
    assert spec is not None
    assert spec.origin is not None
    spec = importlib.util.spec_from_file_location(name, spec.origin)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def modules() -> tuple[ModuleType, ModuleType, Any, Any]:
    running, restarted = fresh_module("running"), fresh_module("restarted")
    return running, restarted, running._set_item, running._remove_item


class Emulated:
    """A table that can be asked, restarted, and made to fail."""

    def __init__(self) -> None:
        self._module, self._other, self._module._set_item, self._module._remove_item = modules()
        self._module._tables.clear()
        self._module._txn_idempotency.clear()
        self.journal = FailingJournal(Path(":memory:"))
        self._dynamodb = DurableDynamoDB(self._module, self.journal)
        assert self.ask("CreateTable", TABLE) == 200

    def ask(self, action: str, request: dict[str, Any]) -> int:
        body = json.dumps(request).encode()
        return asyncio.run(self._dynamodb.answer(f"DynamoDB_20120810.{action}", body))[0]

    def memory(self) -> dict[tuple[str, str], Any]:
        return items_of(self._module)

    def disk(self) -> dict[tuple[str, str], Any]:
        return {(pk, sk): item for _, pk, sk, item in self.journal.items()}

    def after_restart(self) -> dict[tuple[str, str], Any]:
        self._other._tables.clear()
        before = self._other._set_item, self._other._remove_item
        DurableDynamoDB(self._other, self.journal)
        self._other._set_item, self._other._remove_item = before
        return items_of(self._other)


def items_of(module: ModuleType) -> dict[tuple[str, str], Any]:
    found = module._tables["table"]["items"]
    return {(pk, sk): json.loads(json.dumps(item)) for pk, row in found.items() for sk, item in row.items()}


keys = st.sampled_from(["a", "b", "c"]).map(lambda name: {"pk": {"S": "p"}, "sk": {"S": name}})
puts = st.builds(lambda key: {"Put": {"TableName": "table", "Item": key | {"n": {"N": "1"}}}}, keys)
deletes = st.builds(lambda key: {"Delete": {"TableName": "table", "Key": key}}, keys)
updates = st.builds(
    lambda key: {
        "Update": {
            "TableName": "table",
            "Key": key,
            "UpdateExpression": "ADD n :n",
            "ExpressionAttributeValues": {":n": {"N": "1"}},
        }
    },
    keys,
)
writes = st.lists(puts | deletes | updates, min_size=1, max_size=3, unique_by=lambda w: str(key_of(w)))


def key_of(write: dict[str, Any]) -> Any:
    ((_, body),) = write.items()
    return body.get("Key") or {name: body["Item"][name] for name in ("pk", "sk")}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(writes, st.none() | st.integers(0, 4)), max_size=8))
def test_a_transaction_is_kept_whole_or_leaves_nothing_and_can_be_repeated(steps: Any) -> None:
    emulated = Emulated()
    for number, (items, fails_after) in enumerate(steps):
        before = emulated.memory()
        request = {"TransactItems": items, "ClientRequestToken": f"token-{number}"}
        emulated.journal.fails_after = fails_after
        status = emulated.ask("TransactWriteItems", request)
        emulated.journal.fails_after = None
        has_failed = fails_after is not None and fails_after <= len(items)
        assert status == (500 if has_failed else 200)
        assert emulated.memory() == emulated.disk()
        if has_failed:
            assert emulated.memory() == before
            assert emulated.ask("TransactWriteItems", request) == 200
        assert emulated.memory() == emulated.disk() == emulated.after_restart()
        for write in items:
            key = key_of(write)
            assert ((key["pk"]["S"], key["sk"]["S"]) in emulated.memory()) == ("Delete" not in write)


def test_single_writes_and_batches_are_kept() -> None:
    emulated = Emulated()
    key = {"pk": {"S": "p"}, "sk": {"S": "a"}}
    item = key | {"text": {"S": "Ä\0"}}
    assert emulated.ask("PutItem", {"TableName": "table", "Item": item}) == 200
    other = {"PutRequest": {"Item": {"pk": {"S": "q"}, "sk": {"S": "b"}}}}
    assert emulated.ask("BatchWriteItem", {"RequestItems": {"table": [other]}}) == 200
    assert emulated.after_restart().keys() == {("p", "a"), ("q", "b")}
    assert emulated.after_restart()["p", "a"] == item
    assert emulated.ask("DeleteItem", {"TableName": "table", "Key": key}) == 200
    assert emulated.after_restart().keys() == {("q", "b")}
    assert emulated.ask("DeleteTable", {"TableName": "table"}) == 200
    assert not emulated.disk()
    assert not emulated.journal.tables()
