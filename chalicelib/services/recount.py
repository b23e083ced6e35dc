"""Count anew what the statistics fold from the changes log: for an index that was rebuilt or mended.

The counts stand for a number of the log. So the resources are counted that entered it up to this number; whatever
comes meanwhile is behind it and is added by the sweep, as always. Only what leaves meanwhile, or is overwritten, cannot
be told from what was never there: then it is counted once more.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.levels import Level
from chalicelib.domain.resources import Instance, Resource, level_of
from chalicelib.services.changes import Tallies
from chalicelib.services.ledger import Tally, bucket_of
from chalicelib.storage.dynamodb.index import Index
from chalicelib.storage.dynamodb.log import SequencedLog

SEGMENTS = 8
MAX_ATTEMPTS = 5
PAUSE_SECONDS = 15.0


class Recount:
    """Counts the resources of a store, and corrects its statistics."""

    def __init__(
        self,
        index: Index,
        log: SequencedLog,
        tallies: Tallies,
        follow: Callable[[], bool],
        pool: Executor,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`follow` folds the log into the statistics, a part of it, and says whether it came to the end."""
        self._index = index
        self._log = log
        self._tallies = tallies
        self._follow = follow
        self._pool = pool
        self._sleep = sleep

    def run(self, *, dry: bool = False) -> bool:
        """Correct the statistics, or only look at them (`dry`); says whether they were wrong. Reads the whole index.

        A log that was lost, and began anew with numbers that are taken, goes on behind them.

        Raises
        ------
        Unavailable
            Resources are being deleted or overwritten all the time.
        """
        for _ in range(MAX_ATTEMPTS):
            while not self._follow():
                continue
            before = self._tallies.load()
            counted, newest = self._count(before.cursor)
            if newest > self._log.head().last and not dry:
                self._log.advance(newest)
                counted, _ = self._count(newest)
            elif self._has_lost(before.cursor):
                self._sleep(PAUSE_SECONDS)
                continue
            if _counts(counted) == _counts(before) and counted.cursor == before.cursor:
                return False
            if dry:
                return True
            counted.unfolded = before.unfolded
            if self._tallies.replace(counted, before):
                return True
        raise Unavailable("Resources are being deleted while they are counted")

    def _count(self, up_to: int) -> tuple[Tally, int]:
        """The counts of what entered the log up to a number, and the largest number that a resource has."""
        parts = list(self._pool.map(lambda segment: self._count_segment(segment, up_to), range(SEGMENTS)))
        total = Tally(cursor=up_to)
        for part, _ in parts:
            total.size += part.size
            for level in Level:
                total.counts[level] = [
                    a + b for a, b in zip(total.counts[level], part.counts[level], strict=True)
                ]
        return total, max(newest for _, newest in parts)

    def _count_segment(self, segment: int, up_to: int) -> tuple[Tally, int]:
        tally = Tally()
        newest = 0
        for row in self._index.rows(segment, SEGMENTS):
            numbers = _numbers(row)
            newest = max(newest, *numbers)
            if min(numbers) > up_to:
                continue
            level = level_of(row)
            tally.counts[level][bucket_of(row.id)] += 1
            tally.size += row.file.size if isinstance(row, Instance) else 0
        return tally, newest

    def _has_lost(self, since: int) -> bool:
        """Whether anything that was counted left the store, or was replaced, behind a number of the log.

        To be asked after the count: who commits later has left everything in its place while it was counted.
        """
        return any("c" in entry.body or entry.body.get("was") for entry in self._log.tail(since))


def _numbers(row: Resource | Instance) -> tuple[int, ...]:
    return (row.change_number,) if isinstance(row, Instance) else row.change_numbers


def _counts(tally: Tally) -> object:
    return tally.counts, tally.size
