"""The four levels of DICOM's patient-rooted information model (PS3.4, section C.6.1)."""

from __future__ import annotations

from enum import IntEnum


class Level(IntEnum):
    """One level of the tree; a larger number is further from the patient."""

    PATIENT = 0
    STUDY = 1
    SERIES = 2
    INSTANCE = 3

    @property
    def label(self) -> str:
        """The name Orthanc gives the level in answers, e.g. ``Study``."""
        return _LABELS[self]

    @property
    def plural(self) -> str:
        """The level's first path segment in Orthanc's REST API, e.g. ``studies``."""
        return _PLURALS[self]

    @property
    def parent(self) -> Level | None:
        """The level above, or None for patients."""
        return None if self is Level.PATIENT else Level(self - 1)

    @property
    def child(self) -> Level | None:
        """The level below, or None for instances."""
        return None if self is Level.INSTANCE else Level(self + 1)

    @classmethod
    def from_plural(cls, segment: str) -> Level | None:
        """The level that a path segment such as ``studies`` names, or None."""
        return _FROM_PLURAL.get(segment)


_LABELS = {
    Level.PATIENT: "Patient",
    Level.STUDY: "Study",
    Level.SERIES: "Series",
    Level.INSTANCE: "Instance",
}
_PLURALS = {
    Level.PATIENT: "patients",
    Level.STUDY: "studies",
    Level.SERIES: "series",
    Level.INSTANCE: "instances",
}
_FROM_PLURAL = {plural: level for level, plural in _PLURALS.items()}
