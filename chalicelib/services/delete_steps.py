"""The transactions of a delete: what goes, its entries in the changes log, and the record of what is left to do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field

from chalicelib.domain.changes import ChangeType
from chalicelib.domain.clock import Clock
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.levels import Level
from chalicelib.domain.resources import Child, Instance, Resource
from chalicelib.services.ledger import removal
from chalicelib.storage.dynamodb.entries import Reservation
from chalicelib.storage.dynamodb.errors import ConditionFailed, Conflict, OutcomeUnknown
from chalicelib.storage.dynamodb.index import Index
from chalicelib.storage.dynamodb.items import edge_of
from chalicelib.storage.dynamodb.log import SequencedLog
from chalicelib.storage.dynamodb.table import Item, backoff
from chalicelib.storage.dynamodb.writes import IndexWrites

MAX_ATTEMPTS = 12


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


@dataclass(frozen=True, slots=True)
class UnderWay:
    """What the deletes that have begun and not ended still take away: resources with all below them, and files."""

    resources: frozenset[str]
    files: frozenset[str]

    @classmethod
    def of(cls, records: Iterable[Deletion]) -> UnderWay:
        """That of some records. A delete that only clears up what became empty takes nothing else away."""
        kept = [record for record in records if not record.rescue]
        return cls(
            frozenset(record.id for record in kept if record.level is not None),
            frozenset(key for record in kept for key in record.files),
        )

    def takes(self, identifiers: Iterable[str], file_key: str = "") -> bool:
        """Whether they take a file, or what one of some resources is or is below."""
        return file_key in self.files or not self.resources.isdisjoint(identifiers)


@dataclass(frozen=True, slots=True)
class Step:
    """One transaction: its record, its actions, and the numbers of the log that it uses."""

    record: Deletion
    actions: list[Item]
    numbers: list[int]


@dataclass(frozen=True, slots=True)
class _Gone:
    """What leaves the store: an identifier, its bytes, and the numbers of its entries in the log."""

    id: str
    size: int
    numbers: Sequence[int]


class DeleteSteps:
    """Makes the transactions of deletes, and applies them."""

    def __init__(
        self,
        index: Index,
        writes: IndexWrites,
        changes: SequencedLog,
        clock: Clock,
        *,
        keep_changes: bool,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._index = index
        self._table = index.table
        self._writes = writes
        self._changes = changes
        self._clock = clock
        self._keep_changes = keep_changes
        self._sleep = sleep

    def apply(
        self, make: Callable[[], Step | None], *, stop_on_failed_condition: bool = False
    ) -> Deletion | None:
        """Apply a step, made anew as long as it races with others; None once there is nothing to make.

        With `stop_on_failed_condition`, None as well where the step was not made for what is there.

        Raises
        ------
        Unavailable
            The others did not end in time.
        """
        may_have_begun = False
        for attempt in range(MAX_ATTEMPTS):
            step = make()
            if step is None:
                return None
            try:
                self._table.transact(step.actions)
            except OutcomeUnknown:
                if self._has_begun(step.record):
                    return step.record
                may_have_begun = True
            except Conflict:
                self._changes.give_back(step.numbers)
            except ConditionFailed:
                # The attempt whose answer was lost may have come through after all.
                if may_have_begun and self._has_begun(step.record):
                    return step.record
                self._changes.give_back(step.numbers)
                if stop_on_failed_condition:
                    return None
            else:
                return step.record
            self._sleep(backoff(attempt))
        raise Unavailable("The index is busy")

    def instance(self, instance: Instance) -> Step:
        """Remove an instance, leaving its file and its ancestors to be looked at."""
        climb = [instance.series_id, instance.study_id, instance.patient_id]
        files = [instance.file.key, *instance.annotations.file_keys]
        record = Deletion(instance.id, instance.file.uuid, files=files, climb=climb)
        actions = self._writes.remove_instance(instance.series_id, edge_of(instance))
        numbers = (instance.change_number, *instance.annotations.numbers)
        gone = [_Gone(instance.id, instance.file.size, numbers)]
        return self._step(record, Level.INSTANCE, gone, actions, None)

    def resource(self, resource: Resource, *, rescue: bool, climb: Sequence[str]) -> Step:
        """Remove a patient, study or series, leaving its children to be removed (or rescued)."""
        record = Deletion(
            resource.id,
            resource.incarnation,
            int(resource.level),
            rescue,
            files=resource.annotations.file_keys,
            climb=list(climb),
        )
        gone = [_Gone(resource.id, 0, _numbers(resource))]
        return self._step(record, resource.level, gone, self._writes.remove(resource), None)

    def child(self, child: Resource) -> Step:
        """Remove the child of a resource that is gone; the edge to it stays until its own children are gone."""
        files = child.annotations.file_keys
        record = Deletion(child.id, child.incarnation, int(child.level), files=files)
        actions = self._writes.remove(child, keep_edge=True)
        return self._step(record, child.level, [_Gone(child.id, 0, _numbers(child))], actions, None)

    def numbers_of(self, instances: int) -> int:
        """How many numbers of the log the removal of a batch of instances uses."""
        return 1 + (instances if self._keep_changes else 0)

    def batch(self, series_id: str, batch: Sequence[Child], reserved: Reservation | None) -> Deletion | None:
        """Remove instances of a series that is gone; None, with nothing done, if one is no longer as it was read."""
        return self._try_batch(
            batch,
            [action for child in batch for action in self._writes.remove_instance(series_id, child)],
            reserved,
        )

    def cut(self, series_id: str, child: Child) -> Deletion | None:
        """Remove no more than the edge to an instance, whose row is another's by now."""
        return self._try_batch([child], [self._writes.cut(series_id, child)], None)

    def _try_batch(
        self, batch: Sequence[Child], actions: list[Item], reserved: Reservation | None
    ) -> Deletion | None:
        files = [key for child in batch for key in (child.file_key, *child.annotations.file_keys)]
        record = Deletion(batch[0].id, batch[0].file_key, files=files)
        gone = [
            _Gone(child.id, child.size, (child.change_number, *child.annotations.numbers)) for child in batch
        ]
        given = [reserved] if reserved else []

        def make() -> Step:
            return self._step(record, Level.INSTANCE, gone, actions, given.pop() if given else None)

        return self.apply(make, stop_on_failed_condition=True)

    def _has_begun(self, record: Deletion) -> bool:
        return self._table.get(self._index.keys.deletion(record.id, record.incarnation)) is not None

    def _step(
        self,
        record: Deletion,
        level: Level,
        gone: Sequence[_Gone],
        actions: list[Item],
        reserved: Reservation | None,
    ) -> Step:
        reserved = reserved or self._changes.reserve(self.numbers_of(len(gone)))
        body = asdict(record) | {"at": self._clock()}
        return Step(
            record,
            [
                *actions,
                *self._log_removal(level, gone, reserved),
                self._writes.begin_deletion(record.id, record.incarnation, body),
            ],
            reserved.numbers,
        )

    def _log_removal(self, level: Level, gone: Sequence[_Gone], reserved: Reservation) -> list[Item]:
        """The actions by which resources leave the log and the statistics."""
        numbers = [number for one in gone for number in one.numbers]
        body = removal(level, [(one.id, one.size) for one in gone], numbers)
        actions = [self._changes.put_action(reserved.first, ChangeType.DELETED, body)]
        if not self._keep_changes:
            return actions + self._changes.kill_actions(numbers, reserved.trimmed)
        for at_number, one in enumerate(gone, start=reserved.first + 1):
            shown = {"id": one.id, "lv": int(level)}
            actions.append(self._changes.put_action(at_number, ChangeType.DELETED, shown))
        return actions


def _numbers(resource: Resource) -> tuple[int, ...]:
    """The numbers of a resource's entries in the changes log."""
    return (*resource.change_numbers, *resource.annotations.numbers)
