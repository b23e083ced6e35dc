"""Files that no index entry knows: their upload died before its transaction. An hour is checked two hours later.

A lost or restored index looks the same from here: files without entries, only many of them. So nothing is ever
destroyed by this check, and four rules keep it from moving what a rebuild would need:

1. An index says nothing of files that are older than itself. A new one in a bucket that holds files already is taken
   for the successor of a lost one: the check begins with the next hour.
2. An hour that is reached late is passed over. The index was asleep, or was put back from a backup and does not know
   what came since.
3. Of the files of an hour, some may be unknown, or a small share. If there are more, none is touched.
4. What is removed is set aside for a month, from where it can be brought back.

What these rules leave in the bucket costs no more than its storage; `python -m infra.maintenance check` tells of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from itertools import islice

from chalicelib.domain.clock import Clock
from chalicelib.domain.errors import NacreError
from chalicelib.storage.dynamodb.errors import ConditionFailed
from chalicelib.storage.dynamodb.index import Index
from chalicelib.storage.dynamodb.items import number, text
from chalicelib.storage.s3.file_listing import FileListing, StoredObject

HOUR_SECONDS = 3600
AGE_HOURS = 2
LATE_HOURS = 24
PORTION = 5000  # files that one tick checks
FEW = 16
SHARE = 0.1


class TooManyOrphans(NacreError):
    """So many files of an hour are unknown that the index itself is in doubt; none was touched."""


class Orphans:
    """Finds files without an index entry, and sets them aside."""

    def __init__(self, index: Index, listing: FileListing, pool: Executor, clock: Clock) -> None:
        self._index = index
        self._listing = listing
        self._pool = pool
        self._clock = clock

    def remove(self) -> bool:
        """Check the next hour, or some thousand files of it, if it is old enough. Any number may at once.

        Says whether the hour has more files than were checked.

        Raises
        ------
        TooManyOrphans
            See there. The next call goes on behind them.
        """
        item = self._index.table.get(self._index.keys.orphans())
        if item is None:
            self._begin()
            return False
        newest = self._hour() - AGE_HOURS
        hour, after = int(item["hour"]["N"]), item["after"]["S"]
        if hour > newest:
            return False
        if hour < newest - LATE_HOURS:
            hour, after = newest, ""
        found = list(islice(self._listing.of_hour(hour * HOUR_SECONDS, after), PORTION))
        unknown = self.unknown(found)
        is_plausible = len(unknown) <= max(FEW, SHARE * len(found))
        if unknown and is_plausible:
            self._listing.set_aside(unknown, self._pool)
        has_more = len(found) == PORTION
        if has_more:
            self._note(hour, found[-1].key)
        else:
            self._note(hour + 1)
        if not is_plausible:
            raise TooManyOrphans(f"{len(unknown)} of {len(found)} files have no index entry: check the index")
        return has_more

    def postpone(self) -> None:
        """Leave alone all files that there are now: what is not in the index yet is about to come into it."""
        self._note(self._hour() + 1)

    def unknown(self, objects: Sequence[StoredObject]) -> list[StoredObject]:
        """Those of the files that no row names; none that others put there. A call per hundred."""
        used = self.keys_in_use({one.owner_id for one in objects if not one.is_foreign})
        return [one for one in objects if not one.is_foreign and one.key not in used]

    def keys_in_use(self, owners: Iterable[str]) -> set[str]:
        """Where the files and the attachments of some resources lie; whoever is no instance may be above."""
        wanted = set(owners)
        instances = self._index.instances(list(wanted))
        above = self._index.resources(wanted - instances.keys())
        kept = {instance.file.key for instance in instances.values()}
        annotated = [row.annotations for row in instances.values()]
        annotated += [row.annotations for row in above.values()]
        return kept.union(*(annotations.file_keys for annotations in annotated))

    def _begin(self) -> None:
        hour = self._hour() if self._listing.is_empty() else self._hour() + 1
        with suppress(ConditionFailed):  # another process has begun
            self._index.table.put(self._place(hour, ""), if_absent=True)

    def _note(self, hour: int, after: str = "") -> None:
        self._index.table.put(self._place(hour, after))

    def _place(self, hour: int, after: str) -> dict[str, dict[str, str]]:
        return self._index.keys.orphans() | {"hour": number(hour), "after": text(after)}

    def _hour(self) -> int:
        return int(self._clock()) // HOUR_SECONDS
