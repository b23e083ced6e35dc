"""The changes log as clients read it, and the counts that follow from it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence

from chalicelib.domain.changes import Change, ChangesPage, ChangeType
from chalicelib.domain.levels import Level
from chalicelib.services.ledger import Tally
from chalicelib.storage.dynamodb.entries import Entry
from chalicelib.storage.dynamodb.errors import ConditionFailed
from chalicelib.storage.dynamodb.items import document, number
from chalicelib.storage.dynamodb.keys import Keys
from chalicelib.storage.dynamodb.log import SequencedLog
from chalicelib.storage.dynamodb.table import Table

MAX_SCANNED = 2000  # numbers one page looks at, however few of them match

_LEVELS = {
    ChangeType.NEW_PATIENT: Level.PATIENT,
    ChangeType.STABLE_PATIENT: Level.PATIENT,
    ChangeType.NEW_STUDY: Level.STUDY,
    ChangeType.STABLE_STUDY: Level.STUDY,
    ChangeType.NEW_SERIES: Level.SERIES,
    ChangeType.STABLE_SERIES: Level.SERIES,
    ChangeType.COMPLETED_SERIES: Level.SERIES,
    ChangeType.NEW_INSTANCE: Level.INSTANCE,
}


class Changes:
    """Reads the changes log."""

    def __init__(self, log: SequencedLog, tallies: Tallies) -> None:
        self._log = log
        self._tallies = tallies

    def page(
        self, since: int, limit: int, types: Collection[ChangeType] = (), until: int | None = None
    ) -> ChangesPage:
        """The first `limit` changes behind `since`, only those of `types` if any are given. Two calls for a hundred.

        With `until`, those up to it: the last `limit` of them if `since` is 0, the first otherwise, as Orthanc
        has it. `last` of the page is its last change's number, or the end of the log if it has none. A page
        that passes many numbers and finds few changes ends early, not `done`: go on from its `last`.
        """
        if until is not None and since <= 0:
            return self._page_back(until, limit, types)
        changes: list[Change] = []
        position = since
        for scanned, entry in enumerate(self._log.walk(since)):
            if until is not None and entry.number > until:
                break
            if scanned == MAX_SCANNED:
                return ChangesPage(tuple(changes), position, done=False)
            if _matches(entry, types):
                if len(changes) == limit:
                    return self._page(changes, done=False)
                changes.append(_to_change(entry))
            position = entry.number
        if not changes and until is None:
            return ChangesPage((), self._end(position), done=True)
        return self._page(changes, done=True)

    def _page_back(self, until: int, limit: int, types: Collection[ChangeType]) -> ChangesPage:
        changes: list[Change] = []
        done = True
        for scanned, entry in enumerate(self._log.walk_back(min(until, self._settled()))):
            if _matches(entry, types):
                if len(changes) == limit:
                    done = False
                    break
                changes.append(_to_change(entry))
            if scanned == MAX_SCANNED:
                done = False
                break
        changes.reverse()
        return self._page(changes, done=done)

    def last(self) -> ChangesPage:
        """The newest change alone."""
        page = self._page_back(self._settled(), 1, ())
        return ChangesPage(page.changes, page.last, done=True)

    def clear(self) -> None:
        """Empty the log for its readers; its numbers go on."""
        self._log.truncate(self._tallies.load().cursor)

    def _page(self, changes: Sequence[Change], *, done: bool) -> ChangesPage:
        return ChangesPage(tuple(changes), changes[-1].number if changes else self._settled(), done)

    def _end(self, position: int) -> int:
        """The end of the contiguous prefix for a reader who has come to it, or beyond it, at `position`."""
        head = self._log.head()
        return max(position, head.floor) if position <= head.last else self._settled()

    def _settled(self) -> int:
        """The last number of the contiguous prefix."""
        end = self._tallies.load().cursor
        for entry in self._log.walk(end, below_floor=True):
            end = entry.number
        return end


class Tallies:
    """The counts, folded from the log by the sweep and completed by whoever reads them."""

    def __init__(self, table: Table, keys: Keys, log: SequencedLog) -> None:
        self._table = table
        self._key = keys.statistics()
        self._log = log

    def load(self) -> Tally:
        """The counts up to the number that the last sweep reached. One call."""
        item = self._table.get(self._key)
        if item is None:
            return Tally()
        return Tally.from_document(int(item["cur"]["N"]), json.loads(item["d"]["S"]))

    def save(self, tally: Tally, previous_cursor: int) -> bool:
        """Keep the counts, unless another sweep has gone on from the same number."""
        expression = "SET cur = :cur, d = :d"
        values = {
            ":cur": number(tally.cursor),
            ":d": document(tally.to_document()),
            ":before": number(previous_cursor),
        }
        condition = "cur = :before" if previous_cursor else "attribute_not_exists(cur) OR cur = :before"
        try:
            self._table.update(self._key, expression, values, None, condition)
        except ConditionFailed:
            return False
        return True

    def replace(self, tally: Tally, replaced: Tally) -> bool:
        """Put other counts in the place of some, unless those have changed since they were read."""
        values = {
            ":cur": number(tally.cursor),
            ":d": document(tally.to_document()),
            ":was": document(replaced.to_document()),
        }
        condition = "d = :was" if replaced.cursor else "attribute_not_exists(d) OR d = :was"
        try:
            self._table.update(self._key, "SET cur = :cur, d = :d", values, None, condition)
        except ConditionFailed:
            return False
        return True

    def current(self) -> Tally:
        """The counts with everything that has been committed. Three calls, more right after a flood."""
        tally = self.load()
        for entry in self._log.tail(tally.cursor):
            tally.add(entry)
        return tally


def live_instances(entries: Iterable[Entry]) -> Iterator[Entry]:
    """The entries of instances that are still in the log."""
    return (entry for entry in entries if entry.kind == ChangeType.NEW_INSTANCE and not entry.dead)


def _matches(entry: Entry, types: Collection[ChangeType]) -> bool:
    return entry.is_shown and (not types or entry.kind in types)


def _to_change(entry: Entry) -> Change:
    kind = ChangeType(entry.kind or "")
    level = Level(entry.body["lv"]) if "lv" in entry.body else _LEVELS[kind]
    return Change(entry.number, kind, level, entry.body["id"], entry.at)
