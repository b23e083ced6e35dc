"""Whatever writers, crashes, deletes and sweeps do to the changes log, a reader who polls it sees what happened.

The model is the list of what was committed. A reader must see each committed entry once, in the order of the
numbers, unless the entry had left the log before the reader came to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from chalicelib.domain.changes import ChangeType
from chalicelib.domain.levels import Level
from chalicelib.storage.dynamodb.errors import ConditionFailed
from chalicelib.storage.dynamodb.log import FOLD
from tests.support.local_world import local_world

GRACE_SECONDS = 10
MAX_FLOODS = 3
WHICH = st.integers(0, 50)


@dataclass(eq=False)
class Reader:
    """One who polls with `since`."""

    start: int
    position: int
    seen: list[int] = field(default_factory=list)


class LogMachine(RuleBasedStateMachine):
    @initialize()
    def open(self) -> None:
        self._context = local_world(gap_grace_seconds=str(GRACE_SECONDS))
        self.world = self._context.__enter__()
        self.log = self.world.services.log
        self.changes = self.world.services.changes
        self.tallies = self.world.services.tallies
        self.committed: dict[int, str] = {}
        self.killed: set[int] = set()
        self.floor = 0
        self.floods = 0
        self.writers: list[list[int]] = []  # numbers that are reserved and not yet committed, by owner
        self.readers = [Reader(0, 0)]

    def teardown(self) -> None:
        if hasattr(self, "_context"):
            try:
                self._finish()
            finally:
                self._context.__exit__(None, None, None)

    # What writers do

    @rule(counts=st.lists(st.integers(1, 4), min_size=1, max_size=4))
    def reserve(self, counts: list[int]) -> None:
        self.writers += [self.log.reserve(count).numbers for count in counts]

    @precondition(lambda self: self.writers)
    @rule(which=WHICH)
    def commit(self, which: int) -> None:
        """Commit as an ingest does: a number that was sealed is replaced by a new one, and tried again later."""
        numbers = self._writer(which)
        try:
            self.tallies._table.transact([self._entry(number) for number in numbers])
        except ConditionFailed as failure:
            kept = [number for i, number in enumerate(numbers) if i not in failure.positions]
            self.writers.append(kept + self.log.reserve(len(failure.positions)).numbers)
            return
        for number in numbers:
            assert number > self.floor, "committed where a DELETE of the log had been"
            for reader in self.readers:
                assert number > reader.position, f"{number} appeared behind a reader at {reader.position}"
            self.committed[number] = _id(number)

    @precondition(lambda self: self.writers)
    @rule(which=WHICH, dies=st.booleans())
    def abandon(self, which: int, dies: bool) -> None:
        numbers = self._writer(which)
        if not dies:
            self.log.give_back(numbers)

    @precondition(lambda self: self.floods < MAX_FLOODS)
    @rule(count=st.integers(60, 98), data=st.data())
    def flood(self, count: int, data: st.DataObject) -> None:
        """A series comes in and goes again, but perhaps for one of its instances."""
        self.floods += 1
        numbers = self.log.reserve(count).numbers
        self.tallies._table.transact([self._entry(number) for number in numbers])
        self.committed |= {number: _id(number) for number in numbers}
        kept = data.draw(st.sets(st.sampled_from(numbers), max_size=1))
        self._kill([number for number in numbers if number not in kept])

    @rule(data=st.data())
    def kill(self, data: st.DataObject) -> None:
        alive = sorted(self.committed.keys() - self.killed)
        if alive:
            self._kill(data.draw(st.lists(st.sampled_from(alive), min_size=1, max_size=20, unique=True)))

    @rule()
    def delete_changes(self) -> None:
        self.changes.clear()
        self.floor = max(self.floor, self.log.head().last)

    # What the background does

    @rule(seconds=st.sampled_from([1, GRACE_SECONDS // 2, GRACE_SECONDS, 3600]))
    def wait(self, seconds: int) -> None:
        self.world.clock.advance(seconds)

    @rule(trims=st.booleans())
    def sweep(self, trims: bool) -> None:
        tally = self.tallies.load()
        start = tally.cursor
        for entry in list(self.log.walk(start, below_floor=True)):
            tally.add(entry)
        assert self.tallies.save(tally, start)
        for block in range((tally.cursor + 1) // FOLD):
            self.log.fold(block * FOLD)
        if trims:
            self.log.trim(tally.cursor)

    # What readers do

    @precondition(lambda self: len(self.readers) < 3)
    @rule(data=st.data())
    def join(self, data: st.DataObject) -> None:
        since = data.draw(st.sampled_from([0, *(reader.position for reader in self.readers)]))
        self.readers.append(Reader(since, since))

    @rule(limit=st.sampled_from([1, 3, 100]))
    def poll(self, limit: int) -> None:
        for reader in self.readers:
            self._poll(reader, limit)

    @rule(data=st.data(), limit=st.sampled_from([1, 5, 1000]))
    def look_back(self, data: st.DataObject, limit: int) -> None:
        """The newest changes up to a number are those that a reader from the start sees last."""
        forward = Reader(0, 0)
        while not self._poll(forward, 1000):
            pass
        until = data.draw(st.integers(0, forward.position + 3))
        page = self.changes.page(0, limit, (), until)
        wanted = [number for number in forward.seen if number <= until]
        assert [change.number for change in page.changes] == wanted[-limit:]
        assert page.done == (len(wanted) <= limit)

    @invariant()
    def counts_are_exact(self) -> None:
        if hasattr(self, "world"):
            assert self.tallies.current().total(Level.INSTANCE) == len(self.committed)

    # Inside

    def _writer(self, which: int) -> list[int]:
        return self.writers.pop(which % len(self.writers))

    def _entry(self, number: int) -> Any:
        return self.log.put_action(number, ChangeType.NEW_INSTANCE, {"id": _id(number), "n": 1})

    def _kill(self, numbers: list[int]) -> None:
        actions = self.log.kill_actions(numbers, self.log.reserve(1).trimmed)
        if actions:
            self.tallies._table.transact(actions)
        self.killed |= set(numbers)

    def _poll(self, reader: Reader, limit: int) -> bool:
        page = self.changes.page(reader.position, limit)
        numbers = [change.number for change in page.changes]
        assert len(numbers) <= limit
        assert numbers == sorted(set(numbers))
        assert all(change.id == self.committed[change.number] for change in page.changes), "invented"
        assert not set(numbers) & self.killed
        assert all(number > max(reader.position, self.floor) for number in numbers)
        assert page.last == (numbers[-1] if numbers else page.last)
        assert page.last >= reader.position
        if not page.done:
            assert len(numbers) == limit
        reader.seen += numbers
        reader.position = page.last
        gone = self.killed | {number for number in self.committed if number <= self.floor}
        lost = {n for n in self.committed if reader.start < n <= reader.position} - set(reader.seen) - gone
        assert not lost, f"lost {lost}"
        return page.done

    def _finish(self) -> None:
        """Once no writer is left and the grace period is over, all readers come to the end, having seen all."""
        (last,) = self.log.reserve(1).numbers
        self.tallies._table.transact([self._entry(last)])
        self.committed[last] = _id(last)
        self.world.clock.advance(GRACE_SECONDS)
        for reader in self.readers:
            while not self._poll(reader, 100):
                pass
            assert reader.position == last


def _id(number: int) -> str:
    return f"{number % 256:02x}-{number}"


TestLog = LogMachine.TestCase
TestLog.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
