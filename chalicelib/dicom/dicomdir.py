"""DICOMDIR: the directory of a DICOM medium (PS3.3, annex F; PS3.10, section 8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage, generate_uid

FILE_SET_ID = "ORTHANC_MEDIA"
IN_USE = 0xFFFF

_TYPES = (
    ("1.2.840.10008.5.1.4.1.1.88.", "SR DOCUMENT"),
    ("1.2.840.10008.5.1.4.1.1.11.", "PRESENTATION"),
    ("1.2.840.10008.5.1.4.1.1.9.", "WAVEFORM"),
    ("1.2.840.10008.5.1.4.1.1.66.1", "REGISTRATION"),
    ("1.2.840.10008.5.1.4.1.1.66.2", "FIDUCIAL"),
    ("1.2.840.10008.5.1.4.1.1.66", "RAW DATA"),
    ("1.2.840.10008.5.1.4.1.1.104.", "ENCAP DOC"),
    ("1.2.840.10008.5.1.4.1.1.481.2", "RT DOSE"),
    ("1.2.840.10008.5.1.4.1.1.481.3", "RT STRUCTURE SET"),
    ("1.2.840.10008.5.1.4.1.1.481.5", "RT PLAN"),
    ("1.2.840.10008.5.1.4.1.1.481.8", "RT PLAN"),
    ("1.2.840.10008.5.1.4.1.1.481.4", "RT TREAT RECORD"),
)
"""The types of directory records (PS3.3, section F.4) by the beginning of the SOP class; all others are images."""


@dataclass(frozen=True, slots=True)
class Record:
    """A directory record: its type, its keys by keyword, and the records below it."""

    type: str
    keys: dict[str, str]
    below: Sequence[Record] = ()


def record_type(sop_class_uid: str) -> str:
    """The type of the record of an instance."""
    return next((kind for prefix, kind in _TYPES if sop_class_uid.startswith(prefix)), "IMAGE")


def dicomdir(patients: Sequence[Record]) -> bytes:
    """The file ``DICOMDIR`` for the records of patients.

    Texts that are not ASCII are in UTF-8. The file is written twice: the first time tells where the records lie.
    """
    records: list[tuple[Record, Dataset]] = []
    for patient in patients:
        _add(records, patient)
    directory = Dataset()
    directory.FileSetID = FILE_SET_ID
    directory.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = 0
    directory.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = 0
    directory.FileSetConsistencyFlag = 0
    directory.DirectoryRecordSequence = [dataset for _, dataset in records]
    directory.file_meta = _meta()
    offsets = _offsets(_written(directory))
    where = {id(record): offset for (record, _), offset in zip(records, offsets, strict=True)}
    datasets = {id(record): dataset for record, dataset in records}
    _link(patients, where, datasets)
    if patients:
        directory.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = where[id(patients[0])]
        directory.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = where[id(patients[-1])]
    return _written(directory)


def _add(records: list[tuple[Record, Dataset]], record: Record) -> None:
    dataset = Dataset()
    dataset.OffsetOfTheNextDirectoryRecord = 0
    dataset.RecordInUseFlag = IN_USE
    dataset.OffsetOfReferencedLowerLevelDirectoryEntity = 0
    dataset.DirectoryRecordType = record.type
    if not all(value.isascii() for value in record.keys.values()):
        dataset.SpecificCharacterSet = "ISO_IR 192"
    for keyword, value in record.keys.items():
        setattr(dataset, keyword, value)
    records.append((record, dataset))
    for child in record.below:
        _add(records, child)


def _link(siblings: Sequence[Record], where: dict[int, int], datasets: dict[int, Dataset]) -> None:
    for position, record in enumerate(siblings):
        dataset = datasets[id(record)]
        if position + 1 < len(siblings):
            dataset.OffsetOfTheNextDirectoryRecord = where[id(siblings[position + 1])]
        if record.below:
            dataset.OffsetOfReferencedLowerLevelDirectoryEntity = where[id(record.below[0])]
            _link(record.below, where, datasets)


def _meta() -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(prefix=None)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return meta


def _written(directory: Dataset) -> bytes:
    stream = BytesIO()
    dcmwrite(stream, directory, enforce_file_format=True)
    return stream.getvalue()


def _offsets(data: bytes) -> list[int]:
    """Where the items of the sequence begin."""
    directory = dcmread(BytesIO(data))
    return [int(item.seq_item_tell) for item in directory.get("DirectoryRecordSequence", [])]
