"""Rewrite what a row says of its resource, and what leads to it by that."""

from __future__ import annotations

from chalicelib.domain.resources import Instance, Resource
from chalicelib.storage.dynamodb.annotation_items import version_condition
from chalicelib.storage.dynamodb.items import from_instance, from_resource, text
from chalicelib.storage.dynamodb.keys import Keys, key_of, place_of
from chalicelib.storage.dynamodb.table import Item, Table
from chalicelib.storage.dynamodb.writes import IndexWrites

Row = Resource | Instance


def revise_actions(table: Table, keys: Keys, writes: IndexWrites, old: Row, new: Row) -> list[Item]:
    """The actions that put other tags, metadata and offsets into a row that is still as it was read.

    Nothing else of it changes. None if it says the same already.
    """
    was, becomes = _item(keys, old), _item(keys, new)
    before = {place_of(item): item for item in writes.leading_to(old)}
    after = {place_of(item): item for item in writes.leading_to(new)}
    if was["d"] == becomes["d"] and before == after:
        return []
    as_read, known = version_condition(old.annotations)
    owner, owned = ("f", text(old.file.key)) if isinstance(old, Instance) else ("inc", text(old.incarnation))
    values = {":new": becomes["d"], ":was": was["d"], ":own": owned} | known
    condition = f"{owner} = :own AND d = :was AND {as_read}"
    return [
        table.update_action(key_of(was), "SET d = :new", values, None, condition),
        *(table.put_action(item) for at, item in after.items() if before.get(at) != item),
        *(table.delete_action(key_of(item)) for at, item in before.items() if at not in after),
    ]


def _item(keys: Keys, row: Row) -> Item:
    return from_instance(keys, row) if isinstance(row, Instance) else from_resource(keys, row)
