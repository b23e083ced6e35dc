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
from itertools import groupby, islice

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
from chalicelib.storage.dynamodb.keys import key_of
from chalicelib.storage.dynamodb.log import FOLD, SequencedLog
from chalicelib.storage.dynamodb.table import Item, backoff
from chalicelib.storage.dynamodb.writes import IndexWrites

BATCH = 2000  # entries; a resource is written once for all those in one batch that arrived below it
MAX_BATCHES = 5
DUE_PAGE = 200
MAX_ATTEMPTS = 10
ABANDONED_SECONDS = 60.0

Work = Callable[[], bool]
"""Does a part of what there is to do, and says whether there may be more."""


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
        """Tick once, and go on while the log is ahead or any work has more to do, for about `seconds` at most."""
        deadline = self._clock() + seconds
        is_at_end, unfinished = self._tick()
        while not is_at_end and self._clock() < deadline:
            is_at_end, unfinished = self._tick()
        while unfinished and self._clock() < deadline:
            unfinished = [work for work in unfinished if work()]

    def tick(self) -> bool:
        """Do what there is to do now, or a part of it; says whether it came to the end of the log.

        Raises
        ------
        TooManyOrphans
            Of the files of an hour so many are not in the index that none was touched. Everything else was done.
        """
        is_at_end, _ = self._tick()
        return is_at_end

    def _tick(self) -> tuple[bool, list[Work]]:
        """Say whether it came to the end of the log, and which work has more to do."""
        is_at_end = self.follow()
        unfinished = [self.judge] if is_at_end and self.judge() else []
        self._delete.finish_abandoned(ABANDONED_SECONDS)
        return is_at_end, unfinished + [work for work in (self._trim, self._orphans.remove) if work()]

    def _trim(self) -> bool:
        """Remove a part of what was hidden from the log's readers; says whether there was any."""
        return self._log.trim(self._tallies.load().cursor) > 0

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

    def judge(self) -> bool:
        """Declare stable what has not changed for `StableAge` seconds: series first, then studies, patients.

        Says whether more is due than it looked at.
        """
        now = int(self._clock())
        reminders, has_more = self._due(now)
        for start in range(0, len(reminders), DUE_PAGE):
            self._judge_page(reminders[start : start + DUE_PAGE], now)
        return has_more

    def _due(self, now: int) -> tuple[list[Item], bool]:
        """What is due by `now`, in order, and whether there is more. All shards are asked at the same time."""

        def read(partition: str) -> list[Item]:
            return list(self._table.query(partition, until=f"{now:012d}~", limit=DUE_PAGE))

        shards = list(self._pool.map(read, self._index.keys.due_partitions()))
        found = sorted((item for shard in shards for item in shard), key=_sort_key)
        # Of a shard that was not read to its end, something may be due before what others have.
        ends = [_sort_key(shard[-1]) for shard in shards if len(shard) == DUE_PAGE]
        return [item for item in found if not ends or _sort_key(item) <= min(ends)], bool(ends)

    def _judge_page(self, reminders: list[Item], now: int) -> None:
        resources = self._index.resources({item["id"]["S"] for item in reminders})

        def judge(item: Item) -> tuple[Resource, int] | None:
            return self._judge_one(item, resources.get(item["id"]["S"]), now)

        stable = [found for found in self._pool.map(judge, reminders) if found is not None]
        if not stable:
            return
        numbers = self._log.reserve(len(stable)).numbers
        settled = [(*found, reserved) for found, reserved in zip(stable, numbers, strict=True)]
        settled.sort(key=lambda one: -one[0].level)
        # If it ends half-way, no study was told stable before its series.
        for _, peers in groupby(settled, key=lambda one: one[0].level):
            list(self._pool.map(lambda one: self._settle(*one), peers))

    def _judge_one(self, item: Item, resource: Resource | None, now: int) -> tuple[Resource, int] | None:
        """The resource and when it was due if it is stable now; otherwise its reminder goes, or is put off."""
        due = int(_sort_key(item).split("#", 1)[0])
        if resource is None or resource.incarnation != item["inc"]["S"] or resource.due != due:
            self._table.delete(key_of(item))
            return None
        quiet_at = int(resource.last_update) + self._stable_age_seconds + 1
        if quiet_at > now:
            self._attempt(self._writes.postpone(resource, due, quiet_at))
            return None
        return resource, due

    def _settle(self, resource: Resource, due: int, reserved: int) -> None:
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


def _sort_key(item: Item) -> str:
    return str(item["sk"]["S"])


def _blocks_to_fold(entries: Sequence[Entry], cursor: int) -> list[int]:
    """A number of each block of the log in which entries died, or that is settled as a whole now."""
    blocks = {block for entry in entries for block in entry.body.get("k", ())}
    blocks |= {entry.number // FOLD for entry in entries if entry.number % FOLD == FOLD - 1}
    return [block * FOLD for block in sorted(blocks) if (block + 1) * FOLD - 1 <= cursor]
