"""The files of an archive, read and packed some ahead of where it is written."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chalicelib.domain.errors import InexistentItem
from chalicelib.services.archive.plan import Entry, deflates
from chalicelib.services.archive.zip_stream import Packed, pack
from chalicelib.services.transcoding import MAXIMUM_BYTES, Target
from chalicelib.storage.s3.files import FileStore

if TYPE_CHECKING:
    from chalicelib.dicom.transcoding import Transcoded

AHEAD_FILES = 8
AHEAD_BYTES = 48 * 1024**2
WHOLE_BYTES = 8 * 1024**2
"""Up to this size a file is read and packed at once; a larger one in pieces, when its turn comes."""

Content = Packed | Iterator[bytes]


@dataclass(frozen=True, slots=True)
class _File:
    entry: Entry
    packed: Packed


class FilesAhead:
    """Reads and packs files side by side, so many ahead as may be in memory together."""

    def __init__(self, files: FileStore, pool: Executor) -> None:
        self._files = files
        self._pool = pool

    def read(
        self, entries: Sequence[Entry], target: Target | None = None
    ) -> Iterator[tuple[Entry, Content | None]]:
        """Each entry with its file, in pieces if it is large; None if the file is gone with its instance.

        Files that can be transcoded to the target are, one after another, and their entries tell of it: what a
        small file becomes can be large, and only one of them may be in memory.
        """
        ahead = self._read if target else self._packed
        waiting: deque[tuple[Entry, Future[_File | bytes | None] | None]] = deque()
        ahead_bytes = 0
        left = iter(entries)
        following = next(left, None)
        while waiting or following is not None:
            while following is not None and len(waiting) < AHEAD_FILES and ahead_bytes < AHEAD_BYTES:
                is_whole = following.size <= WHOLE_BYTES
                task = self._pool.submit(ahead, following) if is_whole else None
                waiting.append((following, task))
                ahead_bytes += following.size if is_whole else 0
                following = next(left, None)
            entry, future = waiting.popleft()
            ahead_bytes -= 0 if future is None else entry.size
            if future is None and (target is None or entry.size > MAXIMUM_BYTES):
                yield entry, self._pieces(entry)
                continue
            file = self._read(entry) if future is None else future.result()
            if isinstance(file, bytes):
                file = _transcoded(entry, file, target)
            yield (entry, None) if file is None else (file.entry, file.packed)

    def _read(self, entry: Entry) -> bytes | None:
        try:
            return self._files.get(entry.key)
        except InexistentItem:
            return None

    def _packed(self, entry: Entry) -> _File | None:
        data = self._read(entry)
        return None if data is None else _File(entry, pack(data, deflates=entry.deflates))

    def _pieces(self, entry: Entry) -> Iterator[bytes] | None:
        pieces = self._files.pieces(entry.key)
        try:
            first = next(pieces, b"")
        except InexistentItem:
            return None
        return _chained(first, pieces)


def _transcoded(entry: Entry, data: bytes, target: Target | None) -> _File:
    converted = target.convert(data) if target else None
    if converted is not None and target is not None:
        entry, data = _converted(entry, converted, target), converted.file
    return _File(entry, pack(data, deflates=entry.deflates))


def _converted(entry: Entry, converted: Transcoded, target: Target) -> Entry:
    return replace(
        entry,
        size=len(converted.file),
        deflates=deflates(target.transfer_syntax),
        sop_instance_uid=converted.sop_instance_uid,
        transfer_syntax=target.transfer_syntax,
    )


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
