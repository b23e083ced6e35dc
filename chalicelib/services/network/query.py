"""Queries by DICOM: the answers to C-FIND, and the instances that C-MOVE and C-GET ask for (PS3.4, annex C)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from chalicelib.dicom.dictionary import STANDARD
from chalicelib.dicom.matching import WILDCARD_VRS
from chalicelib.domain.errors import BadRequest
from chalicelib.domain.levels import Level
from chalicelib.domain.main_dicom_tags import MAIN_DICOM_TAGS, hexadecimal
from chalicelib.services.browse import Browse, id_of
from chalicelib.services.find.find import Candidate, Find
from chalicelib.services.find.query import Query, constraints_of
from chalicelib.services.requested_tags import RequestedTag, RequestedTags

QUERY_RETRIEVE_LEVEL = 0x00080052
SPECIFIC_CHARACTER_SET = 0x00080005
RETRIEVE_AE_TITLE = 0x00080054
LEVELS = {
    "PATIENT": Level.PATIENT,
    "STUDY": Level.STUDY,
    "SERIES": Level.SERIES,
    "IMAGE": Level.INSTANCE,
    "INSTANCE": Level.INSTANCE,
}
_NO_KEYS = frozenset([QUERY_RETRIEVE_LEVEL, SPECIFIC_CHARACTER_SET, RETRIEVE_AE_TITLE])
_UNIQUE_KEYS = {
    Level.PATIENT: (0x00100020,),
    Level.STUDY: (0x0020000D, 0x00080050),
    Level.SERIES: (0x0020000E,),
    Level.INSTANCE: (0x00080018,),
}
PAGE = 100

Keys = Mapping[int, str]
"""The keys of a query: tags and texts; an empty text matches anything and asks for the value."""


def level_of(keys: Keys) -> Level:
    """The level of a query; raises `BadRequest` if it names none."""
    level = LEVELS.get(keys.get(QUERY_RETRIEVE_LEVEL, "").strip())
    if level is None:
        raise BadRequest("The query has no level")
    return level


class DicomQuery:
    """Answers queries."""

    def __init__(self, find: Find, browse: Browse, requested_tags: RequestedTags) -> None:
        self._find = find
        self._browse = browse
        self._requested_tags = requested_tags

    def answers(self, keys: Keys) -> Iterator[dict[int, str | None]]:
        """The values of the keys that each resource has which matches; None where it has none.

        Raises
        ------
        BadRequest, ParameterOutOfRange
            The query has no level, or wildcards where there can be none.
        TooBroad
            Too many resources would have to be read that do not match.
        """
        level = level_of(keys)
        wanted = {tag: _universal(tag, text) for tag, text in keys.items() if tag not in _NO_KEYS}
        constraints = constraints_of(
            {hexadecimal(tag): text for tag, text in wanted.items() if text}, case_sensitive=False
        )
        shown = frozenset(at for at in Level if at <= level and MAIN_DICOM_TAGS[at].keys() & wanted.keys())
        matches = self._find.matches(Query(level=level, constraints=constraints, shown=shown))
        rest = [
            RequestedTag(tag, STANDARD.find(tag, "").name)
            for tag in wanted
            if not any(tag in MAIN_DICOM_TAGS[at] for at in Level if at <= level)
        ]
        while page := list(islice(matches, PAGE)):
            others = self._others(level, page, rest)
            for candidate in page:
                found = {tag: candidate.tags.get(STANDARD.find(tag, "").name) for tag in wanted}
                yield {**found, **others.get(candidate.row.id, {})}

    def instances(self, keys: Keys) -> list[str]:
        """The instances below the resources that the unique keys of a retrieval name.

        Raises
        ------
        BadRequest
            It has no unique key, or names nothing that is there.
        """
        levels = [level_of(keys)] if keys.get(QUERY_RETRIEVE_LEVEL) else sorted(Level, reverse=True)
        named = ((at, tag) for at in levels for tag in _UNIQUE_KEYS[at] if keys.get(tag))
        level, key = next(named, (Level.PATIENT, None))
        if key is None:
            raise BadRequest("The request names no resource")
        wanted = constraints_of({hexadecimal(key): keys[key]}, case_sensitive=True)
        found = self._find.find(Query(level=level, constraints=wanted))
        if not found:
            raise BadRequest("There is no such resource")
        if level is Level.INSTANCE:
            return found
        return [i for one in found for i in self._browse.descendants(level, one, Level.INSTANCE)]

    def _others(
        self, level: Level, page: Sequence[Candidate], tags: Sequence[RequestedTag]
    ) -> dict[str, dict[int, str | None]]:
        """What the rows alone do not tell."""
        if not tags:
            return {}
        nodes = self._browse.get_many(level, [candidate.row.id for candidate in page])
        values = self._requested_tags.of(nodes, tags)
        return {
            id_of(node): {tag.number: text for tag, text in found.items()}
            for node, found in zip(nodes, values, strict=True)
        }


def _universal(tag: int, text: str) -> str:
    """A pattern that fits everything fits what has no value as well (PS3.4, section C.2.2.2.4)."""
    is_pattern = STANDARD.find(tag, "").vr[:2] in WILDCARD_VRS
    return "" if is_pattern and text and not text.strip("*") else text
