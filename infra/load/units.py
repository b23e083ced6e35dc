"""Sizes of items and the write units of calls, from the requests.

After the DynamoDB developer guide, "Item sizes and formats" and "Read and write operations": a strongly consistent
read costs one unit for each 4 KB, a write one for each KB, a transactional write two.
"""

from __future__ import annotations

import math
from typing import Any

Item = dict[str, Any]
READ_UNIT_BYTES = 4096
WRITE_UNIT_BYTES = 1024


def item_size(item: Item) -> int:
    """The bytes of a marshalled item."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def written(action: Item) -> Item:
    """What an action of a transaction, an UpdateItem or a PutItem writes, as far as the request tells."""
    values: Item = action.get("ExpressionAttributeValues", {})
    return action.get("Item") or {**action["Key"], **values}


def write_units(size: int, *, transactional: bool = False) -> int:
    """What it costs to write an item of so many bytes."""
    return math.ceil(size / WRITE_UNIT_BYTES) * (2 if transactional else 1)


def read_units(size: int) -> int:
    """What it costs to read an item of so many bytes, 0 if there is none, strongly consistent."""
    return max(1, math.ceil(size / READ_UNIT_BYTES))


def _value_size(value: Item) -> int:
    kind, content = next(iter(value.items()))
    if kind == "S":
        return len(content.encode())
    if kind == "B":
        return len(content)
    if kind == "N":
        return len(content) // 2 + 1
    return 1 if kind == "BOOL" else sum(len(str(one)) // 2 + 1 for one in content)
