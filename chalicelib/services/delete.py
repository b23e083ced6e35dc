"""Delete a resource: its row goes at once, what belongs to it follows, and a crash half-way is finished later.

Every step that cannot be part of the first transaction stands in a record of unfinished deletes, written by that
transaction. `finish` works a record off and may be repeated; the sweep does so for those that were left.

An instance that is being stored while its series goes away is never lost: when the series went because it was
empty, or when the instance came after the delete had passed, it gets new ancestors (`Ingest.reattach`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field
from itertools import islice

from chalicelib.domain.changes import ChangeType
from chalicelib.domain.clock import Clock
from chalicelib.domain.errors import Unavailable, UnknownResource
from chalicelib.domain.levels import Level
from chalicelib.domain.resources import Child, Instance, Resource
from chalicelib.services.ingest import Ingest
from chalicelib.services.ledger import removal
from chalicelib.storage.dynamodb.index import Index
from chalicelib.storage.dynamodb.items import edge_of
from chalicelib.storage.dynamodb.log import SequencedLog
from chalicelib.storage.dynamodb.table import ConditionFailed, Conflict, Item, OutcomeUnknown, backoff
from chalicelib.storage.dynamodb.writes import IndexWrites
from chalicelib.storage.s3.files import FileStore

MAX_ATTEMPTS = 12
BATCH = 20  # instances of one transaction: 4 or 5 actions each, 100 allowed
PAGE = 1000  # files of one DeleteObjects


@dataclass(frozen=True, slots=True)
class Deletion:
    """A delete that has begun. `climb` lists ancestors, nearest first, that may have become empty."""

    id: str
    incarnation: str
    level: int | None = None
    rescue: bool = False
    at: float = 0.0
    files: list[str] = field(default_factory=list)
    climb: list[str] = field(default_factory=list)


class Delete:
    """Deletes resources."""

    def __init__(
        self,
        index: Index,
        writes: IndexWrites,
        changes: SequencedLog,
        files: FileStore,
        ingest: Ingest,
        pool: Executor,
        clock: Clock,
        *,
        keep_changes: bool,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._index = index
        self._table = index.table
        self._writes = writes
        self._changes = changes
        self._files = files
        self._ingest = ingest
        self._pool = pool
        self._clock = clock
        self._keep_changes = keep_changes
        self._sleep = sleep

    def delete(self, level: Level, identifier: str) -> tuple[Level, str] | None:
        """Delete a resource and all below it; returns the nearest ancestor that remains, or None.

        Raises
        ------
        UnknownResource
            There is no such resource.
        """
        for attempt in range(MAX_ATTEMPTS):
            record, actions = self._begin(level, identifier)
            try:
                self._table.transact(actions)
            except (ConditionFailed, Conflict):
                self._sleep(backoff(attempt))
            except OutcomeUnknown:
                if self._table.get(self._index.keys.deletion(record.id, record.incarnation)):
                    return self.finish(record)
            else:
                return self.finish(record)
        raise Unavailable("The index is busy")

    def finish(self, record: Deletion) -> tuple[Level, str] | None:
        """Do what a delete that has begun still has to do. Safe to repeat."""
        if record.files:
            self._files.delete(record.files)
        if record.level is not None:
            self._empty(Level(record.level), record.id, record.incarnation, rescue=record.rescue)
        remaining = self._climb(record.climb)
        self._table.delete(self._index.keys.deletion(record.id, record.incarnation))
        return remaining

    def settle_orphan(self, instance: Instance) -> None:
        """Decide on an instance whose series is gone: it goes as well if that is being deleted, else it is kept."""
        item = self._table.get(self._index.keys.deletion(instance.series_id, instance.series_incarnation))
        if item is None or _to_deletion(item).rescue:
            self._ingest.reattach(instance)
            return
        record = self._remove_batch(instance.series_id, [edge_of(instance)])
        self._delete_files([record] if record else [])

    def finish_abandoned(self, older_than_seconds: float, limit: int = 100) -> int:
        """Finish deletes whose process seems to have died; returns how many there were."""
        records = map(_to_deletion, self._table.query(self._index.keys.partition("delete"), limit=limit))
        abandoned = [r for r in records if r.at <= self._clock() - older_than_seconds]
        for record in abandoned:
            self.finish(record)
        return len(abandoned)

    # Beginning

    def _begin(self, level: Level, identifier: str) -> tuple[Deletion, list[Item]]:
        """The record of a new delete and the actions of its first transaction."""
        if level is Level.INSTANCE:
            return self._begin_with_instance(identifier)
        resource = self._index.resource(identifier)
        if resource is None or resource.level is not level:
            raise UnknownResource
        climb = [resource.parent_id] if resource.parent_id else []
        if level is Level.SERIES:
            study = self._index.resource(resource.parent_id)
            climb += [study.parent_id] if study else []
        return self._begin_with_resource(resource, rescue=False, climb=climb)

    def _begin_with_instance(self, identifier: str) -> tuple[Deletion, list[Item]]:
        instance = self._index.instance(identifier)
        if instance is None:
            raise UnknownResource
        climb = [instance.series_id, instance.study_id, instance.patient_id]
        record = Deletion(identifier, instance.file.uuid, files=[instance.file.key], climb=climb)
        gone = [(instance.id, instance.file.size, (instance.change_number,))]
        return record, [
            *self._writes.remove_instance(instance.series_id, edge_of(instance)),
            *self._log_removal(Level.INSTANCE, gone),
            self._record(record),
        ]

    def _begin_with_resource(
        self, resource: Resource, *, rescue: bool, climb: list[str]
    ) -> tuple[Deletion, list[Item]]:
        record = Deletion(resource.id, resource.incarnation, int(resource.level), rescue, climb=climb)
        gone = [(resource.id, 0, resource.change_numbers)]
        return record, [
            *self._writes.remove(resource),
            *self._log_removal(resource.level, gone),
            self._record(record),
        ]

    def _record(self, record: Deletion) -> Item:
        body = asdict(record) | {"at": self._clock()}
        return self._writes.begin_deletion(record.id, record.incarnation, body)

    def _log_removal(self, level: Level, gone: Sequence[tuple[str, int, Sequence[int]]]) -> list[Item]:
        """The actions by which resources (identifier, bytes, numbers) leave the log and the statistics."""
        count = 1 + (len(gone) if self._keep_changes else 0)
        reserved = self._changes.reserve(count)
        first = reserved.first
        numbers = [number for _, _, theirs in gone for number in theirs]
        body = removal(level, [(identifier, size) for identifier, size, _ in gone], numbers)
        actions = [self._changes.put_action(first, ChangeType.DELETED, body)]
        if self._keep_changes:
            for at_number, (identifier, _, _) in enumerate(gone, start=first + 1):
                shown = {"id": identifier, "lv": int(level)}
                actions.append(self._changes.put_action(at_number, ChangeType.DELETED, shown))
            return actions
        return actions + self._changes.kill_actions(numbers, reserved.trimmed)

    # Finishing

    def _empty(self, level: Level, identifier: str, incarnation: str, *, rescue: bool) -> None:
        """Remove, or rescue, all children of an incarnation whose row is gone."""
        if level is Level.SERIES:
            (self._rescue_series if rescue else self._empty_series)(identifier, incarnation)
            return
        keys = self._index.keys
        for edge in list(self._index.children(identifier, incarnation)):
            if not rescue:
                self._remove_child_row(edge)
            self._empty(Level(level + 1), edge.id, edge.incarnation, rescue=rescue)
            if rescue:
                self._remove_child_row(edge)
            done = [keys.edge(identifier, incarnation, edge.id), keys.deletion(edge.id, edge.incarnation)]
            self._table.remove(done)

    def _remove_child_row(self, edge: Child) -> None:
        """Remove the row that an edge of a dead parent leads to, unless it has been created anew."""
        for attempt in range(MAX_ATTEMPTS):
            child = self._index.resource(edge.id)
            if child is None or child.incarnation != edge.incarnation:
                return
            record = Deletion(child.id, child.incarnation, int(child.level))
            gone = [(child.id, 0, child.change_numbers)]
            try:
                self._table.transact(
                    [
                        *self._writes.remove(child, keep_edge=True),
                        *self._log_removal(child.level, gone),
                        self._record(record),
                    ]
                )
            except (ConditionFailed, Conflict, OutcomeUnknown):
                self._sleep(backoff(attempt))
            else:
                return
        raise Unavailable("The index is busy")

    def _empty_series(self, series_id: str, incarnation: str) -> None:
        edges = self._index.children(series_id, incarnation)
        while page := list(islice(edges, PAGE)):
            batches = [page[start : start + BATCH] for start in range(0, len(page), BATCH)]
            records = self._pool.map(lambda batch: self._remove_batch(series_id, batch), batches)
            self._delete_files([record for record in records if record is not None])

    def _rescue_series(self, series_id: str, incarnation: str) -> None:
        edges = self._index.children(series_id, incarnation)
        while page := list(islice(edges, PAGE)):
            for instance in self._index.instances([edge.id for edge in page]).values():
                self._ingest.reattach(instance)

    def _delete_files(self, records: Sequence[Deletion]) -> None:
        self._files.delete([key for record in records for key in record.files])
        self._table.remove([self._index.keys.deletion(r.id, r.incarnation) for r in records])

    def _remove_batch(self, series_id: str, batch: Sequence[Child]) -> Deletion | None:
        """Remove instances of a dead series in one transaction; one by one if any is no longer as read.

        Returns the record of the files that are still to be deleted, or None where that is done.
        """
        actions = [action for child in batch for action in self._writes.remove_instance(series_id, child)]
        record = self._try_to_remove(batch, actions)
        if record is not None:
            return record
        if len(batch) > 1:
            singles = (self._remove_batch(series_id, [child]) for child in batch)
            self._delete_files([single for single in singles if single is not None])
            return None
        return self._try_to_remove(batch, [self._writes.cut(series_id, batch[0])])

    def _try_to_remove(self, batch: Sequence[Child], actions: list[Item]) -> Deletion | None:
        """Apply the actions by which a batch goes, with all that follows; None if a condition does not hold."""
        record = Deletion(batch[0].id, batch[0].file_key, files=[child.file_key for child in batch])
        gone = [(child.id, child.size, (child.change_number,)) for child in batch]
        for attempt in range(MAX_ATTEMPTS):
            try:
                self._table.transact(
                    [*actions, *self._log_removal(Level.INSTANCE, gone), self._record(record)]
                )
            except ConditionFailed:
                begun = self._table.get(self._index.keys.deletion(record.id, record.incarnation))
                return record if begun else None
            except (Conflict, OutcomeUnknown):
                self._sleep(backoff(attempt))
            else:
                return record
        raise Unavailable("The index is busy")

    def _climb(self, ancestors: Sequence[str]) -> tuple[Level, str] | None:
        """Remove the ancestors that have become empty, nearest first; returns the first that has not."""
        for position, identifier in enumerate(ancestors):
            for attempt in range(MAX_ATTEMPTS):
                ancestor = self._index.resource(identifier)
                if ancestor is None:
                    break
                if any(self._index.children(identifier, ancestor.incarnation, limit=1)):
                    return ancestor.level, identifier
                try:
                    above = list(ancestors[position + 1 :])
                    record, actions = self._begin_with_resource(ancestor, rescue=True, climb=above)
                    self._table.transact(actions)
                except (ConditionFailed, Conflict, OutcomeUnknown):
                    self._sleep(backoff(attempt))
                else:
                    return self.finish(record)
        return None


def _to_deletion(item: Item) -> Deletion:
    return Deletion(**json.loads(item["d"]["S"]))
