"""Check the files in the bucket and the entries that name them, against each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from itertools import islice

from chalicelib.domain.resources import Instance
from chalicelib.services.check.findings import Finding, Kind
from chalicelib.services.delete_steps import UnderWay
from chalicelib.services.inbox import md5_of
from chalicelib.services.rebuild import FileSource, Progress, Rebuild
from chalicelib.storage.dynamodb.index import Index
from chalicelib.storage.s3.file_listing import StoredObject
from chalicelib.storage.s3.ranged import as_stream

BATCH = 500
YOUNG_SECONDS = 900.0
"""Files of that age may belong to an upload that goes on."""

_Expected = tuple[str, int | None, str]
"""A file: its key, its size if it is known, and its MD5 sum (hex) if that is."""


class FileCheck:
    """Checks files and entries."""

    def __init__(
        self,
        index: Index,
        source: FileSource,
        rebuild: Rebuild,
        under_way: Callable[[], UnderWay],
        pool: Executor,
        clock: Callable[[], float],
    ) -> None:
        self._index = index
        self._source = source
        self._rebuild = rebuild
        self._under_way = under_way
        self._pool = pool
        self._clock = clock

    def without_entries(self, *, mend: bool) -> Iterator[Finding]:
        """The files that no entry names. To mend is to give them one, where their instance has no other file."""
        objects = self._source.listing.walk()
        while batch := list(islice(objects, BATCH)):
            yield from (Finding(Kind.FOREIGN_FILE, one.key) for one in batch if one.is_foreign)
            unknown = [one for one in self._source.orphans.unknown(batch) if self._is_old(one)]
            if mend and unknown:
                self._rebuild.adopt(unknown, Progress())
            left = {
                one.key for one in (self._source.orphans.unknown(unknown) if mend and unknown else unknown)
            }
            for one in unknown:
                yield Finding(Kind.FILE_WITHOUT_ENTRY, one.key, mended=one.key not in left)

    def of_entries(self, *, verify: bool) -> Iterator[Finding]:
        """The entries whose file or attachment is lost or another. One HEAD each; to verify reads every file."""
        rows = self._index.rows()
        while batch := list(islice(rows, BATCH)):
            files: list[_Expected] = [
                (row.file.key, row.file.size, row.file.md5) for row in batch if isinstance(row, Instance)
            ]
            for row in batch:
                files += [(key, None, "") for key in row.annotations.file_keys]
            yield from self._check(files, verify=verify)

    def _check(self, files: Sequence[_Expected], *, verify: bool) -> Iterator[Finding]:
        def check(file: _Expected) -> Finding | None:
            key, size, md5 = file
            found = self._source.listing.find(key)
            if found is None:
                return Finding(Kind.LOST_FILE, key) if self._is_wanted(key) else None
            if size is not None and found.size != size:
                return Finding(Kind.OTHER_SIZE, key)
            if verify and md5 and self._md5(key) != md5:
                return Finding(Kind.OTHER_CONTENT, key)
            return None

        yield from (finding for finding in self._pool.map(check, files) if finding is not None)

    def _is_wanted(self, key: str) -> bool:
        """Whether an entry still names a file: it may have been deleted since the entry was read."""
        owner = key.rsplit("/", 1)[1].split(".", 1)[0]
        return key in self._source.orphans.keys_in_use({owner})

    def _md5(self, key: str) -> str:
        source = self._source.objects.open(key)
        return md5_of(as_stream(source)) if source is not None else ""

    def _is_old(self, one: StoredObject) -> bool:
        return one.modified < self._clock() - YOUNG_SECONDS
