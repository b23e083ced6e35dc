"""The protection of patients. Orthanc recycles no protected patient; this store recycles none at all."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.levels import Level
from chalicelib.services.annotate import Annotate


class Protection:
    """Protects patients."""

    def __init__(self, annotate: Annotate) -> None:
        self._annotate = annotate

    def set(self, patient: str, *, is_protected: bool) -> None:
        """Protect a patient, or no longer; raises `UnknownResource` if there is none."""
        self._annotate.change(
            Level.PATIENT, patient, lambda row: replace(row.annotations, is_protected=is_protected)
        )
