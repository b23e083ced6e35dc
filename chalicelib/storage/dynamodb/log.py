"""A log whose readers never lose, reorder or invent an entry, though its writers are many and may die.

Numbers come from one atomic counter, so a slow writer can commit 41 after 42 is there. Readers therefore get
the contiguous prefix only. A gap with a committed entry behind it that is older than the grace period is sealed:
a tombstone is put into it on condition that it is empty, which makes the late writer's own condition fail, so
that it takes a new number. Being early with a seal costs a writer a retry and is never wrong.

Each number is a partition of its own: writers share nothing but the counter, and a page is one BatchGetItem of
known keys. An entry that leaves the log is marked dead in its place; a hundred dead ones in a row become one
marker, a hundred such markers another, so that a reader jumps over a million of them in a few steps.

A tombstone that sealed a gap is never removed, neither by folding nor by trimming: its number's writer may still
be alive, and would find its place free again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from functools import partial
from typing import Any

from chalicelib.domain.clock import Clock
from chalicelib.domain.errors import Unavailable
from chalicelib.storage.dynamodb.entries import Entry, Head, Reservation, to_entry, to_head
from chalicelib.storage.dynamodb.errors import ConditionFailed, Conflict
from chalicelib.storage.dynamodb.items import document, number, text
from chalicelib.storage.dynamodb.table import Item, Table

FOLD = 100
BLOCK_SIZES = (FOLD**3, FOLD**2, FOLD)
WINDOW = 100
TRIM = 1000  # numbers that one call removes, if they are not folded
TRIM_PART = (
    500  # of them in turn, the parts side by side: more at once would leave a new table none for uploads
)


class SequencedLog:
    """One log (`name`) of one tenant in the log table."""

    def __init__(
        self, table: Table, tenant: str, name: str, clock: Clock, grace_seconds: float, pool: Executor
    ) -> None:
        """`pool` is for AWS calls that are made side by side."""
        self._table = table
        self._prefix = f"{tenant}#{name}"
        self._clock = clock
        self._grace_seconds = grace_seconds
        self._pool = pool

    # Writing

    def reserve(self, count: int) -> Reservation:
        """Reserve `count` consecutive numbers. One call."""
        updated = self._table.update(
            self._key("head"), "ADD #last :n", {":n": number(count)}, {"#last": "last"}, returned="ALL_NEW"
        )
        head = to_head(updated)
        return Reservation(head.last - count + 1, count, head.trimmed)

    def put_action(self, at_number: int, kind: str, body: dict[str, Any]) -> Item:
        """The action that writes an entry under a reserved number; its condition fails once that was sealed."""
        item = self._item(at_number) | {"k": text(kind), "v": document(body)}
        return self._table.put_action(item, "attribute_not_exists(pk)")

    def seal_action(self, at_number: int) -> Item:
        """The action that gives back a reserved number which its owner does not need."""
        item = self._item(at_number) | {"dead": {"BOOL": True}}
        return self._table.put_action(item, "attribute_not_exists(pk)")

    def give_back(self, numbers: Sequence[int]) -> None:
        """Settle reserved numbers that their owner will not use, so that no reader has to wait for them.

        It is no harm if that fails: a reader seals them after the grace period.
        """
        if numbers:
            with suppress(ConditionFailed, Conflict, Unavailable):
                self._table.transact([self.seal_action(at_number) for at_number in numbers])

    def kill_actions(self, numbers: Iterable[int], trimmed: int) -> list[Item]:
        """The actions that take entries out of the log while their numbers stay settled.

        Those up to `trimmed` (of a reservation made just before) have been removed already.
        """
        return [self._kill_action(at_number) for at_number in numbers if at_number > trimmed]

    def _kill_action(self, at_number: int) -> Item:
        expression = "SET dead = :t, n = :n, #at = if_not_exists(#at, :n)"
        values = {":t": {"BOOL": True}, ":n": number(at_number)}
        return self._table.update_action(self._key(at_number), expression, values, {"#at": "at"})

    # Reading

    def head(self) -> Head:
        """Where the log stands. One call."""
        return to_head(self._table.get(self._key("head")))

    def is_written(self, at_number: int) -> bool:
        """Whether the owner of a number has committed something under it. One call."""
        entry = self._read([at_number]).get(at_number)
        return entry is not None and entry.kind is not None

    def walk(self, since: int, *, below_floor: bool = False) -> Iterator[Entry]:
        """The entries behind `since` in order, dead ones too, up to the end of the contiguous prefix.

        The first entry costs one call, each further hundred one more; gaps and folded runs cost extra.
        `below_floor` shows what a truncation has hidden but not yet removed (for the store's own readers).
        """
        head, window = self._read_first(since + 1)
        position = max(since, head.trimmed if below_floor else head.floor) + 1
        read_up_to = since + 1
        while position <= head.last:
            if position > read_up_to:
                read_up_to = min(position + WINDOW - 1, head.last)
                window = self._read(range(position, read_up_to + 1))
            entry = window.get(position)
            if entry is not None:
                yield entry
                position += 1
                continue
            folded = self._folded(position)
            if folded is None and not self._seal_run(position, head.last):
                return
            position = position if folded is None else folded[1] + 1
            read_up_to = position - 1

    def tail(self, since: int) -> Iterator[Entry]:
        """All that is committed behind `since` in order, across gaps. Two calls, and one for each hundred more."""
        head, window = self._read_first(since + 1)
        yield from window.values()
        for start in range(since + 2, head.last + 1, WINDOW):
            numbers = range(start, min(start + WINDOW, head.last + 1))
            yield from (entry for _, entry in sorted(self._read(numbers).items()))

    def walk_back(self, until: int) -> Iterator[Entry]:
        """The entries up to `until` (which must lie in the contiguous prefix), newest first."""
        floor = self.head().floor
        position = until
        while position > floor:
            start = max(floor + 1, position - WINDOW + 1)
            window = self._read(range(start, position + 1))
            while position >= start and position in window:
                yield window[position]
                position -= 1
            if position >= start:
                folded = self._folded(position)
                position = folded[0] - 1 if folded is not None else position - 1

    # Housekeeping

    def truncate(self, settled: int) -> None:
        """Hide all entries there are now; `trim` removes them later.

        Costs what has been reserved behind `settled` (a number of the contiguous prefix), not what is hidden. The
        gaps there are sealed first: a writer that commits after this call is seen after it.

        Raises
        ------
        Unavailable
            A writer's transaction did not end in time.
        """
        last = self.head().last
        for start in range(settled + 1, last + 1, WINDOW):
            numbers = range(start, min(start + WINDOW, last + 1))
            for at_number in sorted(set(numbers) - self._read(numbers).keys()):
                if not self._seal(at_number):
                    raise Unavailable("The log is busy")
        self.let_go(last)

    def let_go(self, up_to: int) -> None:
        """Hide the entries up to a settled number; `trim` removes them later. One call."""
        self._raise(up_to, "floor")

    def advance(self, to: int) -> None:
        """Go on behind `to`, where a lost log has given out numbers up to it. One call."""
        self._raise(to, "last", "floor", "trimmed")

    def trim(self, up_to: int) -> int:
        """Remove up to a thousand hidden numbers (or a block) up to a settled one; returns how many it passed."""
        head = self.head()
        limit = min(head.floor, up_to)
        start = head.trimmed + 1
        if limit < start:
            return 0
        folded = self._folded(start)
        if folded is not None and folded[1] <= limit:
            end = folded[1]
            self._table.remove([self._block_key(size, start // size) for size in BLOCK_SIZES])
        else:
            end = min(limit, head.trimmed + TRIM)
            list(self._pool.map(partial(self._trim_part, end), range(start, end + 1, TRIM_PART)))
        self._raise(end, "trimmed")
        return end - head.trimmed

    def _trim_part(self, end: int, start: int) -> None:
        """Remove some numbers, none above `end`, and the markers of folded blocks that end there."""
        numbers = range(start, min(start + TRIM_PART, end + 1))
        entries = self._read(numbers)
        blocks = {n // FOLD for n in numbers if n not in entries and n % FOLD == FOLD - 1}
        markers = [self._block_key(FOLD, block) for block in blocks]
        self._table.remove(self._removable(entries.values()) + markers)

    def fold(self, at_number: int) -> None:
        """Replace the block around a number by one marker if nothing in it is shown, and so on upward.

        Safe to repeat; for settled numbers only.
        """
        for size in reversed(BLOCK_SIZES):
            if not self._fold(size, at_number // size):
                return

    def _fold(self, size: int, block: int) -> bool:
        """Fold one block; says whether it is folded now."""
        start = block * size
        if size == FOLD:
            entries = self._read(range(max(start, 1), start + size))
            whole = len(entries) == size - (start == 0) and not any(e.is_shown for e in entries.values())
            inner = self._removable(entries.values())
        else:
            child = size // FOLD
            markers = [self._block_key(child, start // child + i) for i in range(FOLD)]
            inner = [{"pk": item["pk"]} for item in self._table.batch_get(markers)]
            whole = len(inner) == FOLD
        marker = self._block_key(size, block)
        if whole:
            self._table.put(marker | {"size": number(size), "block": number(block)})
        elif self._table.get(marker) is None:
            return False
        self._table.remove(inner)
        return True

    # Inside

    def _raise(self, to: int, first: str, *others: str) -> None:
        """Raise numbers of the head, unless the first is as high already."""
        names = {f"#{name}": name for name in (first, *others)}
        expression = "SET " + ", ".join(f"{name} = :n" for name in names)
        condition = f"attribute_not_exists(#{first}) OR #{first} < :n"
        with suppress(ConditionFailed):
            self._table.update(self._key("head"), expression, {":n": number(to)}, names, condition)

    def _key(self, at: int | str) -> Item:
        return {"pk": text(f"{self._prefix}#{at}")}

    def _block_key(self, size: int, block: int) -> Item:
        return self._key(f"b{size}#{block}")

    def _item(self, at_number: int) -> Item:
        return self._key(at_number) | {"n": number(at_number), "at": number(self._clock())}

    def _removable(self, entries: Iterable[Entry]) -> list[Item]:
        return [self._key(entry.number) for entry in entries if not entry.is_seal]

    def _read_first(self, position: int) -> tuple[Head, dict[int, Entry]]:
        items = self._table.batch_get([self._key("head"), self._key(position)])
        heads = [item for item in items if "n" not in item]
        window = {entry.number: entry for entry in map(to_entry, (i for i in items if "n" in i))}
        return to_head(heads[0] if heads else None), window

    def _read(self, numbers: Iterable[int]) -> dict[int, Entry]:
        items = self._table.batch_get([self._key(n) for n in numbers])
        return {entry.number: entry for entry in map(to_entry, items)}

    def _folded(self, position: int) -> tuple[int, int] | None:
        keys = [self._block_key(size, position // size) for size in BLOCK_SIZES]
        markers = self._table.batch_get(keys)
        if not markers:
            return None
        size, block = max((int(marker["size"]["N"]), int(marker["block"]["N"])) for marker in markers)
        return block * size, block * size + size - 1

    def _seal_run(self, position: int, last: int) -> bool:
        """Seal the gap that begins at `position` if it is old enough; says whether the reader may look again."""
        for start in range(position, last + 1, WINDOW):
            window = self._read(range(start, min(start + WINDOW, last + 1)))
            if position in window:
                return True
            if not window:
                continue
            first = min(window)
            if self._clock() - min(e.at for e in window.values()) < self._grace_seconds:
                return False
            sealed = [self._seal(n) for n in range(position, first)]
            return all(sealed)
        return False

    def _seal(self, at_number: int) -> bool:
        """Put a tombstone into a gap; says whether the number is settled now, by whomever."""
        seal = {"dead": {"BOOL": True}, "seal": {"BOOL": True}}
        try:
            self._table.put(self._item(at_number) | seal, if_absent=True)
        except ConditionFailed:
            return True
        except Unavailable:
            return False
        return True
