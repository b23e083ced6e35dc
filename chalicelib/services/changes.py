"""The changes log as clients read it, and the counts that follow from it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator

from chalicelib.domain.changes import Change, ChangesPage, ChangeType
from chalicelib.domain.levels import Level
from chalicelib.services.ledger import Tally
from chalicelib.storage.dynamodb.items import document, number
from chalicelib.storage.dynamodb.keys import Keys
from chalicelib.storage.dynamodb.log import Entry, SequencedLog
from chalicelib.storage.dynamodb.table import ConditionFailed, Table

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

    def page(self, since: int, limit: int, types: Collection[ChangeType] = ()) -> ChangesPage:
        """The changes behind `since`, at most `limit` (0: none), only those of `types` if any are given.

        A page with few matches may end early, with `done` false: go on from its `last`. Two calls for a hundred.
        """
        changes: list[Change] = []
        position = since
        for scanned, entry in enumerate(self._log.walk(since)):
            if scanned == MAX_SCANNED:
                return ChangesPage(tuple(changes), position, done=False)
            if _matches(entry, types):
                if len(changes) == limit:
                    return ChangesPage(tuple(changes), position, done=False)
                changes.append(_to_change(entry))
            position = entry.number
        if not changes:
            head = self._log.head()
            position = self._settled() if since > head.last else max(position, head.floor)
        return ChangesPage(tuple(changes), position, done=True)

    def page_back(
        self, until: int, limit: int, since: int, types: Collection[ChangeType] = ()
    ) -> ChangesPage:
        """The newest changes not above `until` and behind `since`, at most `limit`, in ascending order."""
        settled = self._settled()
        end = min(until, settled)
        changes: list[Change] = []
        for scanned, entry in enumerate(self._log.walk_back(end)):
            if entry.number <= since or len(changes) == limit or scanned == MAX_SCANNED:
                break
            if _matches(entry, types):
                changes.append(_to_change(entry))
        changes.reverse()
        last = changes[-1].number if changes else end
        return ChangesPage(tuple(changes), last, done=last >= settled)

    def last(self) -> ChangesPage:
        """The newest change alone."""
        page = self.page_back(self._settled(), 1, 0)
        return ChangesPage(page.changes, page.last, done=True)

    def clear(self) -> None:
        """Empty the log for its readers; its numbers go on."""
        self._log.truncate()

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
    level = Level(entry.body["lv"]) if kind is ChangeType.DELETED else _LEVELS[kind]
    return Change(entry.number, kind, level, entry.body["id"], entry.at)
