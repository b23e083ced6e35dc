"""DICOM files with images: those that pydicom ships, and made ones that differ from a plain image in one thing."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BytesIO
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Any

import pydicom
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset

from chalicelib.dicom import rendering

IMPLICIT, LITTLE, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED, RLE = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.5"

PLAIN = {
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "Rows": 4,
    "Columns": 6,
    "BitsAllocated": 16,
    "BitsStored": 16,
    "HighBit": 15,
    "PixelRepresentation": 0,
}
BYTES = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
BITS = {"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0, "Rows": 6, "Columns": 8}
COLOUR = {**BYTES, "SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
COLOUR_16 = {**COLOUR, "BitsAllocated": 16, "BitsStored": 16, "HighBit": 15}
PALETTE = {**BYTES, "PhotometricInterpretation": "PALETTE COLOR"}
NOISE = Random(1).randbytes(400_000)


def header(**elements: Any) -> Dataset:
    """The header of a plain image of 4 rows, 6 columns and 16 bits, but for `elements`; None leaves one out."""
    dataset = Dataset()
    for keyword, value in {**PLAIN, **elements}.items():
        if value is not None:
            setattr(dataset, keyword, value)
    return dataset


def file(pixels: bytes | None = NOISE[:48], syntax: str = LITTLE, vr: str = "OW", **elements: Any) -> bytes:
    """A DICOM file with the image of `header`."""
    dataset = header(**elements)
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    dataset.SOPInstanceUID, dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.1", "1.2.2", "1.2.3"
    dataset.PatientID, dataset.Modality = "rendering", "OT"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    if pixels is not None:
        dataset.add_new("PixelData", vr, pixels)
        dataset["PixelData"].is_undefined_length = syntax == RLE
    written = BytesIO()
    pydicom.dcmwrite(written, dataset, enforce_file_format=True)
    return written.getvalue()


def pack(data: bytes) -> bytes:
    """One RLE segment: a run for each stretch of equal bytes."""
    packed = bytearray()
    for value, group in groupby(data):
        count = len(list(group))
        while count:
            run = min(count, 128)
            packed += bytes([257 - run if run > 1 else 0, value])
            count -= run
    return bytes(packed)


def rle_frame(*segments: bytes, count: int | None = None, offsets: list[int] | None = None) -> bytes:
    """A frame of packed segments; its header's count and offsets are right unless given."""
    if offsets is None:
        offsets = [64 + sum(map(len, segments[:number])) for number in range(len(segments))]
    fields = [len(segments) if count is None else count, *offsets]
    return struct.pack("<16I", *fields, *[0] * (16 - len(fields))) + b"".join(segments)


def items(*fragments: bytes, table: bytes = b"") -> bytes:
    """Encapsulated pixel data."""
    even = [fragment + b"\0" * (len(fragment) % 2) for fragment in (table, *fragments)]
    return b"".join(struct.pack("<II", 0xE000FFFE, len(fragment)) + fragment for fragment in even)


def rle_file(frame: bytes, **elements: Any) -> bytes:
    """A DICOM file with one RLE frame."""
    return file(items(frame), RLE, "OB", **elements)


def palette(entries: int = 256, vr: str = "OW", order: str = "<", **elements: Any) -> dict[str, Any]:
    """The elements of a palette image; `elements` over all."""
    table: dict[str, Any] = {}
    for number, colour in enumerate(("Red", "Green", "Blue")):
        words = struct.unpack_from(f"<{entries}H", NOISE, number * 1000)
        name = f"{colour}PaletteColorLookupTable"
        table[f"{name}Descriptor"] = [entries % 65536, 0, 16]
        table[f"{name}Data"] = struct.pack(f"{order}{entries}H", *words)
    return {**PALETTE, **table, **elements}


def shipped() -> Iterator[tuple[str, bytes]]:
    """Every DICOM file of pydicom's wheel, images or not, by name."""
    root = Path(pydicom.__file__).parent / "data"
    for path in sorted(root.rglob("*")):
        data = path.read_bytes() if path.is_file() else b""
        if data[128:132] == b"DICM":
            yield path.relative_to(root).as_posix(), data


def made() -> Iterator[tuple[str, bytes]]:
    """Made files, by name."""
    yield from _depths()
    yield from _bad_headers()
    yield from _lengths_and_frames()
    yield from _bitmaps()
    yield from _colours()
    yield from _palettes()
    yield from _big_endian()
    yield from _rle()
    yield from _bad_rle()


def _depths() -> Iterator[tuple[str, bytes]]:
    wide = {"Rows": 200, "Columns": 300}
    for name, pixels in {
        "levels": NOISE[:120_000],
        "smooth": bytes(range(250)) * 480,
        "one": b"\5\0" * 60_000,
    }.items():
        for representation in (0, 1):
            for photometric in ("MONOCHROME1", "MONOCHROME2"):
                kind = {"PixelRepresentation": representation, "PhotometricInterpretation": photometric}
                yield f"16 bits {name} {representation} {photometric}", file(pixels, **wide, **kind)
    for representation in (0, 1):
        for stored, high in (
            (12, 11),
            (12, 15),
            (12, 13),
            (12, 10),
            (12, 47),
            (10, 9),
            (8, 15),
            (8, 7),
            (2, 5),
        ):
            stays = {"BitsStored": stored, "HighBit": high, "PixelRepresentation": representation}
            yield f"16 bits, {stored} stored up to {high}, {representation}", file(**stays)
        for stored, high in ((8, 7), (7, 6), (4, 7), (8, 9), (8, 40), (8, 3)):
            stays = {"BitsStored": stored, "HighBit": high, "PixelRepresentation": representation}
            yield f"8 bits, {stored} stored up to {high}, {representation}", file(**{**BYTES, **stays})
        for allocated in (12, 24, 32, 64):
            deep = {"BitsAllocated": allocated, "BitsStored": allocated, "HighBit": allocated - 1}
            yield (
                f"{allocated} bits, {representation}",
                file(NOISE[:192], PixelRepresentation=representation, **deep),
            )
    yield "implicit", file(syntax=IMPLICIT)
    yield "deflated", file(syntax=DEFLATED)


def _bad_headers() -> Iterator[tuple[str, bytes]]:
    for keyword in PLAIN:
        yield f"no {keyword}", file(**{keyword: None})
    for photometric in ("monochrome1", "ARGB", "CMYK", "RGB", "YBR_FULL", "UNKNOWN", "PALETTE COLOR"):
        yield f"one sample of {photometric}", file(PhotometricInterpretation=photometric)
    for samples in (0, 2, 3, 4):
        yield f"{samples} samples of gray", file(NOISE[:192], SamplesPerPixel=samples)
    for name, size in {
        "no rows": (0, 6),
        "no columns": (4, 0),
        "absurd": (65535, 65535),
        "row": (1, 24),
    }.items():
        yield f"size: {name}", file(Rows=size[0], Columns=size[1])
    yield "more bits stored than allocated", file(BitsStored=17, HighBit=16)
    yield "planar gray", file(PlanarConfiguration=1)
    yield "planar configuration 2", file(PlanarConfiguration=2)
    yield "pixel representation 2", file(PixelRepresentation=2)


def _lengths_and_frames() -> Iterator[tuple[str, bytes]]:
    for length in (0, 2, 46, 50):
        yield f"{length} bytes", file(NOISE[:length])
    yield "no pixel data", file(None)
    for frames in ("1", "2", "0", "-1"):
        yield f"two frames, said to be {frames}", file(NOISE[:96], NumberOfFrames=frames)
    yield "odd frames", file(NOISE[:46], NumberOfFrames=5, **{**COLOUR, "Rows": 1, "Columns": 3})


def _bitmaps() -> Iterator[tuple[str, bytes]]:
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        kind = {**BITS, "PhotometricInterpretation": photometric}
        yield f"bitmap {photometric}", file(NOISE[:6], **kind)
        yield f"bitmap of zeros {photometric}", file(b"\0" * 6, **kind)
        yield f"bitmap of ones {photometric}", file(b"\xff" * 6, **kind)
    yield "bitmap of 12 columns", file(NOISE[:6], **{**BITS, "Rows": 4, "Columns": 12})
    yield "bitmap, signed", file(NOISE[:6], **BITS, PixelRepresentation=1)
    yield "bitmap, too short", file(NOISE[:4], **BITS)
    yield "bitmap, two frames", file(NOISE[:12], **BITS, NumberOfFrames=2)


def _colours() -> Iterator[tuple[str, bytes]]:
    for planar in (None, 0, 1, 2):
        yield f"colour, planar {planar}", file(NOISE[:72], **{**COLOUR, "PlanarConfiguration": planar})
        yield (
            f"colour of 16 bits, planar {planar}",
            file(NOISE[:144], **{**COLOUR_16, "PlanarConfiguration": planar}),
        )
    for photometric in ("YBR_FULL", "YBR_FULL_422", "YBR_RCT", "HSV", "MONOCHROME2", "PALETTE COLOR"):
        yield (
            f"colour {photometric}",
            file(NOISE[:72], **{**COLOUR, "PhotometricInterpretation": photometric}),
        )
    for stored, high in ((7, 6), (8, 9), (8, 6)):
        yield (
            f"colour, {stored} stored up to {high}",
            file(NOISE[:72], **{**COLOUR, "BitsStored": stored, "HighBit": high}),
        )
    for stored, high in ((16, 17), (12, 11), (8, 7), (8, 15)):
        for planar in (0, 1):
            kind = {**COLOUR_16, "BitsStored": stored, "HighBit": high, "PlanarConfiguration": planar}
            yield (
                f"colour of 16 bits, {stored} stored up to {high}, planar {planar}",
                file(NOISE[:144], **kind),
            )
    yield "colour, signed", file(NOISE[:72], **{**COLOUR, "PixelRepresentation": 1})
    yield "colour, too short", file(NOISE[:70], **COLOUR)


def _palettes() -> Iterator[tuple[str, bytes]]:
    full = {"BitsAllocated": 16, "BitsStored": 16, "HighBit": 15}
    yield "palette", file(NOISE[:24], **palette())
    yield "palette, implicit", file(NOISE[:24], IMPLICIT, **palette())
    yield "palette of 65536 colours", file(**palette(65536, **full))
    yield "palette of 4096 colours", file(**palette(4096, **full))
    yield "palette of 200 colours", file(NOISE[:24], **palette(200))
    yield "palette, high bit 8", file(NOISE[:24], **palette(HighBit=8))
    yield "palette, signed", file(NOISE[:24], **palette(PixelRepresentation=1))
    yield "palette, cut off", file(NOISE[:24], **palette(GreenPaletteColorLookupTableData=NOISE[:510]))
    yield "palette of 8 bits", file(NOISE[:24], **palette(BluePaletteColorLookupTableDescriptor=[256, 0, 8]))
    yield "palette from 1 on", file(NOISE[:24], **palette(RedPaletteColorLookupTableDescriptor=[256, 1, 16]))
    yield "palette without blue", file(NOISE[:24], **palette(BluePaletteColorLookupTableData=None))
    yield "palette, two frames", file(NOISE[:48], **palette(NumberOfFrames=2))


def _big_endian() -> Iterator[tuple[str, bytes]]:
    for vr in ("OB", "OW"):
        yield f"big endian {vr}", file(syntax=BIG, vr=vr)
        yield f"big endian {vr}, signed", file(syntax=BIG, vr=vr, PixelRepresentation=1)
        yield f"big endian {vr}, bitmap", file(NOISE[:6], BIG, vr, **BITS)
        yield f"big endian {vr}, colour", file(NOISE[:72], BIG, vr, **COLOUR)
        yield (
            f"big endian {vr}, odd frames",
            file(NOISE[:18], BIG, vr, NumberOfFrames=2, **{**COLOUR, "Rows": 1, "Columns": 3}),
        )
        yield f"big endian {vr}, palette", file(NOISE[:24], BIG, vr, **palette(order=">"))


def _rle() -> Iterator[tuple[str, bytes]]:
    high, low, other = pack(bytes(24)), pack(b"\5\5\5\7" * 6), pack(NOISE[:24])
    gray, colour = rle_frame(low, other), rle_frame(low, high, other)
    yield "RLE", rle_file(gray)
    yield "RLE, signed", rle_file(gray, PixelRepresentation=1)
    yield "RLE, inverted", rle_file(gray, PhotometricInterpretation="MONOCHROME1")
    yield "RLE, 12 bits stored", rle_file(gray, BitsStored=12, HighBit=13, PixelRepresentation=1)
    yield "RLE, 8 bits", rle_file(rle_frame(other), **BYTES)
    yield "RLE, 8 bits, signed", rle_file(rle_frame(other), **BYTES, PixelRepresentation=1)
    yield (
        "RLE, long runs",
        rle_file(rle_frame(pack(bytes(300) + b"\x09" * 340)), **{**BYTES, "Rows": 1, "Columns": 640}),
    )
    yield "RLE, UNKNOWN", rle_file(rle_frame(other), **BYTES, PhotometricInterpretation="UNKNOWN")
    yield "RLE, bitmap", rle_file(rle_frame(other), **BITS)
    for planar in (0, 1, 2):
        yield f"RLE colour, planar {planar}", rle_file(colour, **{**COLOUR, "PlanarConfiguration": planar})
    yield "RLE colour YBR_FULL", rle_file(colour, **{**COLOUR, "PhotometricInterpretation": "YBR_FULL"})
    for planar in (0, 1):
        frame = rle_frame(low, other, other, low, high, low)
        yield (
            f"RLE colour of 16 bits, planar {planar}",
            rle_file(frame, **{**COLOUR_16, "PlanarConfiguration": planar}),
        )
    yield "RLE palette", rle_file(rle_frame(other), **palette())
    yield "RLE palette, 3x3", rle_file(rle_frame(pack(NOISE[:9])), **palette(Rows=3, Columns=3))


def _bad_rle() -> Iterator[tuple[str, bytes]]:
    low, other = pack(b"\5\5\5\7" * 6), pack(NOISE[:24])
    yield "RLE, last segment cut off", rle_file(rle_frame(low, other[:-10]))
    yield "RLE, last segment empty", rle_file(rle_frame(b""), **BYTES)
    yield "RLE, first segment cut off", rle_file(rle_frame(low[:-4], other))
    yield "RLE, too long", rle_file(rle_frame(pack(NOISE[:30])), **BYTES)
    yield "RLE, run over the end", rle_file(rle_frame(b"\x81\5", other))
    yield "RLE, too many segments", rle_file(rle_frame(low, other), **BYTES)
    yield "RLE, too few segments", rle_file(rle_frame(other))
    yield "RLE, 16 segments", rle_file(rle_frame(low, other, count=16))
    yield "RLE, header cut off", rle_file(rle_frame(low, other)[:40])
    yield "RLE, offsets beyond", rle_file(rle_frame(low, other, offsets=[64, 5000]))
    yield "RLE, offsets swapped", rle_file(rle_frame(low, other, offsets=[100, 64]))
    yield "RLE, gap between segments", rle_file(rle_frame(low + b"\1\2", other, offsets=[64, 66 + len(low)]))
    yield "RLE, more rows", rle_file(rle_frame(low, other), Rows=5)
    yield "RLE, absurd", rle_file(rle_frame(low, other), Rows=65535, Columns=65535)
    yield "RLE, no rows", rle_file(rle_frame(low, other), Rows=0)
    yield (
        "RLE, in two fragments",
        file(items(rle_frame(low, other)[:80], rle_frame(low, other)[80:]), RLE, "OB"),
    )
    yield "RLE, no fragment", file(items(), RLE, "OB")
    yield "RLE, wrong offset table", file(items(rle_frame(low, other), table=b"\7" * 8), RLE, "OB")


def render(data: bytes, media_type: str = "image/png") -> bytes:
    """Render the first frame of a DICOM file as a caller of the package has to."""
    dataset = dcmread(BytesIO(data))
    syntax = dataset.file_meta.TransferSyntaxUID
    value, vr = b"", "OW"
    if "PixelData" in dataset:
        value, vr = dataset["PixelData"].value or b"", dataset["PixelData"].VR
        del dataset["PixelData"]
    native = value[: rendering.frame_length_bytes(dataset)]
    frame = rendering.extract_first_frame(value) if syntax == RLE else native
    return rendering.render(dataset, syntax, frame, media_type, pixel_data_vr=vr)
