"""Compressed frames against pydicom's own reading, and against hostile bytes."""

from __future__ import annotations

import random
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.pixels import pixel_array

from chalicelib.dicom import rendering
from chalicelib.dicom.frames import frame_count, read_frame
from chalicelib.dicom.pixel_data import PixelData
from chalicelib.dicom.reader import read_header
from chalicelib.dicom.rendering.codecs import decode_compressed
from chalicelib.dicom.rendering.layout import read_layout
from chalicelib.domain.errors import BadFileFormat, ParameterOutOfRange, UnsupportedMediaType

FILES = (
    "JPEG2000.dcm", "examples_jpeg2k.dcm", "MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm", "693_J2KI.dcm",
    "SC_rgb_jpeg_dcmtk.dcm", "examples_ybr_color.dcm", "SC_rgb_rle_2frame.dcm",
)  # fmt: skip


def shipped(name: str) -> bytes:
    return Path(str(get_testdata_file(name, download=False))).read_bytes()


def frame_of(data: bytes, number: int) -> tuple[object, str, bytes, str]:
    header = read_header(BytesIO(data), len(data))
    pixels = PixelData(header, len(data), lambda start, end: data[start:end], 1 << 30)
    frame = read_frame(header, pixels, number)
    return header.dataset, header.transfer_syntax, frame, header.pixel_data_vr


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", FILES)
def test_every_frame_is_what_pydicom_reads(name: str) -> None:
    data = shipped(name)
    count = frame_count(read_header(BytesIO(data), len(data)))
    reference = dcmread(BytesIO(data))
    for number in range(count):
        _, samples = rendering.decode_frame(*frame_of(data, number))  # type: ignore[arg-type]
        expected = pixel_array(reference, index=number)
        assert np.array_equal(samples, expected)
    with pytest.raises(ParameterOutOfRange):
        frame_of(data, count)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", ["JPEG2000.dcm", "MR_small_jpeg_ls_lossless.dcm", "SC_rgb_jpeg_dcmtk.dcm"])
def test_no_code_stream_does_more_than_fail(name: str) -> None:
    chance = random.Random(name)
    dataset, syntax, frame, _ = frame_of(shipped(name), 0)
    layout = read_layout(dataset)  # type: ignore[arg-type]
    for _ in range(60):
        spoiled = bytearray(frame[: chance.choice([len(frame), chance.randrange(len(frame))])])
        for _ in range(chance.randrange(1, 6)):
            if spoiled:
                spoiled[chance.randrange(len(spoiled))] = chance.randrange(256)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                samples = decode_compressed(layout, syntax, bytes(spoiled))
            except UnsupportedMediaType:
                continue
        assert samples.shape[:2] == (layout.rows, layout.columns)


def test_an_offset_table_that_lies_is_refused() -> None:
    data = bytearray(shipped("SC_rgb_rle_2frame.dcm"))
    header = read_header(BytesIO(bytes(data)), len(data))
    assert header.pixel_data_offset_bytes is not None
    start = header.pixel_data_offset_bytes + 4
    data[start : start + 4] = b"\xff\xff\xff\x7f"
    with pytest.raises((UnsupportedMediaType, BadFileFormat)):
        frame_of(bytes(data), 1)
