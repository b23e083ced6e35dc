"""Ways to lose parts of a store."""

from __future__ import annotations

from typing import Any

from tests.support.world import World

Item = dict[str, Any]


def items(world: World) -> list[Item]:
    """All items of the index table."""
    pages = world.dynamodb.get_paginator("scan").paginate(TableName=world.resources.index)
    return [item for page in pages for item in page["Items"]]


def remove(world: World, item: Item) -> None:
    """Lose an item of the index."""
    key = {name: item[name] for name in ("pk", "sk")}
    world.dynamodb.delete_item(TableName=world.resources.index, Key=key)


def lose_index(world: World, *, and_log: bool = False) -> None:
    """Lose the whole index table, and the log with it."""
    for item in items(world):
        remove(world, item)
    if and_log:
        pages = world.dynamodb.get_paginator("scan").paginate(TableName=world.resources.log)
        for page in pages:
            for item in page["Items"]:
                key = {name: item[name] for name in ("pk",)}
                world.dynamodb.delete_item(TableName=world.resources.log, Key=key)


def objects(world: World) -> list[str]:
    """The keys of all objects in the bucket of files."""
    pages = world.s3.get_paginator("list_objects_v2").paginate(Bucket=world.resources.files)
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]
