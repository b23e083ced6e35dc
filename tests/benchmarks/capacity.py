"""What AWS calls read and write, in DynamoDB's units and in bytes, counted from requests and answers.

Sizes of items and units are those of `infra.load.units`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from infra.load.units import READ_UNIT_BYTES, item_size, write_units, written


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
            size = item_size(action)
            total.items_written += 1
            total.bytes_written += size
            total.write_units += write_units(size, transactional=name == "TransactWriteItems")
        total.s3_puts += name in ("PutObject", "CopyObject", "ListObjectsV2")
        total.s3_gets += name == "GetObject"
        if name == "PutObject":
            total.bytes_written += _length(request["Body"])
    for name, answer in answers:
        items = _read(name, answer)
        sizes = [item_size(item) for item in items]
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
        return max(1, math.ceil(sum(sizes) / READ_UNIT_BYTES))
    return sum(math.ceil(size / READ_UNIT_BYTES) - 1 for size in sizes)


def _writes(name: str, request: dict[str, Any]) -> list[dict[str, Any]]:
    if name == "TransactWriteItems":
        actions = [next(iter(action.values())) for action in request["TransactItems"]]
        return [written(action) for action in actions]
    if name == "BatchWriteItem":
        found = [one for several in request["RequestItems"].values() for one in several]
        return [
            one["DeleteRequest"]["Key"] if "DeleteRequest" in one else one["PutRequest"]["Item"]
            for one in found
        ]
    return [written(request)] if name in ("PutItem", "UpdateItem", "DeleteItem") else []


def _read(name: str, answer: dict[str, Any]) -> list[dict[str, Any]]:
    if name == "BatchGetItem":
        return [item for items in answer["Responses"].values() for item in items]
    if name == "Query":
        return list(answer["Items"])
    return [answer["Item"]] if name == "GetItem" and "Item" in answer else []
