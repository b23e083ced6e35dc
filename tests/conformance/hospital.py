"""A made-up hospital: what a store with several patients holds."""

from __future__ import annotations

from collections.abc import Iterator

from tests.conformance.exchanges import Body
from tests.conformance.raw import Element, dicom, numbers, text
from tests.conformance.session import Session

LEVELS = ("patients", "studies", "series", "instances")
PARENTS = ("ParentPatient", "ParentStudy", "ParentSeries", "ID")
"""Where an upload's answer has the identifiers of the levels."""


def instance(
    patient: str, study: int, series: int, number: int, *more: Element, modality: str = "CT"
) -> bytes:
    """A file of the made-up hospital."""
    uid = f"1.9.{sum(patient.encode())}.{study}"
    elements = [
        text(0x00080018, "UI", f"{uid}.{series}.{number}"),
        text(0x00080020, "DA", f"2020010{study}"),
        text(0x00080050, "SH", f"A{study}"),
        text(0x00080060, "CS", modality),
        text(0x0008103E, "LO", f"Series {series}"),
        text(0x00100010, "PN", f"{patient}^Pat"),
        text(0x00100020, "LO", patient),
        text(0x0020000D, "UI", uid),
        text(0x0020000E, "UI", f"{uid}.{series}"),
        text(0x00200011, "IS", str(series)),
        text(0x00200013, "IS", str(number)),
        numbers(0x00280010, "US", [4]),
    ]
    return dicom([*elements, *more])


def hospital() -> Iterator[Body]:
    """Two patients; three studies; series of one to three instances."""
    for patient, study, series, count, modality in (
        ("Ada", 1, 1, 3, "CT"),
        ("Ada", 1, 2, 1, "SR"),
        ("Ada", 2, 1, 2, "MR"),
        ("Bob", 1, 1, 1, "CT"),
    ):
        for number in range(1, count + 1):
            data = instance(patient, study, series, number, modality=modality)
            yield Body(f"{patient} {study} {series} {number}", data)


def fill(session: Session) -> list[dict[str, str]]:
    """Upload the hospital; returns the answers."""
    return [session.ask("POST", "/instances", body) for body in hospital()]
