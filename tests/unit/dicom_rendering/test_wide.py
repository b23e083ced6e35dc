"""Gray levels of 32 bits and in floating point, against NumPy's own arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pydicom import Dataset

from chalicelib.dicom.rendering import render
from chalicelib.dicom.rendering.arrays import frame_array
from chalicelib.domain.errors import UnsupportedMediaType

LITTLE, BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"


def header(samples: Any, stored: int | None = None, *, signed: bool = False) -> Dataset:
    dataset = Dataset()
    dataset.Rows, dataset.Columns = samples.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = samples.itemsize * 8
    if stored:
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = stored, stored - 1, int(signed)
    return dataset


@given(st.booleans(), st.integers(2, 32), st.sampled_from([LITTLE, BIG]), st.integers(0, 2**32))
def test_whole_numbers_keep_their_value(signed: bool, stored: int, syntax: str, seed: int) -> None:
    least = -(1 << (stored - 1)) if signed else 0
    values = np.random.default_rng(seed).integers(least, least + (1 << stored), (3, 5))
    cells = (values & 0xFFFFFFFF).astype(np.uint32)
    frame = cells.astype(">u4" if syntax == BIG else "<u4").tobytes()
    made = frame_array(header(cells, stored, signed=signed), syntax, frame, "OW", rescale=False)
    assert np.array_equal(made[..., 0], values)


@given(
    arrays.arrays(np.float64, (4, 4), elements=st.floats(allow_nan=True, allow_infinity=True)),
    st.sampled_from([(np.float32, "OF"), (np.float64, "OD")]),
)
@pytest.mark.filterwarnings("ignore")
def test_floating_point_keeps_its_value_and_is_shown(values: Any, kind: tuple[Any, str]) -> None:
    dtype, vr = kind
    samples = values.astype(dtype)
    frame = samples.astype(samples.dtype.newbyteorder("<")).tobytes()
    made = frame_array(header(samples), LITTLE, frame, vr, rescale=False)[..., 0]
    finite = np.isfinite(samples)
    assert np.array_equal(made[finite], samples[finite])
    assert not made[~finite].any()
    for form in ("preview", "rendered", "image-uint8", "image-uint16", "image-int16"):
        assert render(header(samples), LITTLE, frame, form=form, pixel_data_vr=vr).startswith(b"\x89PNG")


def test_a_preview_goes_from_black_to_white() -> None:
    from io import BytesIO

    from PIL import Image

    samples = np.array([[0, 2**31], [2**32 - 1, 2**30]], np.uint32)
    picture = render(header(samples, 32), LITTLE, samples.astype("<u4").tobytes())
    assert np.asarray(Image.open(BytesIO(picture))).tolist() == [[0, 128], [255, 64]]


@pytest.mark.parametrize(("bits", "vr"), [(64, "OW"), (64, "OF"), (32, "OD")])
def test_what_is_of_no_such_kind_is_refused_or_whole(bits: int, vr: str) -> None:
    samples = np.zeros((2, 2), f"u{bits // 8}")
    if bits == 32:
        assert frame_array(header(samples), LITTLE, samples.tobytes(), vr, rescale=False).dtype == np.uint32
        return
    with pytest.raises(UnsupportedMediaType):
        render(header(samples), LITTLE, samples.tobytes(), pixel_data_vr=vr)


def test_a_short_frame_is_refused() -> None:
    samples = np.zeros((2, 2), np.uint32)
    with pytest.raises(UnsupportedMediaType):
        render(header(samples, 32), LITTLE, samples.tobytes()[:-1])
