"""Files in other transfer syntaxes: what is lossless loses nothing, what is not says so, what cannot be is refused."""

from __future__ import annotations

import io
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian

from chalicelib.dicom.transcoding import transcode
from chalicelib.dicom.transcoding.syntaxes import WRITABLE
from chalicelib.domain.errors import (
    BadFileFormat,
    ParameterOutOfRange,
    PayloadTooLarge,
    UnsupportedMediaType,
)

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
DEFLATED, BIG = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"
RLE, BASELINE, EXTENDED = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"
LOSSLESS, SV1 = "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"
JPEG_LS, NEAR = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"
J2K, J2K_LOSSY = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"
NATIVE = [IMPLICIT, EXPLICIT, DEFLATED, BIG]
LOSSY = [BASELINE, EXTENDED, NEAR, J2K_LOSSY]
REVERSIBLE = [*NATIVE, RLE, LOSSLESS, SV1, JPEG_LS, J2K]


def shipped(name: str) -> bytes:
    path = get_testdata_file(name, download=False)
    assert path is not None
    with open(str(path), "rb") as file:
        return file.read()


def image(
    samples: np.ndarray[Any, Any], stored: int, photometric: str, frames: int = 1, planar: int = 0
) -> bytes:
    """A file of samples (frames, rows, columns[, 3])."""
    dataset = Dataset()
    dataset.file_meta = Dataset()  # type: ignore[assignment]
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = "1.2.3.4"
    dataset.PatientName = "Odd^Length"
    dataset.add_new(0x00091001, "UN", b"\1\2\3\4")
    dataset.NumberOfFrames = frames
    dataset.Rows, dataset.Columns = samples.shape[1:3]
    dataset.SamplesPerPixel = 3 if samples.ndim == 4 else 1
    dataset.PhotometricInterpretation = photometric
    if samples.ndim == 4:
        dataset.PlanarConfiguration = planar
    dataset.BitsAllocated = samples.dtype.itemsize * 8
    dataset.BitsStored, dataset.HighBit = stored, stored - 1
    dataset.PixelRepresentation = int(samples.dtype.kind == "i")
    ordered = samples.transpose(0, 3, 1, 2) if planar else samples
    value = ordered.astype(samples.dtype.newbyteorder("<")).tobytes()
    dataset.PixelData = value + b"\0" * (len(value) % 2)
    written = io.BytesIO()
    dataset.save_as(written, enforce_file_format=True)
    return written.getvalue()


@st.composite
def images(draw: st.DrawFn) -> bytes:
    """Images of all layouts that are compressed: bits, signs, colours, frames, planes."""
    allocated = draw(st.sampled_from([8, 16]))
    stored = draw(st.integers(allocated - 7, allocated))
    signed = allocated == 16 and draw(st.booleans())
    is_colour = not signed and draw(st.booleans())
    frames, rows, columns = draw(st.integers(1, 3)), draw(st.integers(32, 40)), draw(st.integers(32, 40))
    shape = (frames, rows, columns, 3) if is_colour else (frames, rows, columns)
    least = -(1 << (stored - 1)) if signed else 0
    dice = np.random.default_rng(draw(st.integers(0, 2**32)))
    samples = dice.integers(least, least + (1 << stored), shape).astype(
        f"{'i' if signed else 'u'}{allocated // 8}"
    )
    planar = draw(st.integers(0, 1)) if is_colour else 0
    return image(samples, stored, "RGB" if is_colour else "MONOCHROME2", frames, planar)


def pixels(file: bytes) -> bytes:
    """Native pixels, pixel by pixel."""
    dataset = dcmread(io.BytesIO(transcode(file, EXPLICIT).file))
    return bytes(dataset.pixel_array.tobytes())


def elements(file: bytes) -> dict[int, Any]:
    ignored = (0x00280004, 0x00280006, 0x7FE00010)
    return {int(e.tag): e.value for e in dcmread(io.BytesIO(file)) if e.tag not in ignored}


@given(images(), st.sampled_from(REVERSIBLE), st.sampled_from(REVERSIBLE))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_is_reversible_loses_nothing(file: bytes, first: str, second: str) -> None:
    there = transcode(file, first)
    assert dcmread(io.BytesIO(there.file)).file_meta.TransferSyntaxUID == first
    assert elements(there.file) == elements(file)
    again = transcode(there.file, second).file
    assert elements(again) == elements(file)
    assert pixels(again) == pixels(file)


@pytest.mark.parametrize("syntax", REVERSIBLE)
@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "examples_rgb_color.dcm", "MR_small_bigendian.dcm", "JPEG2000.dcm"]
)
def test_pydicom_reads_what_was_written(name: str, syntax: str) -> None:
    before = dcmread(io.BytesIO(transcode(shipped(name), EXPLICIT).file)).pixel_array
    made = dcmread(io.BytesIO(transcode(shipped(name), syntax).file))
    if syntax not in (LOSSLESS, SV1):  # pydicom has no plugin for them here
        assert np.array_equal(made.pixel_array, before)


def test_the_same_transfer_syntax_gives_the_same_bytes() -> None:
    assert transcode(shipped("CT_small.dcm"), EXPLICIT).file == shipped("CT_small.dcm")


@pytest.mark.parametrize("syntax", LOSSY)
def test_a_loss_makes_another_instance(syntax: str) -> None:
    file = shipped("examples_rgb_color.dcm")
    before, made = dcmread(io.BytesIO(file)), transcode(file, syntax)
    after = dcmread(io.BytesIO(made.file))
    assert after.SOPInstanceUID == made.sop_instance_uid != before.SOPInstanceUID
    assert after.file_meta.MediaStorageSOPInstanceUID == after.SOPInstanceUID
    assert after.LossyImageCompression == "01"
    assert after.ImageType[0] == "DERIVED"
    assert after.SourceImageSequence[0].ReferencedSOPInstanceUID == before.SOPInstanceUID
    assert float(after.LossyImageCompressionRatio) == pytest.approx(
        before.pixel_array.nbytes / len(after.PixelData), rel=0.01
    )
    assert transcode(file, syntax).file == made.file
    assert transcode(file, syntax, 50).sop_instance_uid != made.sop_instance_uid


def test_near_lossless_is_near() -> None:
    file = shipped("CT_small.dcm")
    before, after = (np.frombuffer(pixels(f), "<i2").astype(int) for f in (file, transcode(file, NEAR).file))
    assert 0 < np.abs(before - after).max() <= 2


def test_a_higher_quality_is_nearer_and_larger() -> None:
    file = shipped("examples_overlay.dcm")
    original = np.frombuffer(pixels(file), "<u2").astype(int)
    for syntax in (EXTENDED, J2K_LOSSY):
        sizes, errors = [], []
        for quality in (20, 60, 95):
            made = transcode(file, syntax, quality).file
            sizes.append(len(made))
            errors.append(np.abs(np.frombuffer(pixels(made), "<u2").astype(int) - original).mean())
        assert sizes == sorted(sizes)
        assert errors == sorted(errors, reverse=True)


def test_a_second_loss_is_added_to_the_first() -> None:
    twice = transcode(transcode(shipped("examples_rgb_color.dcm"), BASELINE).file, NEAR).file
    dataset = dcmread(io.BytesIO(twice))
    assert list(dataset.LossyImageCompressionMethod) == ["ISO_10918_1", "ISO_14495_1"]
    assert len(dataset.LossyImageCompressionRatio) == 2


def test_a_file_without_pixels_changes_its_encoding_alone() -> None:
    made = transcode(shipped("rtplan.dcm"), JPEG_LS).file
    assert elements(made) == elements(shipped("rtplan.dcm"))


@pytest.mark.parametrize(
    ("name", "syntax"),
    [
        ("CT_small.dcm", BASELINE),  # signed, 16 bits
        ("examples_palette.dcm", BASELINE),
        ("examples_palette.dcm", NEAR),
        ("examples_palette.dcm", J2K_LOSSY),
        ("liver_1frame.dcm", JPEG_LS),  # 1 bit
        ("rtdose.dcm", J2K),  # 32 bits
        ("SC_ybr_full_422_uncompressed.dcm", RLE),
        ("CT_small.dcm", "1.2.840.10008.1.2.4.100"),  # MPEG-2
    ],
)
def test_what_cannot_be_is_refused(name: str, syntax: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        transcode(shipped(name), syntax)


@pytest.mark.parametrize("frames", ["0", "-1", "1000000000", "x"])
@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_RLE.dcm", "SC_rgb_jpeg_dcmtk.dcm"])
def test_absurd_numbers_of_frames_are_refused(name: str, frames: str) -> None:
    dataset = dcmread(io.BytesIO(shipped(name)))
    dataset[0x00280008] = RawDataElement(Tag(0x00280008), "IS", 0, frames.encode(), 0, False, True)
    written = io.BytesIO()
    dataset.save_as(written)
    for syntax in {RLE, JPEG_LS, J2K, SV1} - {str(dataset.file_meta.TransferSyntaxUID)}:
        with pytest.raises((BadFileFormat, UnsupportedMediaType, PayloadTooLarge)):
            transcode(written.getvalue(), syntax)


@pytest.mark.parametrize("syntax", ["", "1.2.3", "nonsense", f"{EXPLICIT} "])
def test_an_unknown_transfer_syntax_is_refused(syntax: str) -> None:
    with pytest.raises(ParameterOutOfRange):
        transcode(shipped("CT_small.dcm"), syntax)


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "MR_small_RLE.dcm", "SC_rgb_jpeg_gdcm.dcm", "JPGExtended.dcm"]
)
def test_spoiled_files_are_refused_or_transcoded(name: str) -> None:
    dice = np.random.default_rng(7)
    whole = shipped(name)
    for _ in range(40):
        spoiled = bytearray(whole[: dice.integers(400, len(whole) + 1)])
        for _ in range(dice.integers(0, 5)):
            spoiled[dice.integers(132, len(spoiled))] = dice.integers(0, 256)
        for syntax in sorted(WRITABLE):
            with suppress(BadFileFormat, UnsupportedMediaType, PayloadTooLarge):
                transcode(bytes(spoiled), syntax)
