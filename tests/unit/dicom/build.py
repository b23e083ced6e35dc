"""Parts of DICOM files, sound or not, and files of such parts."""

from __future__ import annotations

import struct

from tests.conformance.raw import (
    BIG,
    IMPLICIT,
    LITTLE,
    LONG,
    SECONDARY_CAPTURE,
    UNDEFINED,
    Element,
    encode,
    text,
)

PREAMBLE = bytes(128) + b"DICM"
SYNTAXES = {"implicit": IMPLICIT, "explicit": LITTLE, "big endian": BIG}
RLE = "1.2.840.10008.1.2.5"
META = [
    Element(0x00020001, "OB", b"\0\1"),
    text(0x00020002, "UI", SECONDARY_CAPTURE),
    text(0x00020003, "UI", "1.2.3.4"),
]
PLAIN = [
    text(0x00080016, "UI", SECONDARY_CAPTURE),
    text(0x00080018, "UI", "1.2.3.4"),
    text(0x00080060, "CS", "OT"),
    text(0x00100020, "LO", "made"),
    text(0x0020000D, "UI", "1.2.3.1"),
    text(0x0020000E, "UI", "1.2.3.2"),
]
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PATIENT_ID, SEQUENCE, PIXELS = 0x00100020, 0x00081140, 0x7FE00010


def meta(syntax: str | bytes | None, length: int | None = None, encoding: str = LITTLE) -> bytes:
    """File meta information with a group length, right or not."""
    elements = META if syntax is None else [*META, text(0x00020010, "UI", syntax)]
    encoded = encode(elements, encoding)
    group_length = struct.pack("<I", len(encoded) if length is None else length)
    return encode([Element(0x00020000, "UL", group_length)], encoding) + encoded


def dicom(*elements: Element, syntax: str = LITTLE, tail: bytes = b"", without: int | None = None) -> bytes:
    """A file with the elements in place of those of a plain one that have the same tags."""
    merged = {e.tag: e for e in PLAIN} | {e.tag: e for e in elements}
    kept = (e for e in merged.values() if e.tag != without)
    return PREAMBLE + meta(syntax) + encode(kept, syntax) + tail


def head(tag: int, vr: str | bytes, length: int, value: bytes = b"", *, long: bool | None = None) -> bytes:
    """An explicit element whose length may lie."""
    code = vr if isinstance(vr, bytes) else vr.encode()
    is_long = vr in LONG if long is None else long
    packed = struct.pack("<HI", 0, length) if is_long else struct.pack("<H", length)
    return struct.pack("<HH", tag >> 16, tag & 0xFFFF) + code + packed + value


def mark(tag: int, length: int = 0, value: bytes = b"") -> bytes:
    """An item, a delimiter or an implicit element."""
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, length) + value


def fragments(*parts: bytes) -> bytes:
    """Encapsulated pixel data: an empty offset table and fragments, without the delimiter."""
    return b"".join(mark(ITEM, len(part), part) for part in (b"", *parts))


def nested(depth: int, *, undefined: bool) -> bytes:
    """Sequences in sequences."""
    inner = b""
    for _ in range(depth):
        if undefined:
            items = mark(ITEM, UNDEFINED, inner) + mark(ITEM_END) + mark(SEQUENCE_END)
            inner = head(SEQUENCE, "SQ", UNDEFINED, items)
        else:
            items = mark(ITEM, len(inner), inner)
            inner = head(SEQUENCE, "SQ", len(items), items)
    return inner
