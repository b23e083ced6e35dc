"""A gateway to one DynamoDB table: typed errors, followed pages, finished batches.

Every method makes one AWS call, or one per page, and more only where AWS left something to do. botocore's own
retries (throttling, timeouts) come first; what they leave is translated into the store's errors.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from chalicelib.domain.errors import Unavailable
from chalicelib.storage.dynamodb.errors import Conflict, translated

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Answer = TypeVar("Answer")
Item = dict[str, Any]
"""A marshalled item: attribute name to ``{"S": ...}``, ``{"N": ...}``, ..."""

MAX_BATCH_KEYS = 100  # BatchGetItem, DynamoDB quota
MAX_BATCH_WRITES = 25  # BatchWriteItem, DynamoDB quota
MAX_ATTEMPTS = 10
GROWTH = 8  # of the pages of a query that may not be read to its end


class Table:
    """One table of the index, reached through a low-level client."""

    def __init__(
        self, client: DynamoDBClient, name: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = client
        self._sleep = sleep
        self.name = name

    def get(self, key: Item) -> Item | None:
        """The item under `key`, strongly consistent, or None."""
        with translated():
            return self._client.get_item(TableName=self.name, Key=key, ConsistentRead=True).get("Item")

    def batch_get(self, keys: Sequence[Item]) -> list[Item]:
        """The items that exist among `keys` (any number, no repeats), strongly consistent, in no order."""
        found: list[Item] = []
        for start in range(0, len(keys), MAX_BATCH_KEYS):
            found.extend(self._batch_get_page(list(keys[start : start + MAX_BATCH_KEYS])))
        return found

    def _batch_get_page(self, keys: list[Item]) -> Iterator[Item]:
        for attempt in range(MAX_ATTEMPTS):
            request: Any = {self.name: {"Keys": keys, "ConsistentRead": True}}
            with translated():
                answer = self._client.batch_get_item(RequestItems=request)
            yield from answer["Responses"].get(self.name, [])
            left: Any = answer.get("UnprocessedKeys", {})
            keys = left.get(self.name, {}).get("Keys", [])
            if not keys:
                return
            self._sleep(backoff(attempt))
        raise Unavailable("The index is throttling reads")

    def query(
        self,
        pk: str,
        *,
        prefix: str = "",
        after: str | None = None,
        until: str | None = None,
        limit: int | None = None,
        first: int | None = None,
    ) -> Iterator[Item]:
        """The items of a partition in the order of their sort keys, strongly consistent.

        `prefix` keeps the sort keys that begin with it; `after` starts behind that sort key, at
        it if `until` is given too; `until` ends at it (inclusive); `limit` bounds how many are given, and read.
        `first` is how many are likely to be enough: as many are read at first, then ever more at once.
        """
        request = self._query_request(pk, prefix, after, until)
        left, size = limit, first
        while True:
            bounds = [bound for bound in (left, size) if bound is not None]
            if bounds:
                request["Limit"] = min(bounds)
            with translated():
                answer = self._client.query(**request)
            items = answer["Items"]
            yield from items
            left = None if left is None else left - len(items)
            if "LastEvaluatedKey" not in answer or left == 0:
                return
            size = None if size is None else size * GROWTH
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _query_request(self, pk: str, prefix: str, after: str | None, until: str | None) -> dict[str, Any]:
        values: Item = {":pk": {"S": pk}}
        condition = "pk = :pk"
        if until is not None and after:
            condition += " AND sk BETWEEN :after AND :until"
            values |= {":after": {"S": after}, ":until": {"S": until}}
        elif until is not None:
            condition += " AND sk <= :until"
            values[":until"] = {"S": until}
        elif prefix:
            condition += " AND begins_with(sk, :prefix)"
            values[":prefix"] = {"S": prefix}
        elif after is not None:
            condition += " AND sk > :after"
            values[":after"] = {"S": after}
        return {
            "TableName": self.name,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ConsistentRead": True,
        }

    def scan(self, segment: int = 0, segments: int = 1) -> Iterator[Item]:
        """All items of one of several segments, in no order: for maintenance alone, since it reads the whole table."""
        request: dict[str, Any] = {"TableName": self.name, "ConsistentRead": True}
        request |= {"Segment": segment, "TotalSegments": segments}
        while True:
            with translated():
                answer = self._client.scan(**request)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def put(self, item: Item, *, if_absent: bool = False) -> None:
        """Write `item`; with `if_absent`, only where there is none.

        Raises
        ------
        ConditionFailed
            An item is there already.
        """
        condition: Any = {"ConditionExpression": "attribute_not_exists(pk)"} if if_absent else {}
        self._write(lambda: self._client.put_item(TableName=self.name, Item=item, **condition))

    def delete(self, key: Item) -> None:
        """Remove the item under `key`, if there is one."""
        self._write(lambda: self._client.delete_item(TableName=self.name, Key=key))

    def remove(self, keys: Sequence[Item]) -> None:
        """Remove the items under `keys` (any number); those that are not there do not matter."""
        for start in range(0, len(keys), MAX_BATCH_WRITES):
            page: list[Any] = [
                {"DeleteRequest": {"Key": key}} for key in keys[start : start + MAX_BATCH_WRITES]
            ]
            self._write_page(page)

    def _write_page(self, requests: list[Any]) -> None:
        for attempt in range(MAX_ATTEMPTS):
            with translated():
                answer = self._client.batch_write_item(RequestItems={self.name: requests})
            requests = list(answer.get("UnprocessedItems", {}).get(self.name, []))
            if not requests:
                return
            self._sleep(backoff(attempt))
        raise Unavailable("The index is throttling writes")

    def update(
        self,
        key: Item,
        expression: str,
        values: Item,
        names: dict[str, str] | None = None,
        condition: str = "",
        returned: Literal["UPDATED_NEW", "ALL_NEW"] = "UPDATED_NEW",
    ) -> Item:
        """Apply an update expression and return the attributes it set, or all there are then.

        Raises
        ------
        ConditionFailed
            `condition` does not hold.
        """
        extra: Any = {"ConditionExpression": condition} if condition else {}
        if names:
            extra["ExpressionAttributeNames"] = names
        return self._write(
            lambda: self._client.update_item(
                TableName=self.name,
                Key=key,
                UpdateExpression=expression,
                ExpressionAttributeValues=values,
                ReturnValues=returned,
                **extra,
            )
        ).get("Attributes", {})

    def _write(self, call: Callable[[], Answer]) -> Answer:
        """Write one item, again while a transaction holds it: the SDK does not retry that."""
        for attempt in range(MAX_ATTEMPTS):
            try:
                with translated():
                    return call()
            except Conflict:
                self._sleep(backoff(attempt))
        raise Unavailable("The index is busy")

    def transact(self, actions: Sequence[Item]) -> None:
        """Apply all the actions or none (at most 100, on any table of the account).

        Raises
        ------
        ConditionFailed
            With the positions of the actions whose condition does not hold.
        Conflict
            Another transaction holds one of the items.
        OutcomeUnknown
            The answer was lost after the SDK's retries.
        """
        items: Any = list(actions)
        with translated():
            self._client.transact_write_items(TransactItems=items, ClientRequestToken=str(uuid.uuid4()))

    def put_action(self, item: Item, condition: str = "", values: Item | None = None) -> Item:
        """A Put for `transact`."""
        return {"Put": {"TableName": self.name, "Item": item, **_condition(condition, values)}}

    def delete_action(self, key: Item, condition: str = "", values: Item | None = None) -> Item:
        """A Delete for `transact`."""
        return {"Delete": {"TableName": self.name, "Key": key, **_condition(condition, values)}}

    def update_action(
        self,
        key: Item,
        expression: str,
        values: Item,
        names: dict[str, str] | None = None,
        condition: str = "",
    ) -> Item:
        """An Update for `transact`."""
        extra: Item = {"ExpressionAttributeNames": names} if names else {}
        return {
            "Update": {
                "TableName": self.name,
                "Key": key,
                "UpdateExpression": expression,
                **_condition(condition, values),
                **extra,
            }
        }

    def check_action(self, key: Item, condition: str, values: Item) -> Item:
        """A ConditionCheck for `transact`."""
        return {"ConditionCheck": {"TableName": self.name, "Key": key, **_condition(condition, values)}}


def backoff(attempt: int, base_seconds: float = 0.02, cap_seconds: float = 1.0) -> float:
    """A random wait in seconds that doubles its bound with each attempt (full jitter)."""
    return random.uniform(0, min(cap_seconds, base_seconds * 2**attempt))


def _condition(expression: str, values: Item | None) -> Item:
    parts: Item = {}
    if expression:
        parts["ConditionExpression"] = expression
    if values:
        parts["ExpressionAttributeValues"] = values
    return parts
