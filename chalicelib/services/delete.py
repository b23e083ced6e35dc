"""Delete a resource: its row goes at once, what belongs to it follows, and a crash half-way is finished later.

Every step that cannot be part of the first transaction stands in a record of unfinished deletes, written by that
transaction. `finish` works a record off and may be repeated; the sweep does so for those that were left.

An instance that is being stored while its series goes away is never lost: when the series went because it was
empty, or when the instance came after the delete had passed, it gets new ancestors (`Ingest.reattach`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from functools import partial
from itertools import islice

from chalicelib.domain.clock import Clock
from chalicelib.domain.errors import Unavailable, UnknownResource
from chalicelib.domain.levels import Level
from chalicelib.domain.resources import Child, Instance
from chalicelib.services.delete_steps import DeleteSteps, Deletion, Step, UnderWay
from chalicelib.services.ingest import Ingest
from chalicelib.storage.dynamodb.entries import Reservation
from chalicelib.storage.dynamodb.index import Index
from chalicelib.storage.dynamodb.items import edge_of
from chalicelib.storage.dynamodb.log import SequencedLog
from chalicelib.storage.dynamodb.table import Item
from chalicelib.storage.s3.files import FileStore

BATCH = 24  # instances of one transaction: 4 actions each and 2 more, 100 allowed
PAGE = 960  # instances whose files go with one DeleteObjects, 1,000 allowed


class Delete:
    """Deletes resources."""

    def __init__(
        self,
        index: Index,
        steps: DeleteSteps,
        changes: SequencedLog,
        files: FileStore,
        ingest: Ingest,
        pool: Executor,
        clock: Clock,
    ) -> None:
        self._index = index
        self._table = index.table
        self._steps = steps
        self._changes = changes
        self._files = files
        self._ingest = ingest
        self._pool = pool
        self._clock = clock

    def delete(self, level: Level, identifier: str) -> tuple[Level, str] | None:
        """Delete a resource and all below it; returns the nearest ancestor that remains, or None.

        Raises
        ------
        UnknownResource
            There is no such resource.
        Unavailable
            AWS did not answer in time. If the delete had begun by then, the sweep finishes it.
        """
        record = self._steps.apply(lambda: self._begin(level, identifier))
        return self.finish(record) if record else None

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
        is_to_stay = item is None or _to_deletion(item).rescue
        if not is_to_stay or not self._ingest.reattach(instance):
            self._remove_instances(instance.series_id, [edge_of(instance)])

    def under_way(self) -> UnderWay:
        """What deletes still take away. One query."""
        return UnderWay.of(map(_to_deletion, self._table.query(self._index.keys.partition("delete"))))

    def finish_abandoned(self, older_than_seconds: float, limit: int = 100) -> int:
        """Finish deletes whose process seems to have died; returns how many it could."""
        records = map(_to_deletion, self._table.query(self._index.keys.partition("delete"), limit=limit))
        finished = 0
        for record in records:
            if record.at <= self._clock() - older_than_seconds:
                # One that cannot be finished now must not hold up the others.
                with suppress(Unavailable):
                    self.finish(record)
                    finished += 1
        return finished

    def _begin(self, level: Level, identifier: str) -> Step:
        if level is Level.INSTANCE:
            instance = self._index.instance(identifier)
            if instance is None:
                raise UnknownResource
            return self._steps.instance(instance)
        resource = self._index.resource(identifier)
        if resource is None or resource.level is not level:
            raise UnknownResource
        climb = [resource.parent_id] if resource.parent_id else []
        if level is Level.SERIES:
            study = self._index.resource(resource.parent_id)
            climb += [study.parent_id] if study else []
        return self._steps.resource(resource, rescue=False, climb=climb)

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

        def make() -> Step | None:
            child = self._index.resource(edge.id)
            is_meant = child is not None and child.incarnation == edge.incarnation
            return self._steps.child(child) if child and is_meant else None

        record = self._steps.apply(make)
        if record is not None and record.files:
            self._files.delete(record.files)

    def _empty_series(self, series_id: str, incarnation: str) -> None:
        edges = self._index.children(series_id, incarnation)
        while page := list(islice(edges, PAGE)):
            self._remove_instances(series_id, page)

    def _rescue_series(self, series_id: str, incarnation: str) -> None:
        edges = self._index.children(series_id, incarnation)
        while page := list(islice(edges, PAGE)):
            orphans = self._index.instances([edge.id for edge in page]).values()
            lost = [edge_of(orphan) for orphan in orphans if not self._ingest.reattach(orphan)]
            if lost:
                self._remove_instances(series_id, lost)

    def _remove_instances(self, series_id: str, page: Sequence[Child]) -> None:
        """Remove instances of a dead series, in transactions side by side, and their files in one call."""
        plain = [child for child in page if not child.annotations.version]
        batches = [plain[start : start + BATCH] for start in range(0, len(plain), BATCH)]
        # Labels and entries of the log make the transaction of an annotated one larger.
        batches += [[child] for child in page if child.annotations.version]
        sizes = [self._steps.numbers_of(len(batch)) for batch in batches]
        reservations = self._changes.reserve(sum(sizes)).split(sizes)
        found = self._pool.map(
            lambda batch, reserved: list(self._steps_of(series_id, batch, reserved)), batches, reservations
        )
        records = [record for some in found for record in some]
        self._files.delete([key for record in records for key in record.files])
        self._table.remove([self._index.keys.deletion(r.id, r.incarnation) for r in records])

    def _steps_of(self, series_id: str, batch: Sequence[Child], reserved: Reservation) -> Iterator[Deletion]:
        """Remove a batch at once, or one by one if any is no longer as it was read."""
        record = self._steps.batch(series_id, batch, reserved)
        if record is not None:
            yield record
            return
        for child in batch:
            single = self._steps.batch(series_id, [child], None) or self._steps.cut(series_id, child)
            if single is not None:
                yield single

    def _climb(self, ancestors: Sequence[str]) -> tuple[Level, str] | None:
        """Remove the ancestors that have become empty, nearest first; returns the first that has not."""
        for position, identifier in enumerate(ancestors):
            record = self._steps.apply(partial(self._remove_if_empty, identifier, ancestors[position + 1 :]))
            if record is not None:
                return self.finish(record)
            ancestor = self._index.resource(identifier)
            if ancestor is not None:
                return ancestor.level, identifier
        return None

    def _remove_if_empty(self, identifier: str, above: Sequence[str]) -> Step | None:
        ancestor = self._index.resource(identifier)
        if ancestor is None or any(self._index.children(identifier, ancestor.incarnation, limit=1)):
            return None
        return self._steps.resource(ancestor, rescue=True, climb=above)


def _to_deletion(item: Item) -> Deletion:
    return Deletion(**json.loads(item["d"]["S"]))
