"""What AWS calls read and write, in DynamoDB's units and in bytes, counted from requests and answers.

Sizes of items and units follow the DynamoDB developer guide ("Item sizes and formats", "Read and write operations"):
a strongly consistent read costs one unit for each 4 KB, a write one for each KB, a transactional write two.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Any


@dataclass(slots=True)
class Usage:
    """What some calls used."""

    calls: int = 0
    items_read: int = 0
    items_written: int = 0
    read_units: float = 0
    write_units: float = 0
    bytes_read: int = 0
    bytes_written: int = 0
    s3_puts: int = 0
    s3_gets: int = 0


def usage(
    requests: Iterable[tuple[str, dict[str, Any]]], answers: Iterable[tuple[str, dict[str, Any]]]
) -> Usage:
    """Add up the calls that a `Calls` has seen."""
    total = Usage()
    for name, request in requests:
        total.calls += 1
        total.read_units += _asked(name, request)
        for action in _writes(name, request):
            size = _size(action)
            total.items_written += 1
            total.bytes_written += size
            total.write_units += math.ceil(size / 1024) * (2 if name == "TransactWriteItems" else 1)
        total.s3_puts += name in ("PutObject", "CopyObject", "ListObjectsV2")
        total.s3_gets += name == "GetObject"
        if name == "PutObject":
            total.bytes_written += _length(request["Body"])
    for name, answer in answers:
        items = _read(name, answer)
        sizes = [_size(item) for item in items]
        total.items_read += len(items)
        total.bytes_read += sum(sizes) + (answer.get("ContentLength", 0) if name == "GetObject" else 0)
        total.read_units += _read_units(name, sizes)
    return total


def _length(body: bytes | BytesIO) -> int:
    return len(body) if isinstance(body, bytes) else body.getbuffer().nbytes


def _asked(name: str, request: dict[str, Any]) -> int:
    """How many items are asked for by their keys: each costs a unit, found or not."""
    if name == "BatchGetItem":
        return sum(len(wanted["Keys"]) for wanted in request["RequestItems"].values())
    return 1 if name == "GetItem" else 0


def _read_units(name: str, sizes: list[int]) -> int:
    """The units of an answer; of items that were asked for by their keys, those beyond the first."""
    if name == "Query":  # a query adds the sizes up before it rounds
        return max(1, math.ceil(sum(sizes) / 4096))
    return sum(math.ceil(size / 4096) - 1 for size in sizes)


def _writes(name: str, request: dict[str, Any]) -> list[dict[str, Any]]:
    if name == "TransactWriteItems":
        actions = [next(iter(action.values())) for action in request["TransactItems"]]
        return [action.get("Item") or {**action["Key"], **_values(action)} for action in actions]
    if name == "BatchWriteItem":
        found = [one for several in request["RequestItems"].values() for one in several]
        return [
            one["DeleteRequest"]["Key"] if "DeleteRequest" in one else one["PutRequest"]["Item"]
            for one in found
        ]
    if name == "PutItem":
        return [request["Item"]]
    return [{**request["Key"], **_values(request)}] if name in ("UpdateItem", "DeleteItem") else []


def _values(action: dict[str, Any]) -> dict[str, Any]:
    return dict(action.get("ExpressionAttributeValues", {}))


def _read(name: str, answer: dict[str, Any]) -> list[dict[str, Any]]:
    if name == "BatchGetItem":
        return [item for items in answer["Responses"].values() for item in items]
    if name == "Query":
        return list(answer["Items"])
    return [answer["Item"]] if name == "GetItem" and "Item" in answer else []


def _size(item: dict[str, Any]) -> int:
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: dict[str, Any]) -> int:
    kind, content = next(iter(value.items()))
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return len(content) // 2 + 1
    return 1 if kind == "BOOL" else sum(len(str(one)) // 2 + 1 for one in content)
