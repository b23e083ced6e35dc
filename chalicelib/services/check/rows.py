"""Check the rows of the index and the items that lead to them, against each other, and mend what can be.

Every mend is a transaction that holds only while what was read still stands, so that it cannot undo what an upload or
a delete does meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from chalicelib.domain.levels import Level
from chalicelib.domain.resources import Child, Instance, Resource
from chalicelib.services.check.findings import Finding, Kind
from chalicelib.services.delete_steps import UnderWay
from chalicelib.storage.dynamodb.errors import ConditionFailed, Conflict
from chalicelib.storage.dynamodb.index import Index
from chalicelib.storage.dynamodb.items import is_edge, kind_of, to_child, to_instance, to_resource
from chalicelib.storage.dynamodb.keys import ROW, Keys, key_of, place_of
from chalicelib.storage.dynamodb.revise import Row, as_read
from chalicelib.storage.dynamodb.table import Item, Table
from chalicelib.storage.dynamodb.writes import IndexWrites

BATCH = 100


class RowCheck:
    """Checks a segment of the index table."""

    def __init__(
        self,
        index: Index,
        writes: IndexWrites,
        reattach: Callable[[Instance], bool],
        under_way: Callable[[], UnderWay],
    ) -> None:
        """`reattach` gives an instance the ancestors that it misses, and says whether its file is there."""
        self._index = index
        self._writes = writes
        self._reattach = reattach
        self._under_way = under_way

    def run(self, segment: int, segments: int, *, mend: bool) -> Iterator[Finding]:
        """What is wrong in one of several segments. Reads it whole, and for each item what it must fit."""
        items = self._index.items(segment, segments)
        while batch := list(islice(items, BATCH)):
            rows = [row for item in batch if (row := _row(item)) is not None]
            yield from self._check_rows(rows, mend=mend)
            yield from self._check_secondary([item for item in batch if _owner(item)], mend=mend)
            yield from (
                Finding(Kind.UNFINISHED_DELETE, item["sk"]["S"])
                for item in batch
                if kind_of(item) == "delete"
            )

    def _check_rows(self, rows: list[Row], *, mend: bool) -> Iterator[Finding]:
        wanted = {place_of(item): (row, item) for row in rows for item in self._writes.leading_to(row)}
        found = {
            place_of(item): item
            for item in self._table.batch_get([key_of(item) for _, item in wanted.values()])
        }
        wrong = [(row, item) for at, (row, item) in wanted.items() if found.get(at) != item]
        parents = self._index.resources({_parent_of(row)[0] for row in rows} - {""})
        lost = [row for row in rows if not _lives(row, parents)]
        current = self._rows({row.id for row, _ in wrong} | {row.id for row in lost})
        for row, item in wrong:
            if current.get(row.id) == row:
                yield self._finding(Kind.MISSING_ITEM, item, self._put(row, item), mend=mend)
        leaving = self._under_way() if lost else UnderWay.of(())
        for row in lost:
            if current.get(row.id) == row and not leaving.takes(_ancestors(row)):
                yield Finding(Kind.WITHOUT_PARENT, row.id, mended=mend and self._attach(row, leaving))
        for row in rows:
            if isinstance(row, Resource) and not self._has_children(row):
                yield Finding(Kind.WITHOUT_CHILDREN, row.id)

    def _attach(self, row: Row, leaving: UnderWay) -> bool:
        """Give the instances of a resource new ancestors; says whether there are any with a file."""
        if isinstance(row, Instance):
            return not leaving.takes(_ancestors(row), row.file.key) and self._reattach(row)
        children = list(self._index.children(row.id, row.incarnation))
        identifiers = [child.id for child in children]
        below: list[Row] = list(self._rows(set(identifiers)).values())
        attached = [self._attach(child, leaving) for child in below]  # all of them, whatever the first says
        return any(attached)

    def _has_children(self, row: Resource) -> bool:
        if next(self._index.children(row.id, row.incarnation, limit=1), None) is not None:
            return True
        return self._index.resource(row.id) != row  # it has been deleted meanwhile

    def _check_secondary(self, items: list[Item], *, mend: bool) -> Iterator[Finding]:
        """What leads to a row has to be what that row is led to by."""
        rows = self._rows({_owner(item) for item in items})
        right = {place_of(item) for row in rows.values() for item in self._writes.leading_to(row)}
        for item in items:
            if place_of(item) not in right and not self._has_moved(item):
                yield self._finding(Kind.STRAY_ITEM, item, self._remove(item, rows), mend=mend)

    def _has_moved(self, item: Item) -> bool:
        """Whether a stray item has gone, or its row has come, since they were read."""
        rows = self._rows({_owner(item)})
        now = {place_of(one) for row in rows.values() for one in self._writes.leading_to(row)}
        return place_of(item) in now or not self._table.batch_get([key_of(item)])

    def _rows(self, identifiers: set[str]) -> dict[str, Row]:
        return {**self._index.instances(list(identifiers)), **self._index.resources(identifiers)}

    def _put(self, row: Row, item: Item) -> list[Item]:
        return [self._as_read(row), self._table.put_action(item)]

    def _remove(self, item: Item, rows: dict[str, Row]) -> list[Item]:
        row = rows.get(_owner(item))
        if row is not None:
            return [self._as_read(row), self._table.delete_action(key_of(item))]
        absent = "attribute_not_exists(pk)"
        keys = [self._keys.instance(_owner(item)), self._keys.resource(_owner(item))]
        return [
            *(self._table.check_action(key, absent, {}) for key in keys),
            self._table.delete_action(key_of(item)),
        ]

    def _as_read(self, row: Row) -> Item:
        return self._table.check_action(*as_read(self._keys, row))

    def _finding(self, kind: Kind, item: Item, actions: list[Item], *, mend: bool) -> Finding:
        subject = f"{kind_of(item)} of {_owner(item)}"
        if not mend:
            return Finding(kind, subject)
        try:
            self._table.transact(actions)
        except (ConditionFailed, Conflict):
            return Finding(kind, subject)
        return Finding(kind, subject, mended=True)

    @property
    def _table(self) -> Table:
        return self._index.table

    @property
    def _keys(self) -> Keys:
        return self._index.keys


def _row(item: Item) -> Row | None:
    kind = kind_of(item)
    if kind == "i":
        return to_instance(item)
    return to_resource(item) if kind == "r" and item["sk"]["S"] == ROW else None


def _owner(item: Item) -> str:
    """The resource that an item leads to; an empty text if it is none of these."""
    kind, sort = kind_of(item), item["sk"]["S"]
    if kind == "r":
        return child.id if (child := _child(item)) is not None else ""
    if kind == "l":
        return str(sort)
    if kind in {"u", "label"}:
        return str(sort.split("#", 1)[1])
    return str(sort.rsplit("\0", 1)[1]) if kind == "x" else ""


def _child(item: Item) -> Child | None:
    return to_child(item) if is_edge(item) else None


def _ancestors(row: Row) -> tuple[str, ...]:
    """The row's identifier and those above it that it tells of."""
    if isinstance(row, Instance):
        return row.id, row.series_id, row.study_id, row.patient_id
    return row.id, row.parent_id


def _parent_of(row: Row) -> tuple[str, str]:
    """The parent's identifier and the incarnation of it that the row belongs to."""
    if isinstance(row, Instance):
        return row.series_id, row.series_incarnation
    return row.parent_id, row.parent_incarnation


def _lives(row: Row, parents: dict[str, Resource]) -> bool:
    if isinstance(row, Resource) and row.level is Level.PATIENT:
        return True
    identifier, incarnation = _parent_of(row)
    parent = parents.get(identifier)
    return parent is not None and parent.incarnation == incarnation
