"""CT images of two sizes, as many as wanted, each with UIDs of its own."""

from __future__ import annotations

from functools import cache
from io import BytesIO

import numpy as np
import pydicom
from pydicom.data import get_testdata_file

SMALL = 48
"""Rows and columns of an image of 11 kB."""

LARGE = 512
"""Rows and columns of an image of 0.5 MB."""

_ROOT = "1.2.826.0.1.3680043.8.498."
_NUMBER = "1000000000"


def image(side: int, number: int, series: int = 0, study: int = 0, patient: int = 0) -> bytes:
    """An image; numbers up to ten digits, of patients up to four."""
    data = _template(side).replace(b"1CT1", f"{patient:04d}".encode())
    for kind, given in enumerate((number, series, study)):
        data = data.replace(_uid(kind, 0), _uid(kind, given))
    return data


def _uid(kind: int, number: int) -> bytes:
    return f"{_ROOT}{kind + 1}.{int(_NUMBER) + number}".encode()


@cache
def _template(side: int) -> bytes:
    dataset = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    pixels = np.resize(dataset.pixel_array, (side, side))
    dataset.Rows = dataset.Columns = side
    dataset.PixelData = pixels.tobytes()
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = _uid(0, 0).decode()
    dataset.SeriesInstanceUID, dataset.StudyInstanceUID = _uid(1, 0).decode(), _uid(2, 0).decode()
    buffer = BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()
