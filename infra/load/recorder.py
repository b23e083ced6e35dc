"""Stands in for AWS's clients: keeps the few items that an ingest and a sweep read again, and counts the rest.

No more of DynamoDB than those two need: conditions always hold, as for writers that do not race.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from infra.load.heat import Heat
from infra.load.units import Item, item_size, read_units, write_units, written

Answer = dict[str, Any]


class InlineExecutor(Executor):
    """Runs what it is given at once, in the caller's thread: calls come in one order."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run it."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class Recorder:
    """DynamoDB and S3 at once: takes the place of both clients."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._items: dict[tuple[str, str, str], Item] = {}
        self.heat = Heat()
        self.calls: Counter[str] = Counter()

    # DynamoDB

    def get_item(self, TableName: str, Key: Item, **_: Any) -> Answer:  # noqa: N803 - AWS's names
        """GetItem."""
        self.calls["GetItem"] += 1
        item = self._read(TableName, Key)
        return {"Item": item} if item else {}

    def batch_get_item(self, RequestItems: dict[str, Item]) -> Answer:  # noqa: N803
        """BatchGetItem, never in part."""
        self.calls["BatchGetItem"] += 1
        found = {
            table: [item for key in wanted["Keys"] if (item := self._read(table, key))]
            for table, wanted in RequestItems.items()
        }
        return {"Responses": found, "UnprocessedKeys": {}}

    def update_item(self, TableName: str, **request: Any) -> Answer:  # noqa: N803
        """UpdateItem."""
        self.calls["UpdateItem"] += 1
        item = self._update(TableName, request)
        self._count(TableName, item, transactional=False)
        return {"Attributes": item}

    def transact_write_items(self, TransactItems: list[Item], **_: Any) -> Answer:  # noqa: N803
        """TransactWriteItems."""
        self.calls["TransactWriteItems"] += 1
        for found in TransactItems:
            kind, action = next(iter(found.items()))
            table = action["TableName"]
            item = self._update(table, action) if kind == "Update" else written(action)
            self._count(table, item, transactional=True)
            if kind == "Put" and _is_read_again(item):
                self._items[_place(table, item)] = item
        return {}

    # S3

    def put_object(self, Bucket: str, Key: str, **_: Any) -> Answer:  # noqa: N803
        """PutObject, which keeps nothing."""
        self.calls["PutObject"] += 1
        self.heat.put(int(self._clock()), Bucket, Key)
        return {}

    # Inside

    def _read(self, table: str, key: Item) -> Item | None:
        place = _place(table, key)
        item = self._items.get(place)
        self.heat.read(int(self._clock()), table, place[1], read_units(item_size(item) if item else 0))
        return item

    def _update(self, table: str, request: Item) -> Item:
        """Apply an expression of the forms ``SET a = :a, b = :b`` and ``ADD a :a``."""
        place = _place(table, request["Key"])
        item: Item = {**(self._items.get(place) or request["Key"])}
        names, values = request.get("ExpressionAttributeNames", {}), request["ExpressionAttributeValues"]
        verb, _, rest = request["UpdateExpression"].partition(" ")
        for part in rest.split(", "):
            name, value = part.split(" = ") if verb == "SET" else part.split(" ")
            name = names.get(name, name)
            given = values[value]
            if verb == "ADD":
                given = {"N": str(int(item.get(name, {"N": "0"})["N"]) + int(given["N"]))}
            item[name] = given
        self._items[place] = item
        return item

    def _count(self, table: str, item: Item, *, transactional: bool) -> None:
        _, pk, sk = _place(table, item)
        units = write_units(item_size(item), transactional=transactional)
        self.heat.write(int(self._clock()), table, pk, sk, units)


def _place(table: str, item: Item) -> tuple[str, str, str]:
    return table, item["pk"]["S"], item["sk"]["S"] if "sk" in item else ""


def _is_read_again(item: Item) -> bool:
    """A row above instances, or an entry of the log."""
    return "sk" not in item or item["sk"]["S"] == "!"
