"""A whole store on an emulator, with a clock that tests move and calls that tests count and spoil."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cache
from io import BytesIO
from typing import Any

from chalicelib.domain.levels import Level
from chalicelib.services.description import Description, describe
from tests.support.faults import Calls


@dataclass
class ManualClock:
    """Stands still until it is moved."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class World:
    """A store and all that a test may want to look at."""

    services: Any
    dynamodb: Any
    s3: Any
    resources: Any
    clock: ManualClock
    calls: Calls

    def settle(self, hours: int = 2) -> None:
        """Let time pass until all background work is done; after two hours files without an entry are gone."""
        self.calls.reset()
        for seconds in (hours * 3600, 100, 100):
            self.clock.advance(seconds)
            self.services.sweeper.tick()
        self.calls.reset()

    def store(self, description: Description) -> Any:
        """Store the file of a made-up instance."""
        data = file_of(description)
        files = self.services.files
        return self.services.ingest.place(description, lambda key: files.put(key, data, description.md5), {})


def described(
    patient: str = "P", study: str = "1", series: str = "1", instance: str = "1", **more: Any
) -> Description:
    """The description of a made-up instance; `more` replaces some of it."""
    data = _made(patient, study, series, instance)
    description = replace(describe(data, len(data), hashlib.md5(data).hexdigest(), "Latin1"), **more)
    _files[description.identifiers[Level.INSTANCE]] = data
    return description


def file_of(description: Description) -> bytes:
    """The DICOM file of a made-up instance."""
    return _files[description.identifiers[Level.INSTANCE]]


_files: dict[str, bytes] = {}


@cache
def _made(patient: str, study: str, series: str, instance: str) -> bytes:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

    dataset = Dataset()
    dataset.PatientID = patient
    dataset.PatientName = f"{patient}^Name"
    dataset.StudyInstanceUID = f"1.2.{study}"
    dataset.AccessionNumber = f"A{study}"
    dataset.SeriesInstanceUID = f"1.2.{study}.{series}"
    dataset.Modality = "CT"
    dataset.SOPClassUID = SecondaryCaptureImageStorage
    dataset.SOPInstanceUID = f"1.2.{study}.{series}.{instance}"
    dataset.InstanceNumber = "1"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
