"""What follows an ingest or a delete, and what a crash may have left: one tick after another, safe to repeat.

A tick follows the changes log from where the last one stopped. It counts, keeps `LastUpdate`, finds completed
series, and gives new ancestors to instances whose series was deleted under them. Then it judges which resources
have become stable, finishes abandoned deletes, tidies the log, and once an hour sets aside files that no index
entry knows. Any number of processes may tick at once: what must happen once is written on a condition.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from itertools import islice

from chalicelib.domain.changes import STABLE, ChangeType
from chalicelib.domain.clock import Clock
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.levels import Level
from chalicelib.domain.resources import Resource
from chalicelib.services.changes import Tallies, live_instances
from chalicelib.services.delete import Delete
from chalicelib.services.orphans import Orphans
from chalicelib.services.series_status import SeriesStatus, series_status
from chalicelib.storage.dynamodb.entries import Entry
from chalicelib.storage.dynamodb.errors import ConditionFailed, Conflict
from chalicelib.storage.dynamodb.index import Index
from chalicelib.storage.dynamodb.log import FOLD, SequencedLog
from chalicelib.storage.dynamodb.table import Item, backoff
from chalicelib.storage.dynamodb.writes import IndexWrites

BATCH = 2000  # entries; a resource is written once for all those in one batch that arrived below it
MAX_BATCHES = 5
DUE_PAGE = 200
MAX_DUE_PAGES = 20
MAX_ATTEMPTS = 10
ABANDONED_SECONDS = 60.0


class Sweeper:
    """Does the store's background work."""

    def __init__(
        self,
        index: Index,
        writes: IndexWrites,
        log: SequencedLog,
        tallies: Tallies,
        orphans: Orphans,
        delete: Delete,
        pool: Executor,
        clock: Clock,
        *,
        stable_age_seconds: int,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._index = index
        self._table = index.table
        self._writes = writes
        self._log = log
        self._tallies = tallies
        self._orphans = orphans
        self._delete = delete
        self._pool = pool
        self._clock = clock
        self._stable_age_seconds = stable_age_seconds
        self._sleep = sleep

    def run(self, seconds: float) -> None:
        """Tick, and go on while the log is ahead or files are to be checked, for about `seconds` at most."""
        deadline = self._clock() + seconds
        is_at_end = has_files = False
        while not is_at_end and self._clock() < deadline:
            is_at_end, has_files = self._tick()
        while has_files and self._clock() < deadline:
            has_files = self._orphans.remove()

    def tick(self) -> bool:
        """Do what there is to do now, or a part of it; says whether it came to the end of the log.

        Raises
        ------
        TooManyOrphans
            Of the files of an hour so many are not in the index that none was touched. Everything else was done.
        """
        is_at_end, _ = self._tick()
        return is_at_end

    def _tick(self) -> tuple[bool, bool]:
        """Say whether it came to the end of the log, and whether there are more files to be checked."""
        is_at_end = self.follow()
        if is_at_end:
            self.judge()
        self._delete.finish_abandoned(ABANDONED_SECONDS)
        self._log.trim(self._tallies.load().cursor)
        return is_at_end, self._orphans.remove()

    # Following the log

    def follow(self) -> bool:
        """Take new entries into account; says whether it came to the end of the log."""
        for _ in range(MAX_BATCHES):
            tally = self._tallies.load()
            for at_number in tally.unfolded:
                self._log.fold(at_number)
            start = tally.cursor
            entries = list(islice(self._log.walk(start, below_floor=True), BATCH))
            if not entries and not tally.unfolded:
                return True
            self._take_in(entries)
            for entry in entries:
                tally.add(entry)
            # Folding loses what the tally has not counted, so it waits until the tally is kept.
            tally.unfolded = _blocks_to_fold(entries, tally.cursor)
            if not self._tallies.save(tally, start):
                return False
        return False

    def _take_in(self, entries: list[Entry]) -> None:
        latest: dict[str, float] = {}
        arrivals = list(live_instances(entries))
        for entry in arrivals:
            for identifier in entry.body["up"]:
                latest[identifier] = max(latest.get(identifier, 0.0), entry.body.get("at", entry.at))
        resources = self._index.resources(latest)
        for entry in arrivals:
            series = resources.get(entry.body["up"][Level.SERIES])
            if series is None or series.incarnation != entry.body["inc"]:
                self._settle_orphan(entry)

        def keep(resource: Resource) -> None:
            self._touch(resource, latest[resource.id])
            if resource.expected_instances:
                self._complete(resource)

        list(self._pool.map(keep, resources.values()))

    def _settle_orphan(self, entry: Entry) -> None:
        instance = self._index.instance(entry.body["id"])
        if instance is not None and instance.series_incarnation == entry.body["inc"]:
            self._delete.settle_orphan(instance)

    def _touch(self, resource: Resource, at: float) -> None:
        """Keep the time of the last arrival, and make a stable resource unstable again."""
        if resource.is_stable:
            due = int(self._clock()) + self._stable_age_seconds + 1
            self._attempt(self._writes.wake(resource, due))
        if resource.last_update < at:
            self._attempt([self._writes.touch(resource, at)])

    def _complete(self, series: Resource) -> None:
        """Tell of a series that has all its instances now, and again if it lost one and got it back."""
        family = self._index.family(series.id)
        if family is None or series_status(family) is not SeriesStatus.COMPLETE:
            return
        newest = max(child.change_number for child in family.children)
        if newest <= family.resource.completed_by:
            return
        reserved = self._log.reserve(1).first
        entry = self._log.put_action(reserved, ChangeType.COMPLETED_SERIES, {"id": series.id})
        self._attempt([self._writes.complete(series, newest, reserved), entry], reserved)

    # Stability

    def judge(self) -> None:
        """Declare stable what has not changed for `StableAge` seconds: series first, then studies, patients."""
        now = int(self._clock())
        partition = self._index.keys.partition("due")
        for _ in range(MAX_DUE_PAGES):
            items = list(self._table.query(partition, until=f"{now:012d}~", limit=DUE_PAGE))
            resources = self._index.resources({item["id"]["S"] for item in items})
            self._judge_page([(item, resources.get(item["id"]["S"])) for item in items], now)
            if len(items) < DUE_PAGE:
                return

    def _judge_page(self, reminders: list[tuple[Item, Resource | None]], now: int) -> None:
        stable: list[tuple[Resource, int]] = []
        for item, resource in reminders:
            due = int(item["sk"]["S"].split("#", 1)[0])
            if resource is None or resource.incarnation != item["inc"]["S"] or resource.due != due:
                self._table.delete({"pk": item["pk"], "sk": item["sk"]})
                continue
            quiet_at = int(resource.last_update) + self._stable_age_seconds + 1
            if quiet_at > now:
                self._attempt(self._writes.postpone(resource, due, quiet_at))
            else:
                stable.append((resource, due))
        numbers = self._log.reserve(len(stable)).numbers if stable else []
        for (resource, due), reserved in zip(stable, numbers, strict=True):
            entry = self._log.put_action(reserved, STABLE[resource.level], {"id": resource.id})
            self._attempt([*self._writes.settle(resource, due, reserved), entry], reserved)

    def _attempt(self, actions: list[Item], reserved: int | None = None) -> None:
        """Apply what is not needed any more if its condition does not hold; `reserved` is the number it uses.

        Raises
        ------
        Unavailable
            Other transactions did not end in time; the tick is to be repeated.
        """
        for attempt in range(MAX_ATTEMPTS):
            try:
                self._table.transact(actions)
            except ConditionFailed:
                break
            except Conflict:
                self._sleep(backoff(attempt))
            else:
                return
        else:
            raise Unavailable("The index is busy")
        if reserved is not None:
            self._log.give_back([reserved])


def _blocks_to_fold(entries: Sequence[Entry], cursor: int) -> list[int]:
    """A number of each block of the log in which entries died, or that is settled as a whole now."""
    blocks = {block for entry in entries for block in entry.body.get("k", ())}
    blocks |= {entry.number // FOLD for entry in entries if entry.number % FOLD == FOLD - 1}
    return [block * FOLD for block in sorted(blocks) if (block + 1) * FOLD - 1 <= cursor]
