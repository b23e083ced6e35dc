"""DICOM files put together byte by byte, so that they can hold what no writer would write."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

IMPLICIT, LITTLE, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
SECONDARY_CAPTURE = b"1.2.840.10008.5.1.4.1.1.7"
UNDEFINED = 0xFFFFFFFF
LONG = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"])
"""The VRs with a length of 32 bits (PS3.5, table 7.1-1)."""


@dataclass(frozen=True)
class Element:
    """A data element: its tag, its VR, and its value as bytes or as the items of a sequence."""

    tag: int
    vr: str
    value: bytes | Sequence[Sequence[Element]]
    undefined_length: bool = False


def encode(elements: Iterable[Element], syntax: str = LITTLE) -> bytes:
    """A dataset in a transfer syntax, its elements in order of their tags."""
    return b"".join(_encode(element, syntax) for element in sorted(elements, key=lambda e: e.tag))


def text(tag: int, vr: str, value: str | bytes) -> Element:
    """An element with a text, padded to an even length."""
    data = value.encode("latin-1") if isinstance(value, str) else value
    padding = b"\0" if vr == "UI" else b" "
    return Element(tag, vr, data + padding * (len(data) % 2))


def dicom(
    elements: Iterable[Element], syntax: str = LITTLE, *, preamble: bool = True, without: int | None = None
) -> bytes:
    """A file with the given elements over those that every instance has, but for one."""
    default = [
        text(0x00080016, "UI", SECONDARY_CAPTURE),
        text(0x00080018, "UI", "1.2.3.4"),
        text(0x00080060, "CS", "OT"),
        text(0x00100010, "PN", "Made^File"),
        text(0x00100020, "LO", "made"),
        text(0x0020000D, "UI", "1.2.3.1"),
        text(0x0020000E, "UI", "1.2.3.2"),
    ]
    merged = {e.tag: e for e in default} | {e.tag: e for e in elements}
    dataset = encode((e for e in merged.values() if e.tag != without), syntax)
    if syntax == DEFLATED:
        dataset = _store_deflated(dataset)
    meta = encode(
        [
            Element(0x00020001, "OB", b"\0\1"),
            text(0x00020002, "UI", SECONDARY_CAPTURE),
            text(0x00020003, "UI", "1.2.3.4"),
            text(0x00020010, "UI", syntax),
            text(0x00020012, "UI", "1.2.3.9"),
        ]
    )
    length = _encode(Element(0x00020000, "UL", struct.pack("<I", len(meta))), LITTLE)
    return (bytes(128) + b"DICM" + length + meta if preamble else b"") + dataset


def numbers(tag: int, vr: str, values: Sequence[float], syntax: str = LITTLE) -> Element:
    """An element with binary numbers."""
    code = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "UV": "Q", "SV": "q"}[vr]
    return Element(tag, vr, struct.pack(f"{_order(syntax)}{len(values)}{code}", *values))


def _encode(element: Element, syntax: str) -> bytes:
    order = _order(syntax)
    value = element.value if isinstance(element.value, bytes) else _items(element, syntax)
    length = UNDEFINED if element.undefined_length else len(value)
    head = struct.pack(f"{order}HH", element.tag >> 16, element.tag & 0xFFFF)
    if syntax == IMPLICIT:
        head += struct.pack(f"{order}I", length)
    elif element.vr in LONG:
        head += element.vr.encode() + struct.pack(f"{order}HI", 0, length)
    else:
        head += element.vr.encode() + struct.pack(f"{order}H", length)
    return head + value


def _items(element: Element, syntax: str) -> bytes:
    """The items of a sequence, with delimiters where lengths are undefined."""
    order = _order(syntax)
    mark = struct.Struct(f"{order}HHI")
    encoded = b""
    for item in element.value:
        assert not isinstance(item, int)
        data = encode(item, syntax)
        if element.undefined_length:
            data += mark.pack(0xFFFE, 0xE00D, 0)
        encoded += mark.pack(0xFFFE, 0xE000, UNDEFINED if element.undefined_length else len(data)) + data
    return encoded + (mark.pack(0xFFFE, 0xE0DD, 0) if element.undefined_length else b"")


def _order(syntax: str) -> str:
    return ">" if syntax == BIG else "<"


def _store_deflated(data: bytes) -> bytes:
    """Deflate without compressing, so that the bytes do not depend on zlib's version (RFC 1951, section 3.2.4)."""
    blocks = [data[start : start + 65535] for start in range(0, len(data), 65535)]
    last = len(blocks) - 1
    return b"".join(
        struct.pack("<BHH", number == last, len(block), len(block) ^ 0xFFFF) + block
        for number, block in enumerate(blocks)
    )
