"""Store one DICOM file: the file into S3, then its index entry in one transaction, then the answer.

For a series that is known this takes four AWS calls, three deep: one read of the four levels; the file beside
the reservation of a number in the changes log; the transaction. It writes nothing that another instance writes
too, so instances of one series never wait for one another. A duplicate costs the read alone.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from enum import StrEnum
from io import BytesIO

from chalicelib.domain.clock import Clock
from chalicelib.domain.errors import InexistentItem
from chalicelib.domain.levels import Level
from chalicelib.domain.outcomes import Status, Stored
from chalicelib.domain.resources import Instance
from chalicelib.services import origins
from chalicelib.services.description import Description, describe
from chalicelib.services.ingest_attempt import Attempt, FileRole, Means
from chalicelib.services.ingest_plan import Lineage, new_instance
from chalicelib.storage.dynamodb.index import Index
from chalicelib.storage.dynamodb.log import SequencedLog
from chalicelib.storage.dynamodb.table import Item
from chalicelib.storage.dynamodb.writes import IndexWrites
from chalicelib.storage.s3.files import FileName, FileStore


class Overwrite(StrEnum):
    """What happens when an instance that is in the store comes again (option `OverwriteInstances`)."""

    NEVER = "Never"
    ALWAYS = "Always"
    IF_CHANGED = "IfChanged"


Ancestry = tuple[str, str, str, str]
"""The identifiers of patient, study, series and instance."""

Receipt = Callable[[Stored], Item]
"""Makes the action that notes an answer in the index, on the condition that it was not noted before."""


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
        default_encoding: Callable[[], str],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._index = index
        self._files = files
        self._clock = clock
        self._overwrite = overwrite
        self._default_encoding = default_encoding
        self._means = Means(
            table=index.table,
            writes=writes,
            changes=changes,
            files=files,
            pool=pool,
            clock=clock,
            sleep=sleep,
            stable_age_seconds=stable_age_seconds,
            lineage_of=self._lineage,
            is_kept=self._is_kept,
        )

    def store(
        self,
        data: bytes,
        metadata: dict[str, str] | None = None,
        receipt: Receipt | None = None,
        made_from: Ancestry | None = None,
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
        made_from
            The identifiers of patient, study, series and instance of which it was made by a modification.

        Raises
        ------
        BadFileFormat
            The bytes are not a DICOM file; nothing is stored.
        Unavailable
            AWS did not take it in time; nothing is acknowledged, and the same call may succeed later.
        """
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        description = describe(data, len(data), md5, self._default_encoding())
        metadata = dict(metadata or {})
        if made_from is not None:
            description, own = _told_of(description, made_from)
            metadata |= own
        return self.place(description, lambda key: self._files.put(key, data, md5), metadata, receipt)

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
        attempt = Attempt(self._means, description, instance, FileRole.COMES, receipts)
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
        description = describe(BytesIO(data), orphan.file.size, orphan.file.md5, self._default_encoding())
        lineage = self._lineage(description)
        if lineage.instance is None or lineage.instance.file.key != orphan.file.key or lineage.is_whole:
            return True
        attempt = Attempt(self._means, description, lineage.instance, FileRole.STAYS)
        attempt.reserve(lineage)
        attempt.commit(lineage)
        return True

    def adopt(self, description: Description, name: FileName, stored_at: float) -> Status:
        """Give a file that lies in the bucket its index entry; the file stays where it is. Safe to repeat.

        Another file of the instance that is in the index keeps its place, unless instances are overwritten and that
        file is older. Either way both files stay in the bucket.

        Parameters
        ----------
        stored_at
            When it was put into the bucket (epoch seconds).
        """
        lineage = self._lineage(description)
        live = lineage.live_instance
        if live is not None and (live.stored_at >= stored_at or self._is_kept(lineage, description)):
            return Status.ALREADY_STORED
        instance = new_instance(description, name, origins.unknown(), stored_at)
        attempt = Attempt(self._means, description, instance, FileRole.FOUND)
        attempt.reserve(lineage)
        return attempt.commit(lineage)

    def _lineage(self, description: Description) -> Lineage:
        above, instance = self._index.lineage(description.identifiers)
        return Lineage.of(above, instance)

    def _is_kept(self, lineage: Lineage, description: Description) -> bool:
        """Whether the instance in the store stays, and the one that came is not needed."""
        if lineage.live_instance is None or self._overwrite is Overwrite.ALWAYS:
            return False
        return self._overwrite is Overwrite.NEVER or lineage.live_instance.file.md5 == description.md5


def _told_of(description: Description, made_from: Ancestry) -> tuple[Description, dict[str, str]]:
    """The description whose new resources tell what they were made from, and what the instance tells."""
    notes = {
        level: {"ModifiedFrom": before}
        for level, before, after in zip(Level, made_from, description.identifiers, strict=True)
        if before != after
    }
    return replace(description, made_from=notes), notes.get(Level.INSTANCE, {})
