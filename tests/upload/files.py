"""Files to be uploaded."""

from __future__ import annotations

import io
import zipfile
from functools import cache
from pathlib import Path

from pydicom.data import get_testdata_file

CT_ID = "f689ddd2-662f8fe1-8b18180d-ec2a2cee-937917af"
MR_ID = "2f859814-2cf8fe4f-c7963e7d-d32c018d-66fc8cfa"


@cache
def dicom(name: str) -> bytes:
    """A file that pydicom ships."""
    return Path(str(get_testdata_file(name))).read_bytes()


def ct() -> bytes:
    return dicom("CT_small.dcm")


def mr() -> bytes:
    return dicom("MR_small.dcm")


def archive(*files: tuple[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP archive of these files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as made:
        for name, data in files:
            made.writestr(name, data)
    return stream.getvalue()
