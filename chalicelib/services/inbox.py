"""Take in what is put into the inbox bucket: read by ranges, copied inside S3, removed once it is in the index.

Any number of events may tell of one object, in any order and at once: the object is looked at as it is now, and
what became of it is noted in the transaction that stores it, on the condition that it was not noted before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import Executor
from typing import BinaryIO, TypeVar, cast

from chalicelib.domain.clock import Clock
from chalicelib.domain.errors import (
    BadFileFormat,
    BadRequest,
    InexistentItem,
    InexistentTag,
    InternalError,
    NacreError,
    Unavailable,
    UnknownResource,
)
from chalicelib.domain.outcomes import Intake, Outcome, Refused, Status, Stored
from chalicelib.services import origins
from chalicelib.services.archives import BATCH_BYTES, Archive, Entry, is_archive
from chalicelib.services.bounded import BoundedReader
from chalicelib.services.description import Description, describe
from chalicelib.services.ingest import Ingest, Overwrite, Receipt
from chalicelib.services.ingest_attempt import DoneBefore
from chalicelib.services.upload import outcome_of
from chalicelib.storage.dynamodb.intakes import Intakes
from chalicelib.storage.s3.files import FileStore
from chalicelib.storage.s3.inbox import InboxBucket
from chalicelib.storage.s3.ranged import RangedObject, as_stream

MAX_HEADER_BYTES = 128 * 1024**2
MAX_ARCHIVE_BYTES = 64 * 1024**3
HASHED_BYTES = 4 * 1024**2
MAX_LOOKS = 5
SWEEP_AGE_SECONDS = 60.0
SWEEP_INTERVAL_SECONDS = 60.0
SWEEP_BUDGET_SECONDS = 20.0
MAX_FAILURES = 5

T = TypeVar("T")


class Inbox:
    """Takes in objects of the inbox."""

    def __init__(
        self,
        ingest: Ingest,
        bucket: InboxBucket,
        files: FileStore,
        intakes: Intakes,
        pool: Executor,
        clock: Clock,
        *,
        overwrite: Overwrite,
        default_encoding: Callable[[], str],
    ) -> None:
        self._ingest = ingest
        self._bucket = bucket
        self._files = files
        self._intakes = intakes
        self._pool = pool
        self._clock = clock
        self._compares = overwrite is Overwrite.IF_CHANGED
        self._default_encoding = default_encoding
        self._next_sweep = 0.0

    def take(self, key: str) -> None:
        """Take in an object, reject it, or do nothing if it is gone. Safe to repeat, also at once.

        Raises
        ------
        Unavailable
            AWS did not take it in time; the same call may succeed later.
        """
        for _ in range(MAX_LOOKS):
            source = self._bucket.open(key)
            if source is None:
                return
            try:
                self._take(source)
            except InexistentItem:  # replaced or removed meanwhile
                continue
            else:
                return
        raise Unavailable("The object keeps changing")

    def lookup(self, key: str) -> Intake:
        """What became of an object, by its key in the bucket. One query.

        Raises
        ------
        UnknownResource
            Nothing yet, or it was a week ago.
        """
        intake, _ = self._intakes.find(key)
        if intake is None:
            raise UnknownResource
        return intake

    def tick(self) -> None:
        """Sweep, if that was not done in the last minute."""
        now = self._clock()
        if now >= self._next_sweep:
            # A process that has just begun may find a queue that lost its events with the last one.
            age = SWEEP_AGE_SECONDS if self._next_sweep else 0.0
            self._next_sweep = now + SWEEP_INTERVAL_SECONDS
            self.sweep(age)

    def sweep(self, older_than_seconds: float = SWEEP_AGE_SECONDS) -> int:
        """Take in objects whose events seem to be lost; returns how many there were.

        One that fails again and again for no known reason is rejected.
        """
        began = self._clock()
        taken = 0
        for key in self._bucket.keys_before(began - older_than_seconds):
            if self._clock() - began > SWEEP_BUDGET_SECONDS:
                break
            try:
                self.take(key)
            except Unavailable:
                break
            except Exception:
                # What it was stands in the log: the object's event failed in the same way.
                self._count_failure(key)
            taken += 1
        return taken

    def _count_failure(self, key: str) -> None:
        if self._intakes.count_failure(key) >= MAX_FAILURES and (source := self._bucket.open(key)):
            self._reject(source, InternalError("The object could not be processed"))

    def _take(self, source: RangedObject) -> None:
        origin = self._origin(source.version.key)
        try:
            if not source.version.size:
                raise BadFileFormat("Received an empty DICOM file")
            if is_archive(source.head):
                self._expand(source, origin)
            else:
                self._store(source, origin)
        except (BadRequest, InexistentTag) as error:
            self._reject(source, error)
        else:
            self._bucket.remove(source.version)

    def _origin(self, key: str) -> dict[str, str]:
        if not key.startswith(uploads_prefix(self._bucket.prefix)):
            return origins.inbox()
        upload = self._intakes.upload(key)
        return upload.origin if upload else origins.inbox()

    def _reject(self, source: RangedObject, error: NacreError) -> None:
        version = source.version
        refused = Refused.by(error)
        reason = {
            "Details": refused.details,
            "ETag": version.etag.strip('"'),
            "Message": refused.message,
            "OrthancStatus": refused.orthanc_status,
            "Size": version.size,
        }
        self._bucket.reject(version, json.dumps(reason, indent=2).encode())
        self._intakes.note(version.key, str(version), refused)
        self._bucket.remove(version)

    # A file

    def _store(self, source: RangedObject, origin: dict[str, str]) -> None:
        version = source.version
        # S3 knows the sum of most objects. Of the others it matters only where contents are compared.
        md5 = version.md5 or (md5_of(as_stream(source)) if self._compares else "")
        description = self._describe(as_stream(source), version.size, md5)

        def copy(key: str) -> None:
            self._files.adopt(self._bucket.bucket, version.key, version.etag, version.size, key)

        receipt = self._intakes.receipt(version.key, str(version))
        outcome = _once(lambda: self._ingest.place(description, copy, origin, receipt))
        if outcome is not None and outcome.status is Status.ALREADY_STORED:
            self._intakes.note(version.key, str(version), outcome)

    def _describe(self, stream: BinaryIO, size: int, md5: str) -> Description:
        stream.seek(0)
        bounded = cast(BinaryIO, BoundedReader(stream, MAX_HEADER_BYTES))
        return describe(bounded, size, md5, self._default_encoding())

    # An archive

    def _expand(self, source: RangedObject, origin: dict[str, str]) -> None:
        key, version = source.version.key, str(source.version)
        archive = Archive(as_stream(source), source.version.size, MAX_ARCHIVE_BYTES)
        done = self._intakes.noted_entries(key, version)

        def store(file: tuple[int, _Storing]) -> None:
            position, storing = file
            receipt = self._intakes.receipt(key, version, position)
            outcome = _once(lambda: outcome_of(lambda: storing(origin, receipt)))
            if outcome is not None and not _is_new(outcome):
                self._intakes.note(key, version, outcome, position)

        for batch in archive.batches(skip=done):
            # Read here, one after the other: threads that read at once would make S3 send everything several times.
            files = [(entry.position, self._load(archive, entry)) for entry in batch]
            list(self._pool.map(store, files))
        if not any(isinstance(one, Stored) for one in self._intakes.noted_entries(key, version).values()):
            raise BadFileFormat("The archive holds no DICOM file")
        self._intakes.note_archive(key, version, len(archive.entries))

    def _load(self, archive: Archive, entry: Entry) -> _Storing:
        """Read a file of an archive, if the memory takes it; what is returned stores it."""
        if entry.size > BATCH_BYTES:
            return lambda origin, receipt: self._store_stream(archive, entry, origin, receipt)
        try:
            data = archive.read(entry)
        except BadFileFormat as error:
            return _refusing(error)
        return lambda origin, receipt: self._ingest.store(data, origin, receipt)

    def _store_stream(
        self, archive: Archive, entry: Entry, origin: dict[str, str], receipt: Receipt
    ) -> Stored:
        """Store a file that is too large for the memory: inflated once to be read, once to be written."""
        with archive.open(entry) as stream:
            md5 = md5_of(stream)
            description = self._describe(stream, entry.size, md5)

        def write(key: str) -> None:
            with archive.open(entry) as again:
                self._files.put_stream(key, again)

        return self._ingest.place(description, write, origin, receipt)


_Storing = Callable[[dict[str, str], Receipt], Stored]
"""Stores a file, given its origin and the receipt to be written."""


def _refusing(error: BadFileFormat) -> _Storing:
    def refuse(_origin: dict[str, str], _receipt: Receipt) -> Stored:
        raise error

    return refuse


def uploads_prefix(inbox_prefix: str) -> str:
    """Where presigned uploads go."""
    return f"{inbox_prefix}uploads/"


def md5_of(stream: BinaryIO) -> str:
    """The MD5 sum (hex) of a stream, with a few megabytes of it in memory."""
    digest = hashlib.md5(usedforsecurity=False)
    while piece := stream.read(HASHED_BYTES):
        digest.update(piece)
    return digest.hexdigest()


def _once(store: Callable[[], T]) -> T | None:
    """What storing comes to, or None if that is noted already."""
    try:
        return store()
    except DoneBefore:
        return None


def _is_new(outcome: Outcome) -> bool:
    """Whether the transaction that stored the file has noted it as well."""
    return isinstance(outcome, Stored) and outcome.status is Status.SUCCESS
