"""The layout of DICOM media: files ``IMAGES/IM0``, ..., and the directory ``DICOMDIR``."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from chalicelib.services.archive.plan import Entry, Placed

if TYPE_CHECKING:
    from chalicelib.dicom.dicomdir import Record

DICOMDIR = "DICOMDIR"
_PATIENT = ("PatientName", "PatientID")
_STUDY = ("StudyDate", "StudyTime", "AccessionNumber", "StudyDescription", "StudyInstanceUID", "StudyID")
_SERIES = ("Modality", "SeriesInstanceUID", "SeriesNumber")
_NUMBERS = frozenset(["SeriesNumber", "InstanceNumber"])
_EMPTY_IF_MISSING = frozenset(
    ["PatientName", "AccessionNumber", "StudyDescription"]
)  # type 2 of PS3.3, section F.5


def media_entries(placed: Sequence[Placed]) -> list[Entry]:
    """The files of a medium, but for its directory."""
    return [p.entry(f"IMAGES/IM{number}") for number, p in enumerate(placed)]


def directory_records(placed: Sequence[Placed], *, extended: bool) -> list[Record]:
    """The records of the file ``DICOMDIR``, patients first; `extended` ones have the series' descriptions."""
    from chalicelib.dicom.dicomdir import Record

    numbered = list(enumerate(placed))
    patients = []
    for _, of_patient in groupby(numbered, key=lambda item: item[1].patient.id):
        patient = list(of_patient)
        studies = []
        for _, of_study in groupby(patient, key=lambda item: item[1].study.id):
            study = list(of_study)
            series = [
                _series(list(of_series), extended=extended)
                for _, of_series in groupby(study, key=lambda item: item[1].series.id)
            ]
            first = study[0][1]
            studies.append(Record("STUDY", _study_keys(first), series))
        patients.append(Record("PATIENT", _some(_PATIENT, patient[0][1].patient.tags), studies))
    return patients


def directory(records: Sequence[Record], transcoded: Mapping[str, Sequence[str]]) -> bytes:
    """The file ``DICOMDIR``.

    Parameters
    ----------
    transcoded
        SOP Instance UID and transfer syntax of the files that have been transcoded, by their names.
    """
    from chalicelib.dicom.dicomdir import dicomdir

    return dicomdir([_updated(record, transcoded) for record in records])


def _updated(record: Record, transcoded: Mapping[str, Sequence[str]]) -> Record:
    below = [_updated(child, transcoded) for child in record.below]
    became = transcoded.get(record.keys.get("ReferencedFileID", "").replace("\\", "/"))
    uids = {}
    if became is not None:
        uid, syntax = became
        uids = {"ReferencedSOPInstanceUIDInFile": uid, "ReferencedTransferSyntaxUIDInFile": syntax}
    return replace(record, keys={**record.keys, **uids}, below=below)


def from_note(fields: Mapping[str, Any]) -> Record:
    """A record as `asdict` gave it to be kept."""
    from chalicelib.dicom.dicomdir import Record

    return Record(fields["type"], fields["keys"], [from_note(child) for child in fields["below"]])


def _series(instances: Sequence[tuple[int, Placed]], *, extended: bool) -> Record:
    from chalicelib.dicom.dicomdir import Record, record_type

    tags = instances[0][1].series.tags
    names = (*_SERIES, "SeriesDescription") if extended else _SERIES
    below = []
    for number, placed in instances:
        metadata = placed.instance.metadata
        sop_class = metadata.get("SopClassUid", "")
        keys = {
            "ReferencedFileID": f"IMAGES\\IM{number}",
            "ReferencedSOPClassUIDInFile": sop_class,
            "ReferencedSOPInstanceUIDInFile": placed.instance.sop_instance_uid,
            "ReferencedTransferSyntaxUIDInFile": metadata.get("TransferSyntax", ""),
            **_some(["InstanceNumber"], placed.instance.tags),
        }
        below.append(Record(record_type(sop_class), keys))
    return Record("SERIES", _some(names, tags), below)


def _study_keys(placed: Placed) -> dict[str, str]:
    """The date and time of a study must not be missing: those of its arrival stand in for them."""
    arrived = time.gmtime(placed.instance.stored_at)
    keys = _some(_STUDY, placed.study.tags)
    keys["StudyDate"] = keys.get("StudyDate") or time.strftime("%Y%m%d", arrived)
    keys["StudyTime"] = keys.get("StudyTime") or time.strftime("%H%M%S.000000", arrived)
    return keys


def _some(names: Iterable[str], tags: dict[str, str]) -> dict[str, str]:
    """Those of the tags that are there, and those that may be empty; without control characters."""
    values = {name: "".join(c for c in tags.get(name, "") if c.isprintable()) for name in names}
    may_be_empty = (tags.keys() - _NUMBERS) | _EMPTY_IF_MISSING
    return {name: value for name, value in values.items() if value or name in may_be_empty}
