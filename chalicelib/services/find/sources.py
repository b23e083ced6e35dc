"""Where the candidates of a query come from: the most selective index that it allows.

Candidates are a superset of the answers; what they do not satisfy is checked on their rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain

from chalicelib.dicom.matching import Kind, pattern_matcher
from chalicelib.domain.errors import BadRequest
from chalicelib.domain.levels import Level
from chalicelib.services.find.query import LabelsConstraint, Query, TagConstraint
from chalicelib.storage.dynamodb.index import Index
from chalicelib.storage.dynamodb.keys import SHARDS
from chalicelib.storage.dynamodb.writes import TEXT_KEYWORDS, UID_KEYWORDS, normalise

MAXIMUM_VALUES = 1000
"""Values of a list that are looked up one by one; a longer list is compared row by row."""

FIRST_ENTRIES = 25
"""Entries of an index that a query for fewer answers reads at first: they cost less than another call."""

_UID_LEVELS = {keyword: level for level, keyword in UID_KEYWORDS.items()}
_TEXT_LEVELS = {keyword: level for level, keywords in TEXT_KEYWORDS.items() for keyword in keywords}


@dataclass(frozen=True, slots=True)
class Source:
    """Candidates at a level, and where they come from (no value is named: it is logged)."""

    name: str
    level: Level
    identifiers: Iterator[str]


class TooBroad(BadRequest):
    """No index answers the query at a bearable cost."""

    def __init__(self, maximum: int) -> None:
        super().__init__(
            f"The query would read more than {maximum} entries that do not match: "
            "add a UID, a PatientID, an accession number, a date or the beginning of a name"
        )


class Sources:
    """Chooses the source of a query."""

    def __init__(self, index: Index, maximum_scan: int) -> None:
        self._index = index
        self._maximum_scan = maximum_scan

    def choose(self, query: Query) -> Source:
        """The most selective source: parent, UID, equal texts, beginnings and ranges, label, pattern, listing."""
        if query.parents:
            level = max(query.parents)
            return Source(f"parent {level.label}", level, iter([query.parents[level]]))
        first = None if query.enough is None else max(query.enough, FIRST_ENTRIES)
        ways: tuple[Callable[[TagConstraint], Source | None], ...] = (
            self._by_uid,
            partial(self._by_equal_text, first=first),
            partial(self._by_range_of_texts, first=first),
        )
        usable = [c for c in query.constraints if c.level is not None and c.level <= query.level]
        for way in ways:
            found = [source for source in map(way, usable) if source is not None]
            if found:
                return max(found, key=lambda source: source.level)
        if query.labels and query.labels_constraint is not LabelsConstraint.NONE:
            return self._by_label(query, first)
        for constraint in usable:
            if constraint.name in _TEXT_LEVELS and constraint.condition.kind is Kind.WILDCARD:
                return self._by_pattern(constraint, first)
        return Source("listing", query.level, self._listing(query.level, first))

    def _by_uid(self, constraint: TagConstraint) -> Source | None:
        level = _UID_LEVELS.get(constraint.name)
        if level is None or not _is_short_list(constraint):
            return None
        values = constraint.condition.values
        found = (
            identifier for value in values for at, identifier in self._index.lookup_uid(value) if at is level
        )
        return Source(constraint.name, level, found)

    def _by_equal_text(self, constraint: TagConstraint, first: int | None) -> Source | None:
        level = _TEXT_LEVELS.get(constraint.name)
        if level is None or not _is_short_list(constraint):
            return None
        values = {normalise(value) for value in constraint.condition.values}
        found = chain.from_iterable(
            self._index.lookup_text(constraint.name, value, first) for value in sorted(values)
        )
        return Source(constraint.name, level, found)

    def _by_range_of_texts(self, constraint: TagConstraint, first: int | None) -> Source | None:
        level, condition = _TEXT_LEVELS.get(constraint.name), constraint.condition
        if level is None or condition.kind is Kind.LIST:
            return None
        if condition.kind is Kind.RANGE:
            low, high = map(normalise, condition.values)
            if not low and not high:
                return None
            is_empty = bool(high) and low > high
            entries = iter(()) if is_empty else self._index.texts_between(constraint.name, low, high, first)
        else:
            prefix = normalise(condition.prefix)
            if not prefix:
                return None
            entries = self._index.texts_with_prefix(constraint.name, prefix, first)
        return Source(
            f"{constraint.name} {condition.kind.value}", level, (identifier for _, identifier in entries)
        )

    def _by_label(self, query: Query, first: int | None) -> Source:
        labels = sorted(query.labels)
        if query.labels_constraint is LabelsConstraint.ALL:
            labels = labels[:1]
        found = chain.from_iterable(self._index.labelled(label, query.level, first) for label in labels)
        return Source("label", query.level, found)

    def _by_pattern(self, constraint: TagConstraint, first: int | None) -> Source:
        """Compare the look-up's entries, which are much smaller than rows."""
        matches = pattern_matcher(normalise(constraint.condition.values[0]))
        level = _TEXT_LEVELS[constraint.name]
        entries = self._index.texts_with_prefix(constraint.name, "", first)
        return Source(f"{constraint.name} pattern", level, self._matching(entries, matches))

    def _matching(self, entries: Iterable[tuple[str, str]], matches: Callable[[str], bool]) -> Iterator[str]:
        passed = 0
        for value, identifier in entries:
            if matches(value):
                yield identifier
            else:
                passed += 1
                if passed > self._maximum_scan * 10:
                    raise TooBroad(self._maximum_scan * 10)

    def _listing(self, level: Level, first: int | None) -> Iterator[str]:
        return chain.from_iterable(self._index.list_shard(level, shard, first=first) for shard in SHARDS)


def _is_short_list(constraint: TagConstraint) -> bool:
    condition = constraint.condition
    return condition.kind is Kind.LIST and len(condition.values) <= MAXIMUM_VALUES
