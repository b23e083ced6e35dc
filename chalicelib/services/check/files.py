"""Check the files in the bucket and the entries that name them, against each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from itertools import islice

from chalicelib.domain.errors import UnknownResource
from chalicelib.domain.resources import Instance, level_of
from chalicelib.services.annotate import Annotate, Row
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
        annotate: Annotate,
        under_way: Callable[[], UnderWay],
        pool: Executor,
        clock: Callable[[], float],
    ) -> None:
        self._index = index
        self._source = source
        self._rebuild = rebuild
        self._annotate = annotate
        self._under_way = under_way
        self._pool = pool
        self._clock = clock

    def without_entries(self, *, mend: bool) -> Iterator[Finding]:
        """The files that no entry names. To mend is to give them one, where their instance has no other file."""
        for batch in self._batches():
            yield from (Finding(Kind.FOREIGN_FILE, one.key) for one in batch if one.is_foreign)
            unknown = self._unknown(one for one in batch if not one.is_annotation_copy)
            if mend and unknown:
                self._rebuild.adopt(unknown, Progress())
            yield from self._left(unknown, mend=mend)

    def of_copies(self, *, mend: bool) -> Iterator[Finding]:
        """The copies of annotations that no entry names. All resources have to have their rows by now.

        To mend is to bring the annotations back, or to set a copy aside that is overtaken.
        """
        unknown: list[StoredObject] = []
        for batch in self._batches():
            unknown += self._unknown(one for one in batch if one.is_annotation_copy)
        if mend and unknown:
            self._rebuild.restore(unknown, Progress())
        yield from self._left(unknown, mend=mend)

    def _batches(self) -> Iterator[list[StoredObject]]:
        objects = self._source.listing.walk()
        while batch := list(islice(objects, BATCH)):
            yield batch

    def _unknown(self, objects: Iterable[StoredObject]) -> list[StoredObject]:
        young = self._clock() - YOUNG_SECONDS
        return self._source.orphans.unknown([one for one in objects if one.modified < young])

    def _left(self, unknown: Sequence[StoredObject], *, mend: bool) -> Iterator[Finding]:
        left = self._source.orphans.unknown(unknown) if mend and unknown else unknown
        keys = {one.key for one in left}
        for one in unknown:
            is_left = one.key in keys and not (mend and self._source.listing.find(one.key) is None)
            yield Finding(Kind.FILE_WITHOUT_ENTRY, one.key, mended=not is_left)

    def of_entries(self, *, verify: bool, mend: bool) -> Iterator[Finding]:
        """The entries whose file, attachment or copy of annotations is lost or another. One HEAD each.

        To verify reads every file; to mend writes copies of annotations anew.
        """
        rows = self._index.rows()
        while batch := list(islice(rows, BATCH)):
            files: list[_Expected] = [
                (row.file.key, row.file.size, row.file.md5) for row in batch if isinstance(row, Instance)
            ]
            for row in batch:
                files += [(one.key, one.size, one.md5) for one in row.annotations.attachments.values()]
            yield from self._check(files, verify=verify)
            yield from self._check_copies([row for row in batch if row.annotations.version], mend=mend)

    def _check_copies(self, rows: Sequence[Row], *, mend: bool) -> Iterator[Finding]:
        def check(row: Row) -> Finding | None:
            key = row.annotations.copy
            if key and (self._source.listing.find(key) is not None or not self._is_wanted(key)):
                return None
            if mend:
                with suppress(UnknownResource):  # deleted meanwhile
                    self._annotate.renew(level_of(row), row.id)
            return Finding(Kind.WITHOUT_COPY, row.id, mended=mend)

        yield from (finding for finding in self._pool.map(check, rows) if finding is not None)

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
