"""Find resources. The cost depends on the candidates, which the best index of the query gives, not on the store.

For each hundred candidates: one batch read of their rows, and one of their parents' where a tag of these is asked
for. Tags that only files have cost a header for each candidate that is left.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import islice

from chalicelib.domain.errors import UnknownResource
from chalicelib.domain.levels import Level
from chalicelib.domain.resources import Instance, Resource
from chalicelib.services.annotation_names import Names
from chalicelib.services.browse import Browse, id_of
from chalicelib.services.find.order import ordered
from chalicelib.services.find.query import LabelsConstraint, Query, TagConstraint
from chalicelib.services.find.sources import Source, Sources, TooBroad
from chalicelib.services.metadata import metadata_of
from chalicelib.services.reading import Reading
from chalicelib.services.requested_tags import COMPUTED, RequestedTag, RequestedTags
from chalicelib.storage.dynamodb.index import Index

PAGE = 100
FIRST_ROWS = 10  # that a query for fewer answers reads at first
SIDE_BY_SIDE = 4  # resources whose descendants are looked for
MAXIMUM_HEADERS = 1000
"""Files that one query reads in vain."""

Row = Resource | Instance
logger = logging.getLogger("nacre")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A resource with its main tags and those of its ancestors, by name."""

    row: Row
    level: Level
    tags: dict[str, str]


class Find:
    """Finds resources."""

    def __init__(
        self,
        index: Index,
        browse: Browse,
        reading: Reading,
        requested_tags: RequestedTags,
        pool: Executor,
        *,
        names: Names,
        default_encoding: Callable[[], str],
        maximum_scan: int,
    ) -> None:
        """`names` are those of metadata."""
        self._index = index
        self._browse = browse
        self._reading = reading
        self._requested_tags = requested_tags
        self._pool = pool
        self._names = names
        self._default_encoding = default_encoding
        self._maximum_scan = maximum_scan
        self._sources = Sources(index, maximum_scan)

    def find(self, query: Query) -> list[str]:
        """The identifiers of the resources that match, without repeats.

        In the order that the query asks for; else in one that stays the same while the store does.

        Raises
        ------
        TooBroad
            Too many resources would have to be read that do not match.
        """
        matches = self.matches(query)
        if query.order:
            matches = iter(ordered(matches, query.order, self._names))
        end = query.since + query.limit if query.limit else None
        return [candidate.row.id for candidate in islice(matches, query.since, end)]

    def count(self, query: Query) -> int:
        """How many resources match; reads them all."""
        return sum(1 for _ in self.matches(query))

    def matches(self, query: Query) -> Iterator[Candidate]:
        """The resources that match, as far as they are asked for; raises `TooBroad`."""
        if not self._parents_agree(query):
            return
        source = self._sources.choose(query)
        logger.debug("find %s by %s", query.level.label, source.name)
        passed = headers = 0
        identifiers = _once(self._below(source, query.level))
        size = PAGE if query.enough is None else min(max(query.enough, FIRST_ROWS), PAGE)
        while page := list(islice(identifiers, size)):
            size = min(4 * size, PAGE)
            in_index = [c for c in self._read(query, page) if self._fits(query, c)]
            found = in_index
            for check in (self._check_files, self._check_computed):
                found = check(query, found)
            headers += len(in_index) - len(found)
            passed += len(page) - len(in_index)
            if passed > self._maximum_scan or headers > MAXIMUM_HEADERS:
                raise TooBroad(self._maximum_scan if passed > self._maximum_scan else MAXIMUM_HEADERS)
            yield from found

    def _below(self, source: Source, level: Level) -> Iterator[str]:
        if source.level == level:
            yield from source.identifiers
            return
        while some := list(islice(source.identifiers, SIDE_BY_SIDE)):
            yield from self._browse.descendants_of(source.level, some, level)

    def _read(self, query: Query, identifiers: Sequence[str]) -> list[Candidate]:
        """The rows of resources, with the tags of those above them as far as they are needed."""
        rows: Sequence[Row]
        if query.level is Level.INSTANCE:
            rows = list(self._index.instances(identifiers).values())
        else:
            found = self._index.resources(identifiers)
            rows = [row for row in found.values() if row.level is query.level]
        by_id = {row.id: row for row in rows}
        wanted = {c.level for c in query.constraints} | ({*Level} if query.order else {*query.shown})
        above = self._tags_above(rows, query.level, wanted)
        return [
            Candidate(by_id[i], query.level, {**above.get(_parent(by_id[i]), {}), **_own_tags(by_id[i])})
            for i in identifiers
            if i in by_id
        ]

    def _tags_above(
        self, rows: Iterable[Row], level: Level, wanted: set[Level | None]
    ) -> dict[str, dict[str, str]]:
        """The tags of the rows' parents and of all above them, by the parent's identifier."""
        if level <= Level.STUDY or not any(at is not None and at < level for at in wanted):
            return {}  # a study has its patient's tags
        parents = self._index.resources({_parent(row) for row in rows})
        upper = self._tags_above(parents.values(), Level(level - 1), wanted)
        return {p.id: {**upper.get(p.parent_id, {}), **_own_tags(p)} for p in parents.values()}

    def _fits(self, query: Query, candidate: Candidate) -> bool:
        """Whether the rows alone do not rule a candidate out."""
        for constraint in query.constraints:
            if _is_indexed(constraint, query.level) and not constraint.condition.matches(
                candidate.tags.get(constraint.name)
            ):
                return False
        if query.metadata:
            metadata = metadata_of(candidate.row, self._names)
            if not all(condition.matches(metadata.get(name)) for name, condition in query.metadata.items()):
                return False
        return _has_labels(query, candidate.row)

    def _parents_agree(self, query: Query) -> bool:
        """Whether the deepest of the parents, from which the candidates come, lies below the others."""
        deepest = max(query.parents, default=Level.PATIENT)
        for level, identifier in query.parents.items():
            if level < deepest:
                try:
                    above = self._browse.ancestor(deepest, query.parents[deepest], level)
                except UnknownResource:
                    return False
                if id_of(above) != identifier:
                    return False
        return True

    def _check_files(self, query: Query, candidates: list[Candidate]) -> list[Candidate]:
        """Those whose file has what only files have: that of one instance, of a patient, study or series."""
        constraints = [c for c in query.constraints if not c.is_computed and not _is_indexed(c, query.level)]
        if not constraints or not candidates:
            return candidates
        fits = self._pool.map(lambda candidate: self._file_fits(candidate, constraints), candidates)
        return [candidate for candidate, fit in zip(candidates, fits, strict=True) if fit]

    def _file_fits(self, candidate: Candidate, constraints: Sequence[TagConstraint]) -> bool:
        from chalicelib.dicom.maintags import MainValues

        row = candidate.row
        try:
            instance = (
                row if isinstance(row, Instance) else self._browse.some_instance(candidate.level, row.id)
            )
        except UnknownResource:
            return False
        if instance is None:
            return False
        values = MainValues(self._reading.header_of(instance), self._default_encoding())
        return all(c.condition.matches(values.get(c.tag)) for c in constraints)

    def _check_computed(self, query: Query, candidates: list[Candidate]) -> list[Candidate]:
        constraints = [c for c in query.constraints if c.is_computed]
        if not constraints or not candidates:
            return candidates
        if any(COMPUTED[c.name] is not query.level for c in constraints):
            return []  # as in Orthanc, no resource of another level has them
        tags = [RequestedTag(c.tag, c.name) for c in constraints]
        nodes = {id_of(n): n for n in self._browse.get_many(query.level, [c.row.id for c in candidates])}
        present = [c for c in candidates if c.row.id in nodes]
        values = self._requested_tags.of([nodes[c.row.id] for c in present], tags)
        return [
            candidate
            for candidate, found in zip(present, values, strict=True)
            if all(
                c.condition.matches_any(found.get(tag) or "")
                for c, tag in zip(constraints, tags, strict=True)
            )
        ]


def _once(identifiers: Iterable[str]) -> Iterator[str]:
    """Each identifier where it comes first."""
    seen: set[str] = set()
    for identifier in identifiers:
        if identifier not in seen:
            seen.add(identifier)
            yield identifier


def _is_indexed(constraint: TagConstraint, level: Level) -> bool:
    return constraint.level is not None and constraint.level <= level


def _has_labels(query: Query, row: Row) -> bool:
    if not query.labels:
        return True
    common = query.labels & set(row.annotations.labels)
    if query.labels_constraint is LabelsConstraint.NONE:
        return not common
    return bool(common) if query.labels_constraint is LabelsConstraint.ANY else common == query.labels


def _own_tags(row: Row) -> dict[str, str]:
    return row.tags if isinstance(row, Instance) else {**row.patient_tags, **row.tags}


def _parent(row: Row) -> str:
    return row.series_id if isinstance(row, Instance) else row.parent_id
