"""Queries of ministack's DynamoDB at a cost that depends on the answer, not on the partition.

ministack sorts a partition and tries the condition on each of its items at every query, so that lists would slow down
as the store grows, which they do not on AWS. Here partitions are kept sorted, and a query is shown only the items
that its range and its limit can reach; what it makes of them stays ministack's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import islice
from types import ModuleType
from typing import Any

from sortedcontainers import SortedDict

LAST = "\U0010ffff"
_RANGE = re.compile(
    r"pk = :pk(?: AND (?:begins_with\(sk, (?P<prefix>:\w+)\)|sk > (?P<after>:\w+)|sk <= (?P<until>:\w+)"
    r"|sk BETWEEN (?P<low>:\w+) AND (?P<high>:\w+)))?"
)


@cache
def keep_sorted(dynamodb: ModuleType) -> None:
    """Change ministack's module, before its tables are filled."""
    set_item: Callable[..., Any] = dynamodb._set_item
    query: Callable[..., Any] = dynamodb._query

    def set_sorted(table: dict[str, Any], pk: str, sk: str, item: dict[str, Any]) -> Any:
        if table["sk_name"]:
            table["items"].setdefault(pk, SortedDict())
        return set_item(table, pk, sk, item)

    def query_range(data: dict[str, Any]) -> Any:
        with _narrowed(dynamodb._tables.get(data.get("TableName")), data):
            return query(data)

    setattr(dynamodb, "_set_item", set_sorted)  # noqa: B010 - a module of a library, not typed
    setattr(dynamodb, "_query", query_range)  # noqa: B010


@contextmanager
def _narrowed(table: dict[str, Any] | None, data: dict[str, Any]) -> Iterator[None]:
    """Show only what a query can reach; queries of other forms than the store's see everything."""
    bounds = _bounds(data)
    values = data.get("ExpressionAttributeValues", {})
    partition = values.get(":pk", {}).get("S", "")
    items = table["items"].get(partition) if table and bounds else None
    if table is None or bounds is None or not isinstance(items, SortedDict):
        yield
        return
    reached = items.irange(*bounds)
    if "Limit" in data:
        # One more, and one that is left out where the range begins behind a key.
        reached = islice(reached, data["Limit"] + 2)
    table["items"][partition] = {key: items[key] for key in reached}
    try:
        yield
    finally:
        table["items"][partition] = items


def _bounds(data: dict[str, Any]) -> tuple[str, str] | None:
    """The least and the greatest sort key that an ascending query can reach, or None if that is not known."""
    match = _RANGE.fullmatch(data.get("KeyConditionExpression", ""))
    if match is None or data.get("IndexName") or not data.get("ScanIndexForward", True):
        return None
    bound = {
        name: data["ExpressionAttributeValues"][value]["S"]
        for name, value in match.groupdict().items()
        if value
    }
    first = bound.get("prefix") or bound.get("after") or bound.get("low") or ""
    last = first + LAST if "prefix" in bound else bound.get("until") or bound.get("high") or LAST
    start = data.get("ExclusiveStartKey", {}).get("sk", {}).get("S", "")
    return max(first, start), last
