"""Orthanc's identifiers: SHA-1 of the DICOM identifiers from the patient down, joined by ``|``.

Source: Orthanc Book, "Orthanc identifiers".
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.domain.errors import InexistentTag

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
    InexistentTag
        A UID is missing or empty.
    """
    texts = [values.get(tag) or "" for tag in _TAGS]
    if not all(texts[1:]):
        raise InexistentTag
    patient, study, series, instance = (_identifier("|".join(texts[: n + 1])) for n in range(len(texts)))
    return Identifiers(patient, study, series, instance, sop_uid=texts[-1])


def _identifier(text: str) -> str:
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    return "-".join(digest[n : n + 8] for n in range(0, 40, 8))
