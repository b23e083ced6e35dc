"""Store one DICOM file: the file into S3, then its index entry in one transaction, then the answer.

For a series that is known this takes four AWS calls, three deep: one read of the four levels; the file beside
the reservation of a number in the changes log; the transaction. It writes nothing that another instance writes
too, so instances of one series never wait for one another. A duplicate costs the read alone.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, wait
from contextlib import suppress
from enum import StrEnum
from io import BytesIO

from chalicelib.domain.clock import Clock
from chalicelib.domain.errors import InexistentItem, NacreError, Unavailable
from chalicelib.domain.levels import Level
from chalicelib.domain.outcomes import Status, Stored
from chalicelib.domain.resources import Instance
from chalicelib.services.description import Description, describe
from chalicelib.services.ingest_plan import Lineage, Plan, PlanMaker, new_instance
from chalicelib.storage.dynamodb.errors import ConditionFailed, Conflict, OutcomeUnknown
from chalicelib.storage.dynamodb.index import Index
from chalicelib.storage.dynamodb.log import SequencedLog
from chalicelib.storage.dynamodb.table import Item, Table, backoff
from chalicelib.storage.dynamodb.writes import IndexWrites
from chalicelib.storage.s3.files import FileStore

MAX_ATTEMPTS = 12


class Overwrite(StrEnum):
    """What happens when an instance that is in the store comes again (option `OverwriteInstances`)."""

    NEVER = "Never"
    ALWAYS = "Always"
    IF_CHANGED = "IfChanged"


Receipt = Callable[[Stored], Item]
"""Makes the action that notes an answer in the index, on the condition that it was not noted before."""


class DoneBefore(NacreError):
    """What was to be done once has been done already; nothing was changed."""


class Ingest:
    """Stores files."""

    def __init__(
        self,
        index: Index,
        writes: IndexWrites,
        changes: SequencedLog,
        files: FileStore,
        pool: Executor,
        clock: Clock,
        *,
        overwrite: Overwrite,
        stable_age_seconds: int,
        default_encoding: str = "Latin1",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._index = index
        self._table: Table = index.table
        self._writes = writes
        self._changes = changes
        self._files = files
        self._pool = pool
        self._clock = clock
        self._overwrite = overwrite
        self._stable_age_seconds = stable_age_seconds
        self._default_encoding = default_encoding
        self._sleep = sleep

    def store(
        self, data: bytes, metadata: dict[str, str] | None = None, receipt: Receipt | None = None
    ) -> Stored:
        """Store a file whose bytes are at hand. Safe to repeat.

        Parameters
        ----------
        data
            The whole file.
        metadata
            Where it came from, in Orthanc's names of instance metadata (`Origin`, `RemoteIP`, ...).
        receipt
            As `place` has it.

        Raises
        ------
        BadFileFormat
            The bytes are not a DICOM file; nothing is stored.
        Unavailable
            AWS did not take it in time; nothing is acknowledged, and the same call may succeed later.
        """
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        description = describe(data, len(data), md5, self._default_encoding)
        return self.place(description, lambda key: self._files.put(key, data, md5), metadata or {}, receipt)

    def place(
        self,
        description: Description,
        write_file: Callable[[str], None],
        metadata: dict[str, str],
        receipt: Receipt | None = None,
    ) -> Stored:
        """Store a described file that `write_file` brings to a key of the bucket. Safe to repeat.

        The `receipt` is written by the same transaction; its condition must not hold once that has happened.

        Raises
        ------
        DoneBefore
            The receipt has been written already.
        """
        lineage = self._lineage(description)
        if self._is_kept(lineage, description):
            return Stored(Status.ALREADY_STORED, description.identifiers)
        now = self._clock()
        name = self._files.name(description.identifiers[Level.INSTANCE], str(uuid.uuid4()), now)
        instance = new_instance(description, name, metadata, now)
        receipts = [receipt(Stored(Status.SUCCESS, description.identifiers))] if receipt else []
        attempt = _Attempt(self, description, instance, receipts)
        attempt.prepare(lineage, write_file)
        status = attempt.commit(lineage)
        return Stored(status, description.identifiers)

    def reattach(self, orphan: Instance) -> bool:
        """Give an instance whose series was deleted under it new ancestors; its file stays where it is.

        Returns False, with nothing done, if it has no file: it was deleted as well, or is lost.
        """
        try:
            data = self._files.get_range(orphan.file.key, 0, orphan.file.header_length)
        except InexistentItem:
            return False
        description = describe(BytesIO(data), orphan.file.size, orphan.file.md5, self._default_encoding)
        lineage = self._lineage(description)
        if lineage.instance is None or lineage.instance.file.key != orphan.file.key or lineage.is_whole:
            return True
        attempt = _Attempt(self, description, lineage.instance)
        attempt.reserve(lineage)
        attempt.commit(lineage)
        return True

    def _lineage(self, description: Description) -> Lineage:
        above, instance = self._index.lineage(description.identifiers)
        return Lineage.of(above, instance)

    def _is_kept(self, lineage: Lineage, description: Description) -> bool:
        """Whether the instance in the store stays, and the one that came is not needed."""
        if lineage.live_instance is None or self._overwrite is Overwrite.ALWAYS:
            return False
        return self._overwrite is Overwrite.NEVER or lineage.live_instance.file.md5 == description.md5


class _Attempt:
    """One file on its way into the index: the numbers it holds, and what it may still undo."""

    def __init__(
        self, ingest: Ingest, description: Description, instance: Instance, receipts: Sequence[Item] = ()
    ) -> None:
        self._ingest = ingest
        self._description = description
        self._instance = instance
        self._receipts = receipts
        self._numbers: list[int] = []
        self._trimmed = 0
        self._may_be_committed = False
        self._moves_file = False

    def prepare(self, lineage: Lineage, write_file: Callable[[str], None]) -> None:
        """Bring the file to the bucket, beside the reservation of its numbers."""
        self._moves_file = True
        pool = self._ingest._pool
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
            reservation = self._ingest._changes.reserve(missing)
            self._numbers += reservation.numbers
            self._trimmed = reservation.trimmed

    def commit(self, lineage: Lineage) -> Status:
        """Write the index entry, retrying what races with others; returns what became of the file."""
        ingest = self._ingest
        for attempt in range(MAX_ATTEMPTS):
            made = self._plan(lineage)
            try:
                ingest._table.transact([*made.actions, *self._receipts])
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
            ingest._sleep(backoff(attempt))
            lineage = ingest._lineage(self._description)
            status = self._settled(lineage)
            if status is not None:
                return status
            self.reserve(lineage)
        self._give_up()
        raise Unavailable("The index is busy")

    def _plan(self, lineage: Lineage) -> Plan:
        ingest = self._ingest
        due = int(ingest._clock()) + ingest._stable_age_seconds + 1
        maker = PlanMaker(ingest._writes, ingest._changes, due, self._trimmed)
        return maker.plan(lineage, self._description, self._instance, self._numbers)

    def _settled(self, lineage: Lineage) -> Status | None:
        """What is already decided: our own write went through, or somebody else's instance is there."""
        if not self._moves_file and not self._is_in_place(lineage):
            # It was deleted or overwritten, and must not come back.
            self._give_up()
            return Status.ALREADY_STORED
        live = lineage.live_instance
        if live is None:
            return None
        if live.file.key == self._instance.file.key:
            return Status.SUCCESS
        if not self._ingest._is_kept(lineage, self._description):
            return None
        self._give_up()
        return Status.ALREADY_STORED

    def _is_in_place(self, lineage: Lineage) -> bool:
        return lineage.instance is not None and lineage.instance.file.key == self._instance.file.key

    def _was_committed(self) -> bool:
        """Whether the attempt whose answer was lost came through, and the instance has been deleted since.

        It would come back without its file. Its entry in the log tells: nobody else writes under our number.
        """
        return self._may_be_committed and self._ingest._changes.is_written(self._numbers[0])

    def _give_up(self) -> None:
        """Undo what can be undone: numbers and, unless a lost answer may have committed it, the file."""
        ingest = self._ingest
        if self._may_be_committed:
            return
        ingest._changes.give_back(self._numbers)
        if self._moves_file:
            ingest._files.delete([self._instance.file.key])

    def _wake(self, lineage: Lineage) -> None:
        ingest = self._ingest
        due = int(ingest._clock()) + ingest._stable_age_seconds + 1
        actions = [action for sleeper in lineage.sleepers for action in ingest._writes.wake(sleeper, due)]
        # Somebody else may be waking them at this moment; the sweep does it in any case.
        with suppress(ConditionFailed, Conflict, Unavailable):
            ingest._table.transact(actions)
