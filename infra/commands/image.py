"""An image of a patient that does not exist, to try a store out with."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

SIDE = 64


@cache
def patient_id() -> str:
    """One that no hospital uses, another one each time."""
    return f"NACRE-SMOKE-{secrets.token_hex(8)}"


def write_image(path: Path) -> None:
    """Write a CT of a gradient, 64 x 64, of today, as a DICOM file."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image = Dataset()
    image.SOPClassUID = meta.MediaStorageSOPClassUID = CTImageStorage
    image.SOPInstanceUID = meta.MediaStorageSOPInstanceUID = generate_uid(None)
    image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(None), generate_uid(None)
    image.PatientName, image.PatientID = "SMITH^SMOKE TEST", patient_id()
    image.StudyDate = datetime.now(UTC).strftime("%Y%m%d")
    image.StudyDescription, image.Modality = "Made to try a store out", "CT"
    image.InstanceNumber = image.SeriesNumber = 1
    image.Rows = image.Columns = SIDE
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    image.PixelData = b"".join(
        (16 * (row + column)).to_bytes(2, "little") for row in range(SIDE) for column in range(SIDE)
    )
    image.file_meta = meta
    image.save_as(path, enforce_file_format=True)
