"""Identifiers of queries and retrievals (PS3.4, annex C), to and from the fields that users give and see."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

from chalicelib.dicom.dictionary import STANDARD, parse_tag
from chalicelib.dicom.matching import RANGE_VRS
from chalicelib.dicom.modules import MODULES
from chalicelib.dicom.tags_json import Json, TagsReader, tag_text
from chalicelib.dicom.text import TextDecoder
from chalicelib.domain.errors import BadFileFormat, BadParameterType
from chalicelib.domain.levels import Level

if TYPE_CHECKING:
    from pydicom import Dataset

QUERY_RETRIEVE_LEVEL = 0x00080052
SPECIFIC_CHARACTER_SET = 0x00080005
PATIENT_ID, STUDY_UID, SERIES_UID, SOP_UID = 0x00100020, 0x0020000D, 0x0020000E, 0x00080018
ACCESSION_NUMBER = 0x00080050
TAGS = {"PatientID": PATIENT_ID, "StudyInstanceUID": STUDY_UID}
MAXIMUM_DEPTH = 8
"""Of sequences in a query."""

LEVEL_NAMES = {
    Level.PATIENT: "PATIENT",
    Level.STUDY: "STUDY",
    Level.SERIES: "SERIES",
    Level.INSTANCE: "IMAGE",
}
_PATIENT_ROOT, _STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.1.", "1.2.840.10008.5.1.4.1.2.2."
_IDENTIFYING = {
    Level.PATIENT: (PATIENT_ID,),
    Level.STUDY: (PATIENT_ID, ACCESSION_NUMBER, STUDY_UID),
    Level.SERIES: (PATIENT_ID, ACCESSION_NUMBER, STUDY_UID, SERIES_UID),
    Level.INSTANCE: (PATIENT_ID, ACCESSION_NUMBER, STUDY_UID, SERIES_UID, SOP_UID),
}
_PARENT_UIDS = {
    Level.PATIENT: (PATIENT_ID,),
    Level.STUDY: (STUDY_UID,),
    Level.SERIES: (STUDY_UID, SERIES_UID),
}
_COUNTS = {
    Level.PATIENT: (0x00201200, 0x00201202, 0x00201204),
    Level.STUDY: (0x00080061, 0x00080062, 0x00201206, 0x00201208),
    Level.SERIES: (0x00201209,),
    Level.INSTANCE: (),
}
FIND, MOVE, GET = "1", "2", "3"
_NUMBERS = {"US": int, "SS": int, "UL": int, "SL": int, "UV": int, "SV": int, "FL": float, "FD": float}

Fields = Mapping[int, str]
"""Tags and texts."""


def model_of(level: Level, service: str) -> str:
    """The information model, a SOP class, by which a level is asked for; `service` is one of the constants here."""
    return (_PATIENT_ROOT if level is Level.PATIENT else _STUDY_ROOT) + service


def normalised(level: Level, fields: Fields) -> dict[int, str]:
    """The fields that a query at a level may have, as Orthanc's `Normalize` leaves them."""
    allowed = {SPECIFIC_CHARACTER_SET, *_COUNTS[level]}
    for at in Level:
        if at <= level:
            allowed |= MODULES[at]
    return {tag: text for tag, text in fields.items() if tag in allowed}


def with_identifiers(level: Level, fields: Fields) -> dict[int, str]:
    """The fields, and those that identify the answers."""
    return {**dict.fromkeys(_IDENTIFYING[level], ""), **fields}


def without_wildcards(fields: Fields, manufacturer: str) -> dict[int, str]:
    """The fields as the PACS of a manufacturer wants them: without `*` where it has none that matches anything."""
    if manufacturer == "GenericNoUniversalWildcard":
        return {tag: "" if text == "*" else text for tag, text in fields.items()}
    if manufacturer == "GenericNoWildcardInDates":
        return {tag: "" if text == "*" and _vr(tag) in RANGE_VRS else text for tag, text in fields.items()}
    return dict(fields)


def identifier(level: Level, fields: Fields) -> bytes:
    """The identifier of a query or a retrieval, in Explicit VR Little Endian."""
    from pydicom.dataset import Dataset

    dataset = Dataset()
    dataset.add_new(QUERY_RETRIEVE_LEVEL, "CS", LEVEL_NAMES[level])
    texts = "".join(fields.values())
    if SPECIFIC_CHARACTER_SET not in fields and not texts.isascii():
        dataset.add_new(SPECIFIC_CHARACTER_SET, "CS", "ISO_IR 192")
    for tag, text in fields.items():
        vr = _vr(tag)
        dataset.add_new(tag, vr, _value(vr, text))
    return _written(dataset)


def data_set(values: Mapping[str, Any]) -> bytes:
    """A query that is given as a whole, with sequences, in Explicit VR Little Endian.

    Parameters
    ----------
    values
        Names or numbers of tags, to texts, or lists of such objects.

    Raises
    ------
    UnknownDicomTag
        A name is that of no tag.
    BadParameterType, BadFileFormat
        A value has another form; or the query is nested too deeply.
    """
    dataset = _nested(values, 0)
    if SPECIFIC_CHARACTER_SET not in dataset:
        dataset.add_new(SPECIFIC_CHARACTER_SET, "CS", "ISO_IR 192")
    return _written(dataset)


def _nested(values: Mapping[str, Any], depth: int) -> Dataset:
    from pydicom.dataset import Dataset

    if depth > MAXIMUM_DEPTH:
        raise BadFileFormat("The query is nested too deeply")
    dataset = Dataset()
    for name, value in values.items():
        tag = parse_tag(name)
        vr = _vr(tag)
        if isinstance(value, list) and all(isinstance(item, dict) for item in value):
            dataset.add_new(tag, "SQ", [_nested(item, depth + 1) for item in value])
        elif isinstance(value, str) and vr != "SQ":
            dataset.add_new(tag, vr, _value(vr, value))
        elif value in ("", None):
            dataset.add_new(tag, vr, [] if vr == "SQ" else None)
        else:
            raise BadParameterType(f"Bad Parameter type for tag {tag_text(tag)}")
    return dataset


def answer(data: bytes, default_encoding: str) -> Json:
    """An answer in Orthanc's full format.

    Raises
    ------
    BadFileFormat
        It is no data set.
    """
    from pydicom.filereader import read_dataset

    try:
        dataset = read_dataset(BytesIO(data), is_implicit_VR=False, is_little_endian=True)
    except Exception as error:  # pydicom has no error of its own for what peers may send
        raise BadFileFormat("The answer cannot be read") from error
    return TagsReader(TextDecoder.of(dataset, default_encoding).convert).read(dataset)


def shown(fields: Fields) -> Json:
    """Fields in Orthanc's full format."""
    return {
        tag_text(tag): {"Name": STANDARD.find(tag, "").name, "Type": "String", "Value": text}
        for tag, text in fields.items()
    }


def identifying(level: Level, found: Json) -> dict[int, str]:
    """What of an answer a retrieval names."""
    return _some(found, _IDENTIFYING[level])


def parent_fields(level: Level, found: Json) -> dict[int, str]:
    """What of an answer a query for what is below it names."""
    return _some(found, _PARENT_UIDS[level])


def _some(found: Json, tags: tuple[int, ...]) -> dict[int, str]:
    values = {tag: found.get(tag_text(tag), {}).get("Value") for tag in tags}
    return {tag: value for tag, value in values.items() if isinstance(value, str)}


def _vr(tag: int) -> str:
    return STANDARD.find(tag, "").vr[:2]


def _value(vr: str, text: str) -> Any:
    if vr == "SQ":
        return []
    if vr in _NUMBERS:
        try:
            return [_NUMBERS[vr](part) for part in text.split("\\")] if text else None
        except ValueError:
            raise BadFileFormat("A number is expected for a tag of the query") from None
    return text


def _written(dataset: Dataset) -> bytes:
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset

    stream = DicomBytesIO()
    stream.is_implicit_VR, stream.is_little_endian = False, True
    write_dataset(stream, dataset, "ISO_IR 192")
    return stream.getvalue()
