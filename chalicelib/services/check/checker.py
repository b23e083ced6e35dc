"""The whole check of a store, and what can be mended of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor

from chalicelib.services.annotate import Annotate
from chalicelib.services.check.files import FileCheck
from chalicelib.services.check.findings import Finding, Kind
from chalicelib.services.check.rows import RowCheck
from chalicelib.services.delete_steps import UnderWay
from chalicelib.services.ingest import Ingest
from chalicelib.services.rebuild import FileSource, Rebuild
from chalicelib.services.recount import Recount
from chalicelib.storage.dynamodb.index import Index
from chalicelib.storage.dynamodb.writes import IndexWrites

SEGMENTS = 8
MAX_PASSES = 4
"""Of mending rows: one that gets new ancestors leaves items behind that lead to the old ones."""


class Checker:
    """Checks a store while it is in use."""

    def __init__(
        self,
        index: Index,
        writes: IndexWrites,
        source: FileSource,
        ingest: Ingest,
        under_way: Callable[[], UnderWay],
        rebuild: Rebuild,
        annotate: Annotate,
        recount: Recount,
        pool: Executor,
        clock: Callable[[], float],
    ) -> None:
        self._rows = RowCheck(index, writes, ingest.reattach, under_way)
        self._files = FileCheck(index, source, rebuild, annotate, under_way, pool, clock)
        self._recount = recount
        self._pool = pool

    def run(
        self, *, mend: bool = False, verify: bool = False, report: Callable[[str], None] = lambda _: None
    ) -> Iterator[Finding]:
        """Everything that is wrong, as it is found. Reads the whole index, and lists the whole bucket twice.

        Parameters
        ----------
        mend
            Give files without an entry one, write what is missing, remove what leads to nothing, count anew. Nothing
            is ever taken from the bucket; copies of annotations that are overtaken are set aside.
        verify
            Read every file, and compare its MD5 sum.
        report
            Hears of each part that begins.
        """
        report("Files without an index entry")
        yield from self._files.without_entries(mend=mend)
        report("Index entries and their files")
        yield from self._files.of_entries(verify=verify, mend=mend)
        report("Rows, edges and look-ups")
        for _ in range(MAX_PASSES):
            found = list(self._in_segments(lambda n: self._rows.run(n, SEGMENTS, mend=mend)))
            yield from found
            if not any(finding.mended for finding in found):
                break
        report("Annotations")
        yield from self._files.of_copies(mend=mend)
        report("Statistics")
        if self._recount.run(dry=not mend):
            yield Finding(Kind.STATISTICS, "statistics", mended=mend)

    def _in_segments(self, check: Callable[[int], Iterator[Finding]]) -> Iterator[Finding]:
        for findings in self._pool.map(lambda n: list(check(n)), range(SEGMENTS)):
            yield from findings
