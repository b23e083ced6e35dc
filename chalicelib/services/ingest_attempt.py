"""The way of one file into the index: numbers, plan, transaction, and again after a race."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, wait
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto

from chalicelib.domain.clock import Clock
from chalicelib.domain.errors import NacreError, Unavailable
from chalicelib.domain.outcomes import Status
from chalicelib.domain.resources import Instance
from chalicelib.services.description import Description
from chalicelib.services.ingest_plan import Lineage, Plan, PlanMaker
from chalicelib.storage.dynamodb.errors import ConditionFailed, Conflict, OutcomeUnknown
from chalicelib.storage.dynamodb.log import SequencedLog
from chalicelib.storage.dynamodb.table import Item, Table, backoff
from chalicelib.storage.dynamodb.writes import IndexWrites
from chalicelib.storage.s3.files import FileStore

MAX_ATTEMPTS = 12


class DoneBefore(NacreError):
    """What was to be done once has been done already; nothing was changed."""


class FileRole(Enum):
    """What an attempt is to the file that it brings into the index."""

    COMES = auto()
    """The attempt writes it, and removes it if it fails."""
    STAYS = auto()
    """It has an entry, of which only the place in the tree changes."""
    FOUND = auto()
    """It lies in the bucket, and stays whatever happens; so does the file that it takes the place of."""


@dataclass(frozen=True, slots=True)
class Means:
    """What attempts work with. `is_kept` says whether the instance that is there stays."""

    table: Table
    writes: IndexWrites
    changes: SequencedLog
    files: FileStore
    pool: Executor
    clock: Clock
    sleep: Callable[[float], None]
    stable_age_seconds: int
    lineage_of: Callable[[Description], Lineage]
    is_kept: Callable[[Lineage, Description], bool]


class Attempt:
    """One file on its way into the index: the numbers it holds, and what it may still undo."""

    def __init__(
        self,
        means: Means,
        description: Description,
        instance: Instance,
        role: FileRole,
        receipts: Sequence[Item] = (),
    ) -> None:
        self._means = means
        self._description = description
        self._instance = instance
        self._receipts = receipts
        self._numbers: list[int] = []
        self._trimmed = 0
        self._may_be_committed = False
        self._role = role

    def prepare(self, lineage: Lineage, write_file: Callable[[str], None]) -> None:
        """Bring the file to the bucket, beside the reservation of its numbers."""
        pool = self._means.pool
        beside = [pool.submit(self.reserve, lineage)]
        if lineage.sleepers:
            beside.append(pool.submit(self._wake, lineage))
        try:
            try:
                write_file(self._instance.file.key)
            finally:
                wait(beside)
            for task in beside:
                task.result()
        except Exception:
            self._give_up()
            raise

    def reserve(self, lineage: Lineage) -> None:
        """Take the numbers that the entries of this lineage need and that are not held yet."""
        missing = lineage.missing_levels + 1 - len(self._numbers)
        if missing > 0:
            reservation = self._means.changes.reserve(missing)
            self._numbers += reservation.numbers
            self._trimmed = reservation.trimmed

    def commit(self, lineage: Lineage) -> Status:
        """Write the index entry, retrying what races with others; returns what became of the file."""
        means = self._means
        for attempt in range(MAX_ATTEMPTS):
            made = self._plan(lineage)
            try:
                means.table.transact([*made.actions, *self._receipts])
            except ConditionFailed as failure:
                if any(position >= len(made.actions) for position in failure.positions):
                    self._give_up()
                    raise DoneBefore from failure
                if self._was_committed():
                    return Status.SUCCESS
                sealed = {made.claims.get(position) for position in failure.positions}
                self._numbers = [number for number in self._numbers if number not in sealed]
            except OutcomeUnknown:
                self._may_be_committed = True
            except Conflict:
                pass
            else:
                return Status.SUCCESS
            means.sleep(backoff(attempt))
            lineage = means.lineage_of(self._description)
            status = self._settled(lineage)
            if status is not None:
                return status
            self.reserve(lineage)
        self._give_up()
        raise Unavailable("The index is busy")

    def _plan(self, lineage: Lineage) -> Plan:
        means = self._means
        due = int(means.clock()) + means.stable_age_seconds + 1
        is_found = self._role is FileRole.FOUND
        maker = PlanMaker(means.writes, means.changes, due, self._trimmed, keeps_files=is_found)
        return maker.plan(lineage, self._description, self._instance, self._numbers)

    def _settled(self, lineage: Lineage) -> Status | None:
        """What is already decided: our own write went through, or somebody else's instance is there."""
        if self._role is FileRole.STAYS and not self._is_in_place(lineage):
            # It was deleted or overwritten, and must not come back.
            self._give_up()
            return Status.ALREADY_STORED
        live = lineage.live_instance
        if live is None:
            return None
        if live.file.key == self._instance.file.key:
            return Status.SUCCESS
        if not self._means.is_kept(lineage, self._description):
            return None
        self._give_up()
        return Status.ALREADY_STORED

    def _is_in_place(self, lineage: Lineage) -> bool:
        return lineage.instance is not None and lineage.instance.file.key == self._instance.file.key

    def _was_committed(self) -> bool:
        """Whether the attempt whose answer was lost came through, and the instance has been deleted since.

        It would come back without its file. Its entry in the log tells: nobody else writes under our number.
        """
        return self._may_be_committed and self._means.changes.is_written(self._numbers[0])

    def _give_up(self) -> None:
        """Undo what can be undone: numbers and, unless a lost answer may have committed it, the file."""
        means = self._means
        if self._may_be_committed:
            return
        means.changes.give_back(self._numbers)
        if self._role is FileRole.COMES:
            means.files.delete([self._instance.file.key])

    def _wake(self, lineage: Lineage) -> None:
        means = self._means
        due = int(means.clock()) + means.stable_age_seconds + 1
        actions = [action for sleeper in lineage.sleepers for action in means.writes.wake(sleeper, due)]
        # Somebody else may be waking them at this moment; the sweep does it in any case.
        with suppress(ConditionFailed, Conflict, Unavailable):
            means.table.transact(actions)
