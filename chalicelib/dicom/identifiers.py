"""Orthanc's identifiers: SHA-1 of the DICOM identifiers from the patient down, joined by ``|``.

Source: Orthanc Book, "Orthanc identifiers".
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.domain.errors import BadFileFormat, BadParameterType, InexistentTag

if TYPE_CHECKING:
    from chalicelib.dicom.maintags import MainValues

_TAGS = (0x00100020, 0x0020000D, 0x0020000E, 0x00080018)
"""PatientID and the UIDs of study, series and instance."""


@dataclass(frozen=True, slots=True)
class Identifiers:
    """The identifiers of an instance and its ancestors, and its SOP Instance UID."""

    patient: str
    study: str
    series: str
    instance: str
    sop_uid: str


def identify(values: MainValues) -> Identifiers:
    """Compute the identifiers; a missing PatientID counts as an empty one.

    Raises
    ------
    BadFileFormat
        A UID is empty.
    BadParameterType
        A UID or the PatientID is no text, or longer than Orthanc keeps.
    InexistentTag
        A UID is missing.
    """
    patient_id, *uids = _TAGS
    if not all(values.has(uid) for uid in uids):
        raise InexistentTag
    texts = ["" if tag == patient_id and not values.has(tag) else values.get(tag) for tag in _TAGS]
    known = [text for text in texts if text is not None]
    if len(known) < len(texts):
        raise BadParameterType
    if not all(known[1:]):
        raise BadFileFormat("missing StudyInstanceUID, SeriesInstanceUID or SOPInstanceUID")
    patient, study, series, instance = (identifier(*known[: n + 1]) for n in range(len(known)))
    return Identifiers(patient, study, series, instance, sop_uid=known[-1])


def patient_identifier(patient_id: str) -> str:
    """Orthanc's identifier of the patient with a PatientID."""
    return identifier(patient_id)


def identifier(*values: str) -> str:
    """Orthanc's identifier of a resource: its PatientID and UIDs from the patient down."""
    digest = hashlib.sha1("|".join(values).encode(), usedforsecurity=False).hexdigest()
    return "-".join(digest[n : n + 8] for n in range(0, 40, 8))
