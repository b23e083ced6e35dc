"""pyorthanc's calls for pictures, frames and samples."""

from __future__ import annotations

import gzip
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pyorthanc import Orthanc

from tests.e2e.conftest import PDF, stored, stored_bytes

PICTURES = ("preview", "rendered", "image_uint8", "image_uint16", "image_int16")
SIDE = 128


@pytest.mark.parametrize("form", PICTURES)
def test_pictures_of_an_instance_and_of_its_frames(pyorthanc: Orthanc, ct: Path, form: str) -> None:
    instance = stored(pyorthanc, ct)["ID"]
    whole = getattr(pyorthanc, f"get_instances_id_{form}")(instance)
    assert whole == getattr(pyorthanc, f"get_instances_id_frames_frame_{form}")("0", instance)
    picture = Image.open(BytesIO(whole))
    assert (picture.format, picture.size) == ("PNG", (SIDE, SIDE))
    jpeg = getattr(pyorthanc, f"get_instances_id_{form}")
    if form in ("preview", "rendered", "image_uint8"):
        smaller = jpeg(instance, {"quality": 10}, headers={"Accept": "image/jpeg"})
        assert Image.open(BytesIO(smaller)).format == "JPEG"


def test_a_rendered_picture_has_the_size_that_is_asked_for(pyorthanc: Orthanc, ct: Path) -> None:
    instance = stored(pyorthanc, ct)["ID"]
    small = pyorthanc.get_instances_id_rendered(instance, {"width": 32, "height": 32, "smooth": 1})
    assert Image.open(BytesIO(small)).size == (32, 32)


def test_samples(pyorthanc: Orthanc, ct: Path) -> None:
    instance = stored(pyorthanc, ct)["ID"]
    pixels = dcmread(ct).pixel_array
    raw = pyorthanc.get_instances_id_frames_frame_raw("0", instance)
    assert raw == pixels.tobytes()
    assert gzip.decompress(pyorthanc.get_instances_id_frames_frame_raw_gz("0", instance)) == raw
    matlab = pyorthanc.get_instances_id_matlab(instance)
    assert matlab == pyorthanc.get_instances_id_frames_frame_matlab("0", instance)
    rows = matlab.strip().removeprefix("double([").removesuffix("])").split(";")
    assert np.array_equal([row.split() for row in rows if row.strip()], pixels.astype(str))


def test_frames_of_a_dose(pyorthanc: Orthanc, multiframe: Path) -> None:
    instance = stored(pyorthanc, multiframe)["ID"]
    frames = dcmread(multiframe).pixel_array
    assert pyorthanc.get_instances_id_frames(instance) == list(range(len(frames)))
    assert "raw" in pyorthanc.get_instances_id_frames_frame("3", instance)
    for number in (0, len(frames) - 1):
        raw = pyorthanc.get_instances_id_frames_frame_raw(str(number), instance)
        assert raw == frames[number].tobytes()
    with pytest.raises(httpx.HTTPError, match="400"):
        pyorthanc.get_instances_id_frames_frame_raw(str(len(frames)), instance)


def test_a_document(pyorthanc: Orthanc, document: bytes) -> None:
    instance = stored_bytes(pyorthanc, document)["ID"]
    assert pyorthanc.get_instances_id_pdf(instance) == PDF
