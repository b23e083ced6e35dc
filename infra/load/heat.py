"""Counts what each key and each prefix gets, second by second."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

Place = tuple[str, str]
"""A table and a partition key, or a bucket and a prefix."""


@dataclass(slots=True)
class Heat:
    """Units by place in each second; `items` has the places with their sort keys."""

    writes: dict[int, Counter[Place]] = field(default_factory=lambda: defaultdict(Counter))
    reads: dict[int, Counter[Place]] = field(default_factory=lambda: defaultdict(Counter))
    items: dict[int, Counter[tuple[str, str, str]]] = field(default_factory=lambda: defaultdict(Counter))
    puts: dict[int, Counter[Place]] = field(default_factory=lambda: defaultdict(Counter))

    def write(self, second: int, table: str, pk: str, sk: str, units: int) -> None:
        """Count the units of a write."""
        self.writes[second][table, pk] += units
        self.items[second][table, pk, sk] += units

    def read(self, second: int, table: str, pk: str, units: int) -> None:
        """Count the units of a read."""
        self.reads[second][table, pk] += units

    def put(self, second: int, bucket: str, key: str) -> None:
        """Count an object under its prefix."""
        self.puts[second][bucket, key.rsplit("/", 1)[0] + "/"] += 1


@dataclass(frozen=True, slots=True)
class PatternHeat:
    """What the keys of one pattern carry: units a second."""

    table: str
    pattern: str
    keys: int
    """That were written."""

    writes: float
    """Of all keys together, on average."""

    hottest_key: int
    """Of the key that got most, in its busiest second."""

    hottest_item: int
    """Of the item that got most, in its busiest second."""

    reads: int
    """Of the key that is read most, in its busiest second."""


def patterns(heat: Heat, seconds: int) -> list[PatternHeat]:
    """The heat by pattern of key, the hottest first."""
    keys: dict[Place, set[str]] = defaultdict(set)
    total: Counter[Place] = Counter()
    for counts in heat.writes.values():
        for (table, pk), units in counts.items():
            place = table, pattern_of(pk)
            keys[place].add(pk)
            total[place] += units
    by_key = _hottest(heat.writes)
    by_item = _hottest({second: _without_sk(counts) for second, counts in heat.items.items()})
    by_read = _hottest(heat.reads)
    found = [
        PatternHeat(
            *place,
            keys=len(keys[place]),
            writes=total[place] / seconds,
            hottest_key=by_key[place],
            hottest_item=by_item[place],
            reads=by_read[place],
        )
        for place in total.keys() | by_read.keys()
    ]
    return sorted(found, key=lambda one: (-one.hottest_key, one.table, one.pattern))


def pattern_of(pk: str) -> str:
    """The pattern of a partition key, without its tenant: `i#{h}`, `r#{id}`, ...; of the log `head` or `{n}`."""
    kind, *rest = pk.split("#")[1:]
    if kind in ("changes", "exports"):
        number = rest[0]
        return f"{kind} {'{n}' if number.isdigit() else number if number == 'head' else '{block}'}"
    if kind == "x":
        return f"x#{rest[0]}"
    if kind == "l":
        return f"l#{rest[0]}#{{h}}"
    names = {"r": "r#{id}", "i": "i#{h}", "u": "u#{digest}", "inbox": "inbox#{digest}", "due": "due#{h}"}
    return names.get(kind, "#".join([kind, *rest]))


def _hottest(by_second: dict[int, Counter[Place]]) -> Counter[Place]:
    found: Counter[Place] = Counter()
    for counts in by_second.values():
        for (table, pk), units in counts.items():
            place = table, pattern_of(pk)
            found[place] = max(found[place], units)
    return found


def _without_sk(counts: Counter[tuple[str, str, str]]) -> Counter[Place]:
    """Each partition key's hottest item."""
    found: Counter[Place] = Counter()
    for (table, pk, _), units in counts.items():
        found[table, pk] = max(found[table, pk], units)
    return found
