"""The vocabulary of the changes log (Orthanc's `/changes`)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chalicelib.domain.levels import Level


class ChangeType(StrEnum):
    """What happened to a resource, under the names of Orthanc's `/changes`."""

    NEW_PATIENT = "NewPatient"
    NEW_STUDY = "NewStudy"
    NEW_SERIES = "NewSeries"
    NEW_INSTANCE = "NewInstance"
    COMPLETED_SERIES = "CompletedSeries"
    STABLE_PATIENT = "StablePatient"
    STABLE_STUDY = "StableStudy"
    STABLE_SERIES = "StableSeries"
    DELETED = "Deleted"
    UPDATED_ATTACHMENT = "UpdatedAttachment"
    UPDATED_METADATA = "UpdatedMetadata"


NEW = {
    Level.PATIENT: ChangeType.NEW_PATIENT,
    Level.STUDY: ChangeType.NEW_STUDY,
    Level.SERIES: ChangeType.NEW_SERIES,
    Level.INSTANCE: ChangeType.NEW_INSTANCE,
}
STABLE = {
    Level.PATIENT: ChangeType.STABLE_PATIENT,
    Level.STUDY: ChangeType.STABLE_STUDY,
    Level.SERIES: ChangeType.STABLE_SERIES,
}


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the changes log as its readers see it."""

    number: int
    type: ChangeType
    level: Level
    id: str
    at: float


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """One page of the log: `last` is the number to give as the next `since`."""

    changes: tuple[Change, ...]
    last: int
    done: bool
