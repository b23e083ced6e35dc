"""Queries whose answers are given at once: Orthanc's older calls, `/modalities/{id}/find...`, and worklists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.dicom import queries as dicom
from chalicelib.dicom.tags_json import Json, in_format
from chalicelib.domain.levels import Level
from chalicelib.domain.tag_format import TagFormat
from chalicelib.services.modalities import Modalities
from chalicelib.services.network.remotes import Remotes
from chalicelib.services.network.requests import Requests

WORKLIST = "1.2.840.10008.5.1.4.31"
"""The SOP class of worklists (PS3.4, annex K)."""

_TEMPLATES: dict[Level, tuple[int, ...]] = {
    Level.PATIENT: (0x00100010, 0x00100020, 0x00100030, 0x00100040, 0x00101000),
    Level.STUDY: (
        *(0x00080020, 0x00080030, 0x00080050, 0x00080090, 0x00081030, 0x00100020, 0x0020000D, 0x00200010),
    ),
    Level.SERIES: (
        *(0x00080021, 0x00080031, 0x00080050, 0x00080060, 0x0008103E, 0x00081070, 0x00100020, 0x00180015),
        *(0x00181030, 0x0020000D, 0x0020000E, 0x00200011, 0x00400254),
    ),
    Level.INSTANCE: (
        *(0x00080012, 0x00080013, 0x00080018, 0x00080050, 0x00100020, 0x0020000D, 0x0020000E, 0x00200013),
    ),
}
"""What each level is asked for, as Orthanc does."""

SHORTEST = 3
"""Characters of an identifier by which these calls may narrow a query down."""


class DirectQueries:
    """Asks."""

    def __init__(
        self,
        remotes: Remotes,
        modalities: Modalities,
        requests: Requests,
        default_encoding: Callable[[], str],
    ) -> None:
        self._remotes = remotes
        self._modalities = modalities
        self._requests = requests
        self._default_encoding = default_encoding

    def find(self, name: str, level: Level, fields: Mapping[int, str]) -> list[Json] | None:
        """The answers by names of tags; None if the fields do not narrow the query down enough.

        Raises
        ------
        InexistentItem
            No modality has this name.
        NetworkProtocol
            It does not answer.
        """
        modality = self._modalities.get(name)
        if not is_narrow(level, fields):
            return None
        asked = dicom.normalised(level, {**dict.fromkeys(_TEMPLATES[level], ""), **fields})
        asked = dicom.without_wildcards(asked, modality.manufacturer)
        model = dicom.model_of(level, dicom.FIND)
        return self._ask(name, model, dicom.identifier(level, asked), TagFormat.HUMAN)

    def tree(self, name: str, fields: Mapping[int, str]) -> list[Json]:
        """The patients with their studies and series; raises as `find`. A query for each patient and each study."""
        patients = self.find(name, Level.PATIENT, fields) or []
        for patient in patients:
            patient["Studies"] = self._below(name, Level.STUDY, fields, patient, "PatientID")
            for study in patient["Studies"]:
                study["Series"] = self._below(
                    name, Level.SERIES, fields, study, "PatientID", "StudyInstanceUID"
                )
        return patients

    def worklist(self, name: str, query: Mapping[str, Any], form: TagFormat) -> list[Json]:
        """The items of a worklist that match a query, a data set in JSON; raises as `find`, and `BadFileFormat`."""
        return self._ask(name, WORKLIST, dicom.data_set(query), form)

    def _below(
        self, name: str, level: Level, fields: Mapping[int, str], parent: Json, *keys: str
    ) -> list[Json]:
        named = {dicom.TAGS[key]: parent[key] for key in keys if isinstance(parent.get(key), str)}
        asked = {**dict.fromkeys(_TEMPLATES[level], ""), **fields, **named}
        model = dicom.model_of(level, dicom.FIND)
        manufacturer = self._modalities.get(name).manufacturer
        asked = dicom.without_wildcards(dicom.normalised(level, asked), manufacturer)
        return self._ask(name, model, dicom.identifier(level, asked), TagFormat.HUMAN)

    def _ask(self, name: str, model: str, identifier: bytes, form: TagFormat) -> list[Json]:
        found = self._requests.find(self._remotes.remote(name), model, identifier)
        encoding = self._default_encoding()
        return [in_format(dicom.answer(one, encoding), form) for one in found]


def is_narrow(level: Level, fields: Mapping[int, str]) -> bool:
    """Whether fields name enough that few answers are to be expected."""

    def has(*tags: int) -> bool:
        return any(len(fields.get(tag, "")) >= SHORTEST for tag in tags)

    return level is Level.PATIENT or (
        has(dicom.PATIENT_ID, dicom.ACCESSION_NUMBER)
        and (level < Level.SERIES or has(dicom.STUDY_UID))
        and (level < Level.INSTANCE or has(dicom.SERIES_UID))
    )
