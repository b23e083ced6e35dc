"""Every image file that pydicom ships, and made ones, against what Orthanc 1.12.7 shows of them."""

import json
from functools import cache

import pytest

from chalicelib.domain.errors import UnsupportedMediaType
from tests.unit.dicom_rendering.files import render
from tests.unit.dicom_rendering.record_orthanc import RECORDED, all_files, fingerprint

pytestmark = pytest.mark.filterwarnings("ignore:::pydicom")

ORTHANC = json.loads(RECORDED.read_text())
WIDE = "Orthanc shows no images of 32 bits"
DIFFERENT = {
    "made: 16 bits, 8 stored up to 7, 0": "Orthanc takes each cell of two bytes for two of one",
    "made: 16 bits, 8 stored up to 15, 0": "the same",
    "made: colour of 16 bits, 8 stored up to 7, planar 0": "the same",
    "made: RLE colour of 16 bits, planar 1": "Orthanc takes planes for pixels",
    "made: palette, two frames": "Orthanc shows palettes of single frames only",
    "made: 32 bits, 0": WIDE,
    "made: 32 bits, 1": WIDE,
    **{
        f"pydicom: test_files/rtdose{name}.dcm": WIDE
        for name in ("", "_1frame", "_expb", "_expb_1frame", "_rle", "_rle_1frame")
    },
}
"""Where we show what the file says."""


@cache
def files() -> dict[str, bytes]:
    return dict(all_files())


def ours(name: str) -> str:
    try:
        return fingerprint(render(files()[name]))
    except UnsupportedMediaType:
        return "415"


def is_lossy_or_later(name: str) -> bool:
    """Whether the transfer syntax is one of JPEG's or JPEG-LS's, which Orthanc decodes and we do not yet."""
    return b"1.2.840.10008.1.2.4." in files()[name][:400]


def test_all_that_orthanc_took_are_still_there():
    assert ORTHANC.keys() <= files().keys()
    assert DIFFERENT.keys() <= ORTHANC.keys()


@pytest.mark.parametrize("name", [name for name in ORTHANC if name not in DIFFERENT])
def test_the_pixels_or_the_refusal_are_orthancs(name):
    assert ours(name) == ("415" if is_lossy_or_later(name) else ORTHANC[name])


@pytest.mark.parametrize("name", DIFFERENT)
def test_differs_where_said(name):
    assert ours(name) not in {"415", ORTHANC[name]}
