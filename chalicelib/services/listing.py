"""Lists of identifiers in pages, at a cost that depends on the page and not on the store.

A level's listing lies in 16 shards, one for each first digit of the identifier, so that walking the shards in
order gives the identifiers in order. Orthanc's `since` is an offset: where the next page begins is remembered
for a minute, and a jump elsewhere starts from the counts of the statistics, close before the place.
"""

from __future__ import annotations

from concurrent.futures import Executor
from functools import partial

from chalicelib.domain.clock import Clock
from chalicelib.domain.levels import Level
from chalicelib.services.changes import Tallies
from chalicelib.storage.dynamodb.index import Index
from chalicelib.storage.dynamodb.items import number, text
from chalicelib.storage.dynamodb.keys import SHARDS

REMEMBERED_SECONDS = 60


class Listing:
    """Lists the resources of a level."""

    def __init__(self, index: Index, tallies: Tallies, pool: Executor, clock: Clock) -> None:
        self._index = index
        self._tallies = tallies
        self._pool = pool
        self._clock = clock

    def all(self, level: Level) -> list[str]:
        """Every identifier of a level, in order; grows with the store, as its caller asked."""
        shards = self._pool.map(lambda shard: list(self._index.list_shard(level, shard)), SHARDS)
        return [identifier for shard in shards for identifier in shard]

    def page(self, level: Level, since: int, limit: int) -> list[str]:
        """The identifiers from offset `since`, at most `limit`."""
        after, skipped = self._start(level, since)
        found = self._take(level, after, since - skipped + limit)[since - skipped :]
        if len(found) == limit and limit:
            self._remember(level, since + limit, found[-1])
        return found

    def _start(self, level: Level, since: int) -> tuple[str, int]:
        """A sort key close before the offset, and how many identifiers lie up to it."""
        if since == 0:
            return "", 0
        item = self._index.table.get(self._index.keys.page(level, since))
        if item is not None and float(item["expires"]["N"]) > self._clock():
            return item["after"]["S"], since
        passed = 0
        counts = self._tallies.current().counts[level]
        for bucket, count in enumerate(counts):
            if passed + count > since:
                return f"{bucket:02x}", passed
            passed += count
        return "g", since

    def _take(self, level: Level, after: str, count: int) -> list[str]:
        """The next identifiers behind a sort key.

        One query, a second where a shard ends, and the remaining shards at once in a store so small that this is
        not enough.
        """
        if count == 0 or after == "g":
            return []
        first = SHARDS.index(after[:1] or SHARDS[0])
        found = list(self._index.list_shard(level, SHARDS[first], after or None, count))
        for shards in (SHARDS[first + 1 : first + 2], SHARDS[first + 2 :]):
            wanted = count - len(found)
            if wanted > 0:
                for more in self._pool.map(partial(self._head, level, wanted), shards):
                    found += more
        return found[:count]

    def _head(self, level: Level, count: int, shard: str) -> list[str]:
        return list(self._index.list_shard(level, shard, None, count))

    def _remember(self, level: Level, offset: int, after: str) -> None:
        expires = int(self._clock()) + REMEMBERED_SECONDS
        place = {"after": text(after), "expires": number(expires)}
        self._index.table.put(self._index.keys.page(level, offset) | place)
