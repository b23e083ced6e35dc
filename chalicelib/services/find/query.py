"""A query as services understand it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from chalicelib.dicom.dictionary import STANDARD, parse_tag
from chalicelib.dicom.matching import Condition, condition_of
from chalicelib.domain.levels import Level
from chalicelib.domain.main_dicom_tags import MAIN_DICOM_TAGS, hexadecimal
from chalicelib.services.requested_tags import COMPUTED


@dataclass(frozen=True, slots=True)
class TagConstraint:
    """A condition on the value of a DICOM tag."""

    tag: int
    name: str
    condition: Condition

    @property
    def level(self) -> Level | None:
        """The uppermost level whose index has the tag; None if only files have it, or it is computed."""
        return next((level for level in Level if self.tag in MAIN_DICOM_TAGS[level]), None)

    @property
    def is_computed(self) -> bool:
        """Whether no file has the tag."""
        return self.name in COMPUTED


class LabelsConstraint(StrEnum):
    """How many of the labels of a query a resource must have."""

    ALL = "All"
    ANY = "Any"
    NONE = "None"


class OrderType(StrEnum):
    """What answers are ordered by, and whether as texts or as numbers."""

    TAG = "DicomTag"
    TAG_AS_INT = "DicomTagAsInt"
    TAG_AS_FLOAT = "DicomTagAsFloat"
    METADATA = "Metadata"
    METADATA_AS_INT = "MetadataAsInt"
    METADATA_AS_FLOAT = "MetadataAsFloat"

    @property
    def is_metadata(self) -> bool:
        """Whether it is metadata, not a tag."""
        return self.value.startswith("Metadata")


@dataclass(frozen=True, slots=True)
class Order:
    """One key that answers are ordered by: the name of a tag or of metadata."""

    type: OrderType
    key: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for; `parents` are identifiers by level, the answers below each of them."""

    level: Level
    constraints: tuple[TagConstraint, ...] = ()
    parents: Mapping[Level, str] = field(default_factory=dict)
    metadata: Mapping[str, Condition] = field(default_factory=dict)
    labels: frozenset[str] = frozenset()
    labels_constraint: LabelsConstraint = LabelsConstraint.ALL
    order: tuple[Order, ...] = ()
    since: int = 0
    limit: int = 0
    """0: no limit."""
    shown: frozenset[Level] = frozenset()
    """The levels whose tags the answers are to have, beside those of their own."""

    @property
    def enough(self) -> int | None:
        """How many matches are enough to answer; None if all are needed."""
        return self.since + self.limit if self.limit and not self.order else None


def constraints_of(values: Mapping[str, str], *, case_sensitive: bool) -> tuple[TagConstraint, ...]:
    """The conditions that texts set on tags, by name or number.

    Raises
    ------
    UnknownDicomTag
        A name is that of no tag.
    ParameterOutOfRange
        A text has wildcards that its tag does not allow.
    """
    found = []
    for name, text in values.items():
        tag = parse_tag(name)
        entry = STANDARD.find(tag, "")
        condition = condition_of(entry.vr[:2], text, case_sensitive=case_sensitive, tag=hexadecimal(tag))
        if condition is not None:
            found.append(TagConstraint(tag, entry.name, condition))
    return tuple(found)
