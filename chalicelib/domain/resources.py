"""What the index knows of a patient, a study, a series or an instance."""

from __future__ import annotations

from dataclasses import dataclass, field

from chalicelib.domain.annotations import NONE, Annotations
from chalicelib.domain.levels import Level


@dataclass(frozen=True, slots=True)
class Resource:
    """A patient, study or series.

    `incarnation` changes each time the resource is created anew after a delete, and children carry their
    parent's: a child whose `parent_incarnation` differs from its parent's is a leftover, not a child.
    `completed_by` is the change number of the instance that last completed a series (0: none has).
    """

    level: Level
    id: str
    incarnation: str
    parent_id: str
    parent_incarnation: str
    tags: dict[str, str]
    patient_tags: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    expected_instances: int | None = None
    is_stable: bool = False
    completed_by: int = 0
    last_update: float = 0.0
    due: int | None = None
    change_numbers: tuple[int, ...] = ()
    annotations: Annotations = NONE


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One DICOM file in the bucket and the offsets that let parts of it be read (all in bytes)."""

    key: str
    uuid: str
    size: int
    md5: str
    header_length: int
    pixel_data_offset: int | None = None
    first_frame_end: int | None = None


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance, its file and its ancestors."""

    id: str
    series_id: str
    study_id: str
    patient_id: str
    series_incarnation: str
    tags: dict[str, str]
    metadata: dict[str, str]
    file: StoredFile
    sop_instance_uid: str
    index_in_series: int | None
    change_number: int
    stored_at: float
    annotations: Annotations = NONE

    def ancestor(self, level: Level) -> str:
        """The identifier of the instance's ancestor at `level` (its own at the instance level)."""
        return (self.patient_id, self.study_id, self.series_id, self.id)[level]


@dataclass(frozen=True, slots=True)
class Child:
    """The edge from a parent to one child.

    An edge to a study or series has the child's own `incarnation`; one to an instance has the fields behind it.
    """

    id: str
    parent_incarnation: str
    file_key: str = ""
    incarnation: str = ""
    size: int = 0
    index_in_series: int | None = None
    change_number: int = 0
    stored_at: float = 0.0
    lookup: str = ""
    annotations: Annotations = NONE


@dataclass(frozen=True, slots=True)
class Family:
    """A resource with its children, in the order of their identifiers."""

    resource: Resource
    children: tuple[Child, ...]


def level_of(row: Resource | Instance) -> Level:
    """The level of a row."""
    return Level.INSTANCE if isinstance(row, Instance) else row.level
