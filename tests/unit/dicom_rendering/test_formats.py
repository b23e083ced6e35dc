"""The bytes of the answers, and the parts of a file that they are made from."""

import struct
import subprocess
import sys
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from chalicelib.dicom import rendering
from chalicelib.domain.errors import UnsupportedMediaType
from tests.unit.dicom_rendering import files
from tests.unit.dicom_rendering.files import BYTES, COLOUR, LITTLE, NOISE

RAMP = bytes(range(0, 240, 10))


def test_png_is_whole_and_gray():
    png = rendering.render(files.header(**BYTES), LITTLE, RAMP)
    with Image.open(BytesIO(png)) as image:
        image.verify()
    with Image.open(BytesIO(png)) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "L", (6, 4))
        assert list(image.tobytes())[:3] == [0, 11, 22]


def test_png_of_colours_keeps_them():
    png = rendering.render(files.header(**COLOUR), LITTLE, NOISE[:72])
    with Image.open(BytesIO(png)) as image:
        assert (image.mode, image.tobytes()) == ("RGB", NOISE[:72])


def test_pam_is_orthancs():
    pam = rendering.render(files.header(**BYTES), LITTLE, RAMP, "image/x-portable-arbitrarymap")
    start = b"P7\nWIDTH 6\nHEIGHT 4\nDEPTH 1\nMAXVAL 255\nTUPLTYPE GRAYSCALE\nENDHDR\n"
    assert pam[: len(start)] == start
    assert list(pam[len(start) :])[:3] == [0, 11, 22]
    assert len(pam) == len(start) + 24


def test_pam_of_colours():
    pam = rendering.render(files.header(**COLOUR), LITTLE, NOISE[:72], "image/x-portable-arbitrarymap")
    assert b"DEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n" + NOISE[:72] in pam


def jpeg(quality: int, **elements: object) -> bytes:
    header = files.header(**{**BYTES, **elements})
    return rendering.render(header, LITTLE, NOISE, "image/jpeg", quality=quality)


def test_jpeg_is_close_to_the_pixels():
    gray = files.header(**BYTES, Rows=16, Columns=15)
    image = Image.open(BytesIO(rendering.render(gray, LITTLE, bytes(range(240)), "image/jpeg")))
    assert (image.format, image.mode, image.size) == ("JPEG", "L", (15, 16))
    assert np.abs(np.asarray(image, np.int16).ravel() - np.arange(240) * 255 / 239).max() < 12


def test_jpeg_grows_with_quality():
    sizes = [len(jpeg(quality, Rows=64, Columns=64)) for quality in (1, 50, 90, 100)]
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize("quality", [0, 101, -1])
def test_jpeg_of_another_quality_is_refused(quality):
    with pytest.raises(UnsupportedMediaType):
        jpeg(quality)


def test_an_image_too_large_for_jpeg_is_refused():
    header = files.header(**BYTES, Rows=1)
    header.add_new("Columns", "UL", 70_000)
    with pytest.raises(UnsupportedMediaType):
        rendering.render(header, LITTLE, bytes(70_000), "image/jpeg")


@pytest.mark.parametrize(
    ("elements", "length"),
    [
        ({}, 48),
        (BYTES, 24),
        (COLOUR, 72),
        ({**COLOUR, "Rows": 1, "Columns": 3}, 10),
        ({**files.BITS, "Rows": 3}, 4),
        ({"BitsAllocated": 32, "NumberOfFrames": 9}, 96),
    ],
)
def test_frame_length_is_rounded_up_to_words(elements, length):
    assert rendering.frame_length_bytes(files.header(**elements)) == length


@pytest.mark.parametrize("elements", [{"Rows": None}, {"Rows": 0}, {"BitsAllocated": None}])
def test_a_header_without_an_image_has_no_frame_length(elements):
    with pytest.raises(UnsupportedMediaType):
        rendering.frame_length_bytes(files.header(**elements))


def test_the_first_frame_is_the_first_fragment():
    assert rendering.extract_first_frame(files.items(b"abcd", b"ef", table=bytes(8))) == b"abcd"
    assert rendering.extract_first_frame(files.items(b"abcd")) == b"abcd"


ITEM = struct.pack("<I", 0xE000FFFE)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        files.items(),
        files.items(b""),
        files.items(b"abcd")[:-1],
        files.items(b"abcd")[:15],
        ITEM + b"\xff\xff\xff\xff" + files.items(b"abcd"),
        files.items() + ITEM + b"\xff\xff\xff\xffabcd",
        files.items() + struct.pack("<II", 0xE0DDFFFE, 4) + b"abcd",
        b"abcd" * 10,
    ],
)
def test_malformed_items_are_refused(value):
    with pytest.raises(UnsupportedMediaType):
        rendering.extract_first_frame(value)


def test_importing_the_package_loads_no_heavy_library():
    program = "import sys, chalicelib.dicom.rendering; print({'numpy', 'PIL', 'pydicom'} & set(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout == "set()\n"
