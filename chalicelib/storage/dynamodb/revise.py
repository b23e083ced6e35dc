"""Rewrite what a row says of its resource, and what leads to it by that."""

from __future__ import annotations

from chalicelib.domain.resources import Instance, Resource
from chalicelib.storage.dynamodb.annotation_items import version_condition
from chalicelib.storage.dynamodb.items import from_instance, from_resource
from chalicelib.storage.dynamodb.keys import Key, Keys, key_of, place_of
from chalicelib.storage.dynamodb.table import Item, Table
from chalicelib.storage.dynamodb.writes import IndexWrites

Row = Resource | Instance


def revise_actions(table: Table, keys: Keys, writes: IndexWrites, old: Row, new: Row) -> list[Item]:
    """The actions that put other tags, metadata and offsets into a row that is still as it was read.

    Nothing else of it changes. No actions if it says the same already.
    """
    was, becomes = _item(keys, old), _item(keys, new)
    before = {place_of(item): item for item in writes.leading_to(old)}
    after = {place_of(item): item for item in writes.leading_to(new)}
    if was["d"] == becomes["d"] and before == after:
        return []
    key, condition, values = as_read(keys, old)
    return [
        table.update_action(key, "SET d = :new", values | {":new": becomes["d"]}, None, condition),
        *(table.put_action(item) for at, item in after.items() if before.get(at) != item),
        *(table.delete_action(key_of(item)) for at, item in before.items() if at not in after),
    ]


def as_read(keys: Keys, row: Row) -> tuple[Key, str, Item]:
    """The key of a row, and the condition, with its values, that it is still the one that was read.

    Its file, its parent and its annotations tell. What it says of the file is not compared: an older version may have
    written that in another form.
    """
    item = _item(keys, row)
    is_annotated, known = version_condition(row.annotations)
    owner, owned = ("f", item["f"]) if isinstance(row, Instance) else ("inc", item["inc"])
    values = {":own": owned, ":parent": item["pinc"]} | known
    return key_of(item), f"{owner} = :own AND pinc = :parent AND {is_annotated}", values


def _item(keys: Keys, row: Row) -> Item:
    return from_instance(keys, row) if isinstance(row, Instance) else from_resource(keys, row)
