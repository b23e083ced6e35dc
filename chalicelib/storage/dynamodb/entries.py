"""What a sequenced log holds: entries, the head that counts them, and reservations of numbers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from chalicelib.storage.dynamodb.table import Item


@dataclass(frozen=True, slots=True)
class Entry:
    """One number of the log. `kind` is None where nothing was written; dead entries are not for clients."""

    number: int
    kind: str | None
    at: float
    dead: bool
    is_seal: bool
    body: dict[str, Any]

    @property
    def is_shown(self) -> bool:
        """Whether clients see the entry: it lives, and is not one of the store's own records."""
        return not self.dead and "id" in self.body


@dataclass(frozen=True, slots=True)
class Head:
    """The counter's `last` reservation; readers see nothing up to `floor`; nothing is kept up to `trimmed`."""

    last: int = 0
    floor: int = 0
    trimmed: int = 0


@dataclass(frozen=True, slots=True)
class Reservation:
    """Consecutive numbers that belong to one writer, and how far the log was trimmed when they were given."""

    first: int
    count: int
    trimmed: int

    @property
    def numbers(self) -> list[int]:
        """The numbers, ascending."""
        return list(range(self.first, self.first + self.count))

    def split(self, counts: Sequence[int]) -> list[Reservation]:
        """The numbers in portions of these sizes."""
        starts = accumulate(counts, initial=self.first)
        return [Reservation(first, n, self.trimmed) for first, n in zip(starts, counts, strict=False)]


def to_head(item: Item | None) -> Head:
    """The head of an item; that of an empty log if there is none."""
    if item is None:
        return Head()
    return Head(*(int(item.get(name, {"N": "0"})["N"]) for name in ("last", "floor", "trimmed")))


def to_entry(item: Item) -> Entry:
    """The entry of an item."""
    return Entry(
        number=int(item["n"]["N"]),
        kind=item["k"]["S"] if "k" in item else None,
        at=float(item["at"]["N"]),
        dead="dead" in item,
        is_seal="seal" in item,
        body=json.loads(item["v"]["S"]) if "v" in item else {},
    )
