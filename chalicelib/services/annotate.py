"""Annotate resources. A change is one transaction, on the condition that the annotations are as they were read.

It costs three calls: the row, a number of the changes log where an entry is due, the transaction. Uploads write
nothing for it. Whoever meets another writer reads again and decides again, so that nobody's change is lost.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from chalicelib.domain.annotations import MAXIMUM_NUMBERS, Annotations
from chalicelib.domain.changes import ChangeType
from chalicelib.domain.errors import PayloadTooLarge, Unavailable, UnknownResource
from chalicelib.domain.levels import Level
from chalicelib.domain.resources import Instance, Resource
from chalicelib.storage.dynamodb.annotation_items import from_annotations
from chalicelib.storage.dynamodb.annotation_writes import AnnotationWrites
from chalicelib.storage.dynamodb.errors import ConditionFailed, Conflict, OutcomeUnknown
from chalicelib.storage.dynamodb.index import Index
from chalicelib.storage.dynamodb.log import SequencedLog
from chalicelib.storage.dynamodb.table import backoff

MAX_ATTEMPTS = 12
MAXIMUM_BYTES = 128 * 1024
"""Of all annotations of a resource but the bodies of attachments; twice in a transaction of 4 MB, once in an item."""

Row = Resource | Instance
Edit = Callable[[Row], Annotations]
Answer = TypeVar("Answer")


class Annotate:
    """Reads and changes annotations."""

    def __init__(
        self,
        index: Index,
        writes: AnnotationWrites,
        log: SequencedLog,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._index = index
        self._writes = writes
        self._log = log
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
            if new == row.annotations:
                return new
            written = self._write(level, row, new, kind)
            if written is not None:
                return written
            self._sleep(backoff(attempt))
        raise Unavailable("The index is busy")

    def _write(self, level: Level, row: Row, new: Annotations, kind: ChangeType | None) -> Annotations | None:
        """Write a change; None if something else was written first."""
        new = replace(new, version=row.annotations.version + 1)
        numbers: list[int] = []
        entries = []
        if kind is not None:
            reserved = self._log.reserve(1)
            numbers = reserved.numbers
            kept = (*new.numbers, reserved.first)[-MAXIMUM_NUMBERS:]
            dropped = sorted({*new.numbers} - {*kept})
            new = replace(new, numbers=kept)
            entries = [
                self._log.put_action(reserved.first, kind, {"id": row.id, "lv": int(level)}),
                *self._log.kill_actions(dropped, reserved.trimmed),
            ]
        try:
            self._check_size(new)
            self._index.table.transact([*self._writes.annotate(row, new), *entries])
        except OutcomeUnknown:
            return self._settled(level, row, new)
        except (ConditionFailed, Conflict, PayloadTooLarge) as error:
            self._log.give_back(numbers)
            if isinstance(error, PayloadTooLarge):
                raise
            return None
        return new

    def _settled(self, level: Level, row: Row, new: Annotations) -> Annotations | None:
        """Whether the write whose answer was lost came through; nobody else writes this version with our numbers."""
        there = self.row(level, row.id).annotations
        return new if there == new else None

    @staticmethod
    def _check_size(annotations: Annotations) -> None:
        written = from_annotations(annotations)
        if len(json.dumps(written)) > MAXIMUM_BYTES:
            raise PayloadTooLarge(
                "The labels, metadata and attachments of the resource are too many or too long"
            )
