"""An element's value as one text, as Orthanc shows it: one small formatter for each VR."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

from chalicelib.dicom.elements import TEXT_VRS, Element

MAXIMUM_LENGTH = 256
"""Bytes in UTF-8 beyond which Orthanc leaves a value out."""

Decode = Callable[[bytes], str]
_PRINTABLE = re.compile(rb"[ -~\n]*")
_NUMBERS = {"US": ("H", 2), "SS": ("h", 2), "UL": ("I", 4), "SL": ("i", 4), "FL": ("f", 4), "FD": ("d", 8)}
"""Code of `struct` and size in bytes."""


def shown_value(element: Element, little_endian: bool, decode: Decode) -> str | None:
    """The text of an element, or None for what is binary, empty or malformed.

    Parameters
    ----------
    element
        Anything but a sequence.
    little_endian
        The byte order of its value.
    decode
        From the bytes of a text to what is shown of them.
    """
    if element.vr in TEXT_VRS:
        return decode(unpadded_text(element.vr, element.value).partition(b"\0")[0])
    if element.vr == "UN" and element.known_vr in TEXT_VRS:
        return _unknown_text(element, decode)
    order = "<" if little_endian else ">"
    if element.vr in _NUMBERS:
        return _numbers(element.value, *_NUMBERS[element.vr], order)
    return _tag(element.value, order) if element.vr == "AT" else None


def is_long_list(element: Element) -> bool:
    """Whether an element has so many numbers that their text is over-long, whatever they are."""
    known = _NUMBERS.get(element.vr)
    return known is not None and len(element.value) // known[1] > MAXIMUM_LENGTH // 2


def unpadded_text(vr: str, value: bytes) -> bytes:
    """A text without the padding behind it; of an odd length, which no writer should have made, all stays.

    A UID loses all white space.
    """
    if vr == "UI":
        return b"".join(value.rstrip(b" \0").split())
    return value if len(value) % 2 else value.rstrip(b" ")


def _unknown_text(element: Element, decode: Decode) -> str | None:
    """A text whose VR got lost (UN) and is known from the dictionary; private ones are shown if they are ASCII."""
    value = (element.value + b"\0" * (len(element.value) % 2)).removesuffix(b"\0")
    if not element.tag & 0x10000:
        return decode(value)
    return value.decode() if _PRINTABLE.fullmatch(value) else None


def _numbers(value: bytes, code: str, size: int, order: str) -> str | None:
    data = value + b"\0" * (len(value) % 2)
    count = len(data) // size
    if not count:
        return None
    numbers = struct.unpack_from(f"{order}{count}{code}", data)
    if code in "fd":
        return "\\".join([format(number, ".17g") for number in numbers])
    return "\\".join(map(str, numbers))


def _tag(value: bytes, order: str) -> str | None:
    """Of several tags Orthanc shows the first."""
    value += b"\0" * (len(value) % 2)
    if len(value) < 4:
        return None
    group, element = struct.unpack_from(f"{order}HH", value)
    return f"{group:04x},{element:04x}"
