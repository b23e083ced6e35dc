"""The exports log: which instances were sent to whom (Orthanc's `/exports`).

It has the structure of the changes log. An entry is written by the transaction that keeps how far a job has come, so
that nothing is told that was not sent, and nothing is sent without being told.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chalicelib.domain.clock import Clock
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.levels import Level
from chalicelib.domain.resources import Instance, Resource
from chalicelib.storage.dynamodb.entries import Entry
from chalicelib.storage.dynamodb.errors import ConditionFailed, Conflict, OutcomeUnknown
from chalicelib.storage.dynamodb.index import Index
from chalicelib.storage.dynamodb.log import SequencedLog
from chalicelib.storage.dynamodb.table import Item, backoff

DAY_SECONDS = 86_400.0
KIND = "Exported"
MAX_ATTEMPTS = 12
LOOK_AHEAD = 1000  # entries that are let go at a time
_UIDS = {
    Level.PATIENT: "PatientID",
    Level.STUDY: "StudyInstanceUID",
    Level.SERIES: "SeriesInstanceUID",
    Level.INSTANCE: "SOPInstanceUID",
}


@dataclass(frozen=True, slots=True)
class Export:
    """An instance that was sent to a remote modality or a peer; `at` in seconds since the epoch."""

    number: int
    at: float
    instance_id: str
    remote: str
    uids: dict[str, str]


@dataclass(frozen=True, slots=True)
class ExportsPage:
    """A page of the log; `last` is its last number, or where the reader stands."""

    exports: tuple[Export, ...]
    last: int
    done: bool


class Exports:
    """Reads and writes the exports log."""

    def __init__(
        self,
        log: SequencedLog,
        index: Index,
        clock: Clock,
        *,
        is_kept: bool,
        days: int,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`is_kept` is the option `LogExportedResources`, `days` how long an entry is kept."""
        self._log = log
        self._index = index
        self._clock = clock
        self._is_kept = is_kept
        self._days = days
        self._sleep = sleep

    def entries(self, instances: Sequence[Instance], remote: str) -> Callable[[], list[Item]]:
        """What makes the actions that tell of instances that were sent: a call, and one for their ancestors now."""
        if not (self._is_kept and instances):
            return list
        above = self._index.resources({one.ancestor(level) for one in instances for level in list(Level)[:3]})
        bodies = [{"id": one.id, "r": remote, "u": _uids(one, above)} for one in instances]

        def make() -> list[Item]:
            numbers = self._log.reserve(len(bodies)).numbers
            return [
                self._log.put_action(number, KIND, body) for number, body in zip(numbers, bodies, strict=True)
            ]

        return make

    def tell(self, instances: Sequence[Instance], remote: str) -> None:
        """Write the entries of instances that were sent, where no transaction of a job does.

        Raises
        ------
        Unavailable
            AWS did not take them in time.
        """
        make = self.entries(instances, remote)
        for attempt in range(MAX_ATTEMPTS):
            actions = make()
            if not actions:
                return
            try:
                self._index.table.transact(actions)
            except (ConditionFailed, Conflict, OutcomeUnknown):  # at worst an entry is there twice
                self._sleep(backoff(attempt))
            else:
                return
        raise Unavailable("The log is busy")

    def page(self, since: int, limit: int) -> ExportsPage:
        """The first `limit` exports behind `since`. Two calls for a hundred."""
        exports: list[Export] = []
        for entry in self._log.walk(since):
            if not entry.is_shown:
                continue
            if len(exports) == limit:
                return ExportsPage(tuple(exports), exports[-1].number if exports else since, done=False)
            exports.append(_to_export(entry))
        return ExportsPage(tuple(exports), exports[-1].number if exports else since, done=True)

    def last(self) -> ExportsPage:
        """The newest export alone."""
        for entry in self._log.walk_back(self._settled(self._recent())):
            if entry.is_shown:
                return ExportsPage((_to_export(entry),), entry.number, done=True)
        return ExportsPage((), 0, done=True)

    def clear(self) -> None:
        """Empty the log for its readers; its numbers go on. Who is late by more than a thousand numbers is not seen."""
        self._log.truncate(self._recent())

    def expire(self, seconds: float) -> None:
        """Let go of entries older than they are kept, and remove what was hidden, for about `seconds` at most.

        Does a part of both however little time it has. Two calls where there is nothing to do.
        """
        deadline = self._clock() + seconds
        head = self._log.head()
        floor, has_more = head.floor, True
        while has_more:
            hidden, floor = floor, self._let_go(floor, head.last)
            # What this call hides the next one removes: a reader may be on its way through it.
            has_removed = self._log.trim(head.floor) > 0
            has_more = (has_removed or floor > hidden) and self._clock() < deadline

    def _let_go(self, floor: int, last: int) -> int:
        """Hide up to a thousand old entries behind `floor`; returns the new floor."""
        end = floor
        if last > floor:
            oldest = self._clock() - self._days * DAY_SECONDS
            for entry in self._log.walk(floor):
                if entry.at > oldest or entry.number > floor + LOOK_AHEAD:
                    break
                end = entry.number
        if end > floor:
            self._log.let_go(end)
        return end

    def _recent(self) -> int:
        head = self._log.head()
        return max(head.floor, head.last - LOOK_AHEAD)

    def _settled(self, start: int) -> int:
        end = start
        for entry in self._log.walk(start):
            end = entry.number
        return end


def _uids(instance: Instance, above: dict[str, Resource]) -> dict[str, str]:
    found = {_UIDS[Level.INSTANCE]: instance.sop_instance_uid}
    for level in list(Level)[:3]:
        resource = above.get(instance.ancestor(level))
        found[_UIDS[level]] = resource.tags.get(_UIDS[level], "") if resource else ""
    return found


def _to_export(entry: Entry) -> Export:
    return Export(entry.number, entry.at, entry.body["id"], entry.body["r"], entry.body["u"])
