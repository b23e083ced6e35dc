"""What the index needs to know of a DICOM file before it is stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import BinaryIO

from chalicelib.domain.levels import Level
from chalicelib.domain.main_dicom_tags import MAIN_DICOM_TAGS


@dataclass(frozen=True, slots=True)
class Description:
    """A file's identifiers, its main tags by level, and the offsets (bytes) by which parts of it are read."""

    identifiers: tuple[str, str, str, str]
    tags: dict[Level, dict[str, str]]
    patient_tags: dict[str, str]
    metadata: dict[str, str]
    sop_instance_uid: str
    index_in_series: int | None
    expected_instances: int | None
    size: int
    md5: str
    header_length: int
    pixel_data_offset: int | None
    first_frame_end: int | None
    made_from: dict[Level, dict[str, str]] = field(default_factory=dict)
    """Metadata that resources above the instance get if they are new: what they were made from."""


def describe(source: bytes | BinaryIO, size: int, md5: str, default_encoding: str) -> Description:
    """Read the header of a DICOM file (whole, or its beginning as a stream).

    Raises
    ------
    BadFileFormat
        The bytes are not a DICOM file.
    InexistentTag
        The file has no Study, Series or SOP Instance UID.
    """
    from chalicelib.dicom import maintags
    from chalicelib.dicom.identifiers import identify
    from chalicelib.dicom.reader import read_header

    header = read_header(source, size)
    values = maintags.MainValues(header, default_encoding)
    identifiers = identify(values)
    tags = {level: values.some(MAIN_DICOM_TAGS[level]) for level in Level}
    return Description(
        identifiers=(identifiers.patient, identifiers.study, identifiers.series, identifiers.instance),
        tags=tags,
        patient_tags=tags[Level.PATIENT],
        metadata=maintags.instance_metadata(header, values),
        sop_instance_uid=identifiers.sop_uid,
        index_in_series=maintags.index_in_series(values),
        expected_instances=maintags.expected_number_of_instances(values),
        size=size,
        md5=md5,
        header_length=header.header_length_bytes,
        pixel_data_offset=header.pixel_data_offset_bytes,
        first_frame_end=header.first_frame_end_bytes,
    )
