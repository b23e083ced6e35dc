"""Statistics as a fold of the changes log: what each entry adds to, or takes from, the counts.

An ingest writes no counter. Its entries in the log carry what the counts need, every delete adds an entry with
the opposite, and entries that leave the log keep what they carried. So the counts up to any number are exact,
and the counts now are those of the last sweep and the few entries since.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from chalicelib.domain.changes import ChangeType
from chalicelib.domain.levels import Level
from chalicelib.storage.dynamodb.entries import Entry
from chalicelib.storage.dynamodb.log import FOLD

_LEVEL_OF = {
    ChangeType.NEW_PATIENT: Level.PATIENT,
    ChangeType.NEW_STUDY: Level.STUDY,
    ChangeType.NEW_SERIES: Level.SERIES,
    ChangeType.NEW_INSTANCE: Level.INSTANCE,
}
BUCKETS = 256  # identifiers are counted by their first two hex digits


@dataclass(slots=True)
class Tally:
    """Counts by level and by the identifiers' first two hex digits, and the bytes of all files.

    `unfolded` are numbers up to the cursor around which the log is still to be folded.
    """

    cursor: int = 0
    size: int = 0
    counts: list[list[int]] = field(default_factory=lambda: [[0] * BUCKETS for _ in Level])
    unfolded: list[int] = field(default_factory=list)

    def total(self, level: Level) -> int:
        """How many resources of a level there are."""
        return sum(self.counts[level])

    def add(self, entry: Entry) -> None:
        """Take the next entry into account."""
        self.cursor = entry.number
        body = entry.body
        if "c" in body:
            for level, bucket, count in body["c"]:
                self.counts[level][bucket] += count
            self.size += body["b"]
            return
        level = _LEVEL_OF.get(ChangeType(entry.kind)) if entry.kind else None
        if level is None:
            return
        self.counts[level][bucket_of(body["id"])] += 0 if body.get("was") else 1
        self.size += body.get("n", 0) - body.get("was", 0) * (level is Level.INSTANCE)

    def to_document(self) -> dict[str, Any]:
        """The tally as JSON holds it."""
        return {"size": self.size, "counts": self.counts, "unfolded": self.unfolded}

    @classmethod
    def from_document(cls, cursor: int, document: dict[str, Any]) -> Tally:
        """The tally that `to_document` gave."""
        return cls(cursor, document["size"], document["counts"], document["unfolded"])


def bucket_of(identifier: str) -> int:
    """The bucket in which an identifier is counted."""
    return int(identifier[:2], 16)


def removal(level: Level, gone: Iterable[tuple[str, int]], numbers: Iterable[int]) -> dict[str, Any]:
    """The body of an entry that takes resources (identifier, bytes) out of the counts.

    `numbers` are those of the entries that leave the log with them, kept as the blocks of a hundred they lie in.
    """
    resources = list(gone)
    return {
        "c": [[int(level), bucket_of(identifier), -1] for identifier, _ in resources],
        "b": -sum(size for _, size in resources),
        "k": sorted({number // FOLD for number in numbers}),
    }
