"""The files of an archive, read some ahead of where it is written."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future

from chalicelib.domain.errors import InexistentItem
from chalicelib.services.archive.plan import Entry
from chalicelib.storage.s3.files import FileStore

AHEAD_FILES = 8
AHEAD_BYTES = 48 * 1024**2
WHOLE_BYTES = 8 * 1024**2
"""Up to this size a file is read at once; a larger one in pieces, when its turn comes."""


class FilesAhead:
    """Reads files side by side, so many ahead as may be in memory together."""

    def __init__(self, files: FileStore, pool: Executor) -> None:
        self._files = files
        self._pool = pool

    def read(self, entries: Sequence[Entry]) -> Iterator[tuple[Entry, Iterator[bytes] | None]]:
        """Each entry with the pieces of its file; None if the file is gone, since its instance was deleted."""
        waiting: deque[tuple[Entry, Future[bytes | None] | None]] = deque()
        ahead_bytes = 0
        left = iter(entries)
        following = next(left, None)
        while waiting or following is not None:
            while following is not None and len(waiting) < AHEAD_FILES and ahead_bytes < AHEAD_BYTES:
                is_whole = following.size <= WHOLE_BYTES
                waiting.append((following, self._pool.submit(self._whole, following) if is_whole else None))
                ahead_bytes += following.size if is_whole else 0
                following = next(left, None)
            entry, future = waiting.popleft()
            if future is None:
                yield entry, self._pieces(entry)
                continue
            data = future.result()
            ahead_bytes -= entry.size
            yield entry, None if data is None else iter([data])

    def _whole(self, entry: Entry) -> bytes | None:
        try:
            return self._files.get(entry.key)
        except InexistentItem:
            return None

    def _pieces(self, entry: Entry) -> Iterator[bytes] | None:
        pieces = self._files.pieces(entry.key)
        try:
            first = next(pieces, b"")
        except InexistentItem:
            return None
        return _chained(first, pieces)


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
