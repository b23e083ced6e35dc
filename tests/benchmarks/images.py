"""CT images of two sizes, as many as wanted, each with UIDs of its own; patients have names, studies have dates."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from io import BytesIO

import numpy as np
import pydicom
from pydicom.data import get_testdata_file

SMALL = 48
"""Rows and columns of an image of 11 kB."""

LARGE = 512
"""Rows and columns of an image of 0.5 MB."""

NOISE = 10
"""Its standard deviation in Hounsfield units, as in a CT of a body."""

DAYS = 10_000
"""After so many studies their dates come again."""

_FIRST_DAY = date(1990, 1, 1)
_NAME, _DATE = b"CompressedSamples^CT1", b"\x08\x00\x20\x00DA\x08\x0020040119"
_ROOT = "1.2.826.0.1.3680043.8.498."
_NUMBER = "1000000000"


def image(side: int, number: int, series: int = 0, study: int = 0, patient: int = 0) -> bytes:
    """An image; numbers up to ten digits, of patients up to four."""
    data = _template(side).replace(b"1CT1", patient_id(patient).encode())
    data = data.replace(_NAME, f"Sample{patient:04d}^Compressed"[: len(_NAME)].encode())
    data = data.replace(_DATE, _DATE[:8] + study_date(study).encode())
    for kind, given in enumerate((number, series, study)):
        data = data.replace(_uid(kind, 0), _uid(kind, given))
    return data


def multi_frame(frames: int, number: int) -> bytes:
    """An instance of so many large frames, uncompressed, in a study of its own."""
    dataset = pydicom.dcmread(BytesIO(image(LARGE, number, number, number)))
    dataset.NumberOfFrames = frames
    dataset.PixelData = dataset.PixelData * frames
    buffer = BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


def patient_id(patient: int) -> str:
    """The PatientID of a patient."""
    return f"{patient:04d}"


def study_date(study: int) -> str:
    """The StudyDate of a study, a day for each."""
    return (_FIRST_DAY + timedelta(study % DAYS)).strftime("%Y%m%d")


def _uid(kind: int, number: int) -> bytes:
    return f"{_ROOT}{kind + 1}.{int(_NUMBER) + number}".encode()


@cache
def _template(side: int) -> bytes:
    dataset = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    # Without noise a packer would find the repeats of the small image, which no scanner makes.
    noise = np.random.default_rng(0).normal(0, NOISE, (side, side)).round()
    pixels = (np.resize(dataset.pixel_array, (side, side)) + noise).astype(np.int16)
    dataset.Rows = dataset.Columns = side
    dataset.PixelData = pixels.tobytes()
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = _uid(0, 0).decode()
    dataset.SeriesInstanceUID, dataset.StudyInstanceUID = _uid(1, 0).decode(), _uid(2, 0).decode()
    buffer = BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()
