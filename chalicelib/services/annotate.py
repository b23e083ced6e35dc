"""Annotate resources. A change is one transaction, on the condition that the annotations are as they were read.

Before it, a copy of the new annotations is brought to the bucket, from where a rebuild of the index takes them; after
it, the copy of the old ones goes, and the body of an attachment that is no more. The row, the copy beside a number of
the changes log where an entry is due, and the transaction are four calls; to remove takes two more. Uploads write
nothing for it. Whoever meets another writer reads again and decides again, so that nobody's change is lost.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from chalicelib.domain.annotations import MAXIMUM_NUMBERS, Annotations
from chalicelib.domain.changes import ChangeType
from chalicelib.domain.clock import Clock
from chalicelib.domain.errors import PayloadTooLarge, Unavailable, UnknownResource
from chalicelib.domain.levels import Level
from chalicelib.domain.resources import Instance, Resource
from chalicelib.storage.dynamodb.annotation_items import from_annotations
from chalicelib.storage.dynamodb.annotation_writes import incarnation_of
from chalicelib.storage.dynamodb.entries import Reservation
from chalicelib.storage.dynamodb.errors import ConditionFailed, Conflict, OutcomeUnknown
from chalicelib.storage.dynamodb.index import Index
from chalicelib.storage.dynamodb.log import SequencedLog
from chalicelib.storage.dynamodb.table import Item, backoff
from chalicelib.storage.dynamodb.writes import IndexWrites
from chalicelib.storage.s3.annotation_copies import AnnotationCopies

MAX_ATTEMPTS = 12
MAXIMUM_BYTES = 128 * 1024
"""Of all annotations of a resource but the bodies of attachments; twice in a transaction of 4 MB, once in an item."""

Row = Resource | Instance
Edit = Callable[[Row], Annotations]
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class _Removal:
    """What a change leaves to be removed from the bucket; `by` is the copy that the change wrote."""

    owner_id: str
    by: str
    keys: list[str]


class Annotate:
    """Reads and changes annotations."""

    def __init__(
        self,
        index: Index,
        writes: IndexWrites,
        log: SequencedLog,
        copies: AnnotationCopies,
        pool: Executor,
        clock: Clock,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._index = index
        self._writes = writes
        self._log = log
        self._copies = copies
        self._pool = pool
        self._clock = clock
        self._sleep = sleep

    def row(self, level: Level, identifier: str) -> Row:
        """A resource with its annotations. One call.

        Raises
        ------
        UnknownResource
            There is none at this level.
        """
        read = self._index.instance if level is Level.INSTANCE else self._index.resource
        row: Row | None = read(identifier)
        if row is None or (isinstance(row, Resource) and row.level is not level):
            raise UnknownResource
        return row

    def change(
        self, level: Level, identifier: str, edit: Edit, kind: ChangeType | None = None
    ) -> Annotations:
        """Change the annotations of a resource; `edit` makes the new ones of the row, and is asked again after a race.

        Parameters
        ----------
        kind
            The entry of the changes log that the change leaves, if any.

        Raises
        ------
        UnknownResource
            There is no such resource, or no more.
        PayloadTooLarge
            The annotations would be too large.
        """
        for attempt in range(MAX_ATTEMPTS):
            row = self.row(level, identifier)
            new = edit(row)
            if new == row.annotations and (new.copy or not new.version):
                return new
            written = self._write(level, row, new, kind)
            if written is not None:
                return written
            self._sleep(backoff(attempt))
        raise Unavailable("The index is busy")

    def renew(self, level: Level, identifier: str) -> None:
        """Write the annotations of a resource as they are, with a new copy; raises `UnknownResource`."""
        self.change(level, identifier, lambda row: replace(row.annotations, copy=""))

    def _write(self, level: Level, row: Row, new: Annotations, kind: ChangeType | None) -> Annotations | None:
        """Write a change; None if something else was written first."""
        version = max(row.annotations.version, new.version) + 1
        new = replace(new, version=version, copy=self._copies.key(row.id))
        self._check_size(new)
        reserved = self._prepare(level, row, new, need=int(kind is not None))
        entries = []
        if kind is not None:
            kept = (*new.numbers, reserved.first)[-MAXIMUM_NUMBERS:]
            dropped = sorted({*new.numbers} - {*kept})
            new = replace(new, numbers=kept)
            entries = [
                self._log.put_action(reserved.first, kind, {"id": row.id, "lv": int(level)}),
                *self._log.kill_actions(dropped, reserved.trimmed),
            ]
        removal = _Removal(row.id, new.copy, sorted({*row.annotations.file_keys} - {*new.file_keys}))
        try:
            self._index.table.transact(
                [*self._writes.annotations.annotate(row, new), *entries, *self._begin(removal)]
            )
        except OutcomeUnknown:
            if self.row(level, row.id).annotations != new:  # nobody else writes this copy
                return None
        except (ConditionFailed, Conflict):
            self._log.give_back(reserved.numbers)
            with suppress(Unavailable):
                self._copies.delete([new.copy])
            return None
        self._finish(removal)
        return new

    def _prepare(self, level: Level, row: Row, new: Annotations, need: int) -> Reservation:
        """Bring the copy to the bucket, beside the reservation of the numbers that the change needs."""
        reserving = self._pool.submit(self._log.reserve, need) if need else None
        try:
            self._copies.put(level, row.id, incarnation_of(row), new)
        except Exception:
            if reserving is not None:
                with suppress(Unavailable):
                    self._log.give_back(reserving.result().numbers)
            raise
        return reserving.result() if reserving is not None else Reservation(0, 0, 0)

    def _begin(self, removal: _Removal) -> list[Item]:
        record = {
            "id": removal.owner_id,
            "incarnation": removal.by,
            "at": self._clock(),
            "files": removal.keys,
        }
        return [self._writes.begin_deletion(removal.owner_id, removal.by, record)] if removal.keys else []

    def _finish(self, removal: _Removal) -> None:
        """Remove what the row names no more; if that fails, the sweep does it."""
        if removal.keys:
            with suppress(Unavailable):
                self._copies.delete(removal.keys)
                self._index.table.delete(self._index.keys.deletion(removal.owner_id, removal.by))

    @staticmethod
    def _check_size(annotations: Annotations) -> None:
        written = from_annotations(annotations)
        if len(json.dumps(written)) > MAXIMUM_BYTES:
            raise PayloadTooLarge(
                "The labels, metadata and attachments of the resource are too many or too long"
            )
