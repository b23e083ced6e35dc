"""Files made to be hostile or absurd: always the same ones, in families by what is wrong with them."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable, Iterator

from tests.conformance.raw import BIG, DEFLATED, IMPLICIT, LITTLE, UNDEFINED, Element, numbers, text
from tests.conformance.raw import dicom as sound
from tests.unit.dicom.build import (
    ITEM,
    PIXELS,
    PREAMBLE,
    RLE,
    SEQUENCE,
    SEQUENCE_END,
    dicom,
    fragments,
    head,
    mark,
    meta,
    nested,
)

Mutant = tuple[str, bytes]
"""What was done, and the file."""

MAIN_TAGS = (
    0x00100010,
    0x00100020,
    0x00100040,
    0x00080050,
    0x00081030,
    0x00080090,
    0x00321032,
    0x00321060,
    0x0008103E,
)
JPEG = "1.2.840.10008.1.2.4.50"
ROWS, COLUMNS, FRAMES = 0x00280010, 0x00280011, 0x00280008
SAMPLES, PLANAR, ALLOCATED, STORED_BITS, HIGH_BIT = 0x00280002, 0x00280006, 0x00280100, 0x00280101, 0x00280102


def hostile() -> dict[str, Callable[[], Iterator[Mutant]]]:
    """All by family."""
    return {
        "nested": _nested,
        "random": _random,
        "giant lengths": _giant,
        "absurd images": _images,
        "absurd frames": _encapsulated,
        "bombs": _bombs,
        "odd values": _values,
        "odd meta information": _meta,
    }


def _nested() -> Iterator[Mutant]:
    for depth in (2, 30, 100, 1000, 5000):
        for undefined in (True, False):
            yield f"{depth} deep, undefined {undefined}", dicom(tail=nested(depth, undefined=undefined))
    opened = head(SEQUENCE, "SQ", UNDEFINED, mark(ITEM, UNDEFINED))
    yield "opened 1,000 times", dicom(tail=opened * 1000)
    yield (
        "3,000 empty items",
        dicom(tail=head(SEQUENCE, "SQ", UNDEFINED, mark(ITEM) * 3000 + mark(SEQUENCE_END))),
    )
    yield "in implicit", dicom(syntax=IMPLICIT, tail=mark(SEQUENCE, UNDEFINED, mark(ITEM, UNDEFINED)) * 1000)
    yield "in UN", dicom(tail=head(0x00091001, "UN", UNDEFINED, mark(ITEM, UNDEFINED)) * 1000)


def _random() -> Iterator[Mutant]:
    dice = random.Random("random")
    starts = (
        b"",
        b"\0",
        b"PK\3\4",
        b"\x1f\x8b",
        PREAMBLE,
        PREAMBLE + meta(LITTLE),
        PREAMBLE + meta(DEFLATED),
    )
    for start in starts:
        for size in (1, 7, 100, 1000, 20_000):
            yield f"{size} bytes after {start[-4:]!r}", start + dice.randbytes(size)
        yield f"zeros after {start[-4:]!r}", start + bytes(5000)
        yield f"ones after {start[-4:]!r}", start + b"\xff" * 5000


def _giant() -> Iterator[Mutant]:
    for vr in ("OB", "UN", "SQ", "UT", "LO", "FD"):
        for tag in (0x00091001, 0x00104000, PIXELS):
            for length in (0xFFFF,) if vr in ("LO", "FD") else (0x7FFFFFFF, 0xFFFFFFFE, UNDEFINED):
                yield f"{vr} of {length:#x} at {tag:#010x}", dicom(tail=head(tag, vr, length, b"abcd"))
    for length in (0x7FFFFFFF, UNDEFINED):
        yield f"item of {length:#x}", dicom(tail=head(SEQUENCE, "SQ", UNDEFINED, mark(ITEM, length, b"abcd")))
        yield f"implicit, {length:#x}", dicom(syntax=IMPLICIT, tail=mark(PIXELS, length, b"abcd"))
        yield f"meta of {length:#x}", PREAMBLE + meta(LITTLE, length) + sound([], preamble=False)


def _image(tags: dict[int, Element], syntax: str = LITTLE, pixels: bytes = bytes(512)) -> bytes:
    plain = {ROWS: 16, COLUMNS: 16, SAMPLES: 1, ALLOCATED: 16, STORED_BITS: 16, HIGH_BIT: 15, 0x00280103: 0}
    elements = {tag: numbers(tag, "US", [value], syntax) for tag, value in plain.items()}
    elements[0x00280004] = text(0x00280004, "CS", "MONOCHROME2")
    elements[PIXELS] = Element(PIXELS, "OW", pixels)
    return sound((elements | tags).values(), syntax)


def _images() -> Iterator[Mutant]:
    """Images whose module lies about the pixel data."""
    sizes = (0, 1, 17, 65535)
    for rows in sizes:
        for columns in sizes:
            tags = {ROWS: numbers(ROWS, "US", [rows]), COLUMNS: numbers(COLUMNS, "US", [columns])}
            yield f"{rows} x {columns}", _image(tags)
    for frames in ("0", "-1", "2", "99999999999", "1e9", "NaN", "1\\2", " ", "x", "9" * 5000):
        yield f"{frames[:12]} frames", _image({FRAMES: text(FRAMES, "IS", frames)})
    for tag in (SAMPLES, PLANAR, ALLOCATED, STORED_BITS, HIGH_BIT):
        for value in (0, 7, 64, 65535):
            yield f"{tag:#010x} is {value}", _image({tag: numbers(tag, "US", [value])})
    for tag in (ROWS, ALLOCATED, SAMPLES):
        yield f"{tag:#010x} is text", _image({tag: text(tag, "LO", "many")})
        yield f"{tag:#010x} is empty", _image({tag: Element(tag, "US", b"")})
        yield f"{tag:#010x} is two", _image({tag: numbers(tag, "US", [16, 16])})
        yield f"{tag:#010x} is a sequence", _image({tag: Element(tag, "SQ", [[]])})
    for name in ("", "RGB", "PALETTE COLOR", "YBR_FULL_422", "MONOCHROME1", "\xff\xfe"):
        yield f"photometric {name!r}", _image({0x00280004: text(0x00280004, "CS", name)})
    window = {0x00281050: text(0x00281050, "DS", "NaN"), 0x00281051: text(0x00281051, "DS", "-1e308")}
    yield "odd window", _image(window)
    yield "odd slope", _image({0x00281053: text(0x00281053, "DS", "1e400")})
    yield "big endian", _image({ROWS: numbers(ROWS, "US", [65535], BIG)}, BIG)


def _encapsulated() -> Iterator[Mutant]:
    """Compressed images whose frames, or tables of them, lie."""
    us = {ROWS: 65535, COLUMNS: 65535, SAMPLES: 1, ALLOCATED: 16, STORED_BITS: 16, HIGH_BIT: 15}
    module = [numbers(tag, "US", [value]) for tag, value in us.items()]
    module.append(text(0x00280004, "CS", "MONOCHROME2"))
    run = struct.pack("<16I", 2, 64, 128, *([0] * 13)) + b"\x81\0" * 100
    lying = struct.pack("<16I", UNDEFINED, *([UNDEFINED] * 15))
    end = mark(SEQUENCE_END)
    table = mark(ITEM, 8, struct.pack("<2I", UNDEFINED, 0)) + mark(ITEM, 4, b"abcd") + end
    values = {
        "runs": fragments(run) + end,
        "lying segments": fragments(lying) + end,
        "nothing": fragments() + end,
        "no end": fragments(run),
        "lying table": table,
        "giant fragment": mark(ITEM) + mark(ITEM, UNDEFINED, b"abcd") + end,
        "no table": end,
        "10,000 fragments": fragments(*([b"ab"] * 10_000)) + end,
    }
    for syntax in (RLE, JPEG, "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.9999"):
        for name, value in values.items():
            tail = head(PIXELS, "OB", UNDEFINED, value)
            yield f"{name} in {syntax}", dicom(*module, syntax=syntax, tail=tail)
            if syntax in (RLE, JPEG):
                frames = text(FRAMES, "IS", "1000000")
                yield (
                    f"{name} in {syntax}, 1,000,000 frames",
                    dicom(*module, frames, syntax=syntax, tail=tail),
                )


def deflated_image(megabytes: int) -> bytes:
    """A deflated instance with that much pixel data, all zeros: a thousandth of the size."""
    size = megabytes << 20
    return PREAMBLE + meta(DEFLATED) + _deflate(_elements() + head(PIXELS, "OW", size), size)


def _elements() -> bytes:
    """What every instance has, without meta information."""
    return dicom(syntax=LITTLE)[len(PREAMBLE + meta(LITTLE)) :]


def _bombs() -> Iterator[Mutant]:
    """Deflated datasets that inflate to a thousand times their size and more."""
    plain = PREAMBLE + meta(DEFLATED)
    elements = _elements()
    yield "2 MB of pixels", deflated_image(2)
    yield "2 MB of text", plain + _deflate(elements + head(0x00404000, "UT", 2 << 20), 2 << 20)
    yield "300 MB of zeros", plain + _deflate(b"", 300 << 20)
    yield "cut off", plain + _deflate(elements, 1 << 20)[:-10]
    yield "with something behind", plain + _deflate(elements, 0) + b"junk" * 100
    yield "10,000 small elements", plain + _deflate(elements + head(0x00091001, "LO", 0) * 10_000, 0)


def _deflate(start: bytes, zeros: int) -> bytes:
    """That many zeros after a `start`, by blocks of 1 MB that need none before them."""
    pieces = [start, *[bytes(1 << 20)] * min(zeros >> 20, 1)]
    first, *block = [_deflated(piece, zlib.Z_FULL_FLUSH) for piece in pieces]
    return first + b"".join(block) * (zeros >> 20) + _deflated(b"", zlib.Z_FINISH)


def _deflated(data: bytes, flush: int) -> bytes:
    deflater = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    return deflater.compress(data) + deflater.flush(flush)


def _values() -> Iterator[Mutant]:
    """Sound files with values that nobody expects."""
    uids = (0x00080018, 0x0020000D, 0x0020000E)
    for tag in (*uids, 0x00100020, 0x00100010, 0x00080020, 0x00200013, 0x00080005):
        for value in (
            b"",
            b" ",
            b"\0" * 8,
            b"\xff\xfe\x80",
            b"a\\b\\" * 50,
            b"../../x",
            b"x" * 60_000,
            b"a\r\nb: c",
        ):
            yield f"{tag:#010x} is {value[:12]!r}", sound([text(tag, "UI" if tag in uids else "LO", value)])
    for tag in uids:
        yield f"no {tag:#010x}", sound([], without=tag)
        yield f"{tag:#010x} is a sequence", sound([Element(tag, "SQ", [[]])])
        yield f"{tag:#010x} is binary", sound([Element(tag, "FD", b"\1\2\3")])
    for name in (
        "ISO 2022 IR 87",
        "ISO_IR 192",
        "GB18030",
        "ISO 2022 IR 6\\ISO 2022 IR 149",
        "no such",
        "\\" * 99,
    ):
        broken = text(0x00100010, "PN", b"\x1b$B\xff\x1b$)C\x80=\xe3=" + b"\x1b" * 9)
        yield f"broken text in {name[:20]}", sound([text(0x00080005, "CS", name), broken])
    for vr in ("US", "FD", "AT", "IS", "DS", "DA", "TM", "PN", "UI", "UN", "OB"):
        yield f"odd bytes in {vr}", sound([Element(0x00091001, vr, b"\x81\x02\xff")])
    yield "500 items", sound([Element(0x00091001, "SQ", [[]] * 500)])
    utf8 = text(0x00080005, "CS", "ISO_IR 192")
    for tag in (0x00100020, 0x00080050, 0x00081030, 0x0008103E, 0x00200013):
        yield f"256 emoji in {tag:#010x}", sound([utf8, text(tag, "LO", "\U0001f600".encode() * 256)])
        yield f"256 KB in {tag:#010x}", sound([text(tag, "LO", b"a" * (1 << 18))], IMPLICIT)
    longest = [text(tag, "LO", b"b" * 250) for tag in MAIN_TAGS]
    yield "all main tags long", sound([utf8, *longest])
    yield "all main tags too long", sound([text(tag, "LO", b"c" * 60_000) for tag in MAIN_TAGS])


def _meta() -> Iterator[Mutant]:
    body = sound([], preamble=False)
    for syntax in ("", "x", "1.2.840.10008.1.2.4.999", "1." * 500, b"\xff\xfe", DEFLATED, BIG, IMPLICIT):
        yield f"syntax {syntax[:12]!r}", PREAMBLE + meta(syntax) + body
    for length in (0, 1, 7, 100_000):
        yield f"length {length}", PREAMBLE + meta(LITTLE, length) + body
    yield "twice", PREAMBLE + meta(LITTLE) + meta(BIG) + body
    yield "meta only", PREAMBLE + meta(LITTLE)
    yield "no meta", PREAMBLE + body
    yield "preamble alone", PREAMBLE
    yield "two files", sound([]) + sound([])
