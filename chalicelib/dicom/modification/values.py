"""New values of elements, from what JSON has of them to the bytes of a file (PS3.5 section 6.2)."""

from __future__ import annotations

import binascii
import re
import struct
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.dicom.dictionary import Dictionary
from chalicelib.dicom.elements import TEXT_VRS, implicit_vr
from chalicelib.dicom.modification.paths import parse_path
from chalicelib.domain.errors import BadFileFormat, BadParameterType, BadRequest
from chalicelib.domain.main_dicom_tags import hexadecimal

if TYPE_CHECKING:
    from pydicom import Dataset

_INTEGERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q"}
_SEQUENCES = frozenset(("SQ", "UN"))
"""The VRs that may have items; UN is also that of tags that nobody knows."""
_FLOATS = {"FL": "f", "FD": "d"}
_DATA_URI = re.compile(r"data:[^;,]*;base64,(.*)", re.DOTALL)
_AT = re.compile(r"\(?([0-9a-fA-F]{4}),?([0-9a-fA-F]{4})\)?")

Encode = Callable[[str], bytes]
"""Encodes a text in the character set of the file."""


def new_value(
    dataset: Dataset, tag: int, creator: str, value: Any, encode: Encode, dictionary: Dictionary
) -> tuple[str, bytes | list[Dataset]]:
    """The VR and the bytes, or the items, of an element that gets a new value.

    Parameters
    ----------
    dataset
        Where it will be.
    creator
        The private creator of its block, or an empty text.
    value
        A text, a list of items by tag, or None for an empty one.

    Raises
    ------
    BadParameterType
        It is of another type.
    BadFileFormat
        The text is no value of this element.
    """
    vr = implicit_vr(tag, dictionary.find(tag, creator).vr, dataset)
    if isinstance(value, list) and vr in _SEQUENCES:
        return "SQ", [_item(dataset, item, encode, dictionary) for item in value]
    if value is not None and not isinstance(value, str):
        raise BadParameterType(f"Bad Parameter type for tag {hexadecimal(tag)}")
    text = value or ""
    if vr == "SQ":
        raise _out_of_range(tag)
    match = _DATA_URI.fullmatch(text)
    if match:
        return vr, _decoded(match[1])
    return vr, _bytes(dataset, tag, vr, text, encode)


def _item(parent: Dataset, values: Any, encode: Encode, dictionary: Dictionary) -> Dataset:
    from pydicom import Dataset

    from chalicelib.dicom.raw_elements import put

    if not isinstance(values, Mapping):
        raise BadParameterType
    item = Dataset()
    item.set_original_encoding(*parent.original_encoding)
    for text, value in values.items():
        path = parse_path(text, dictionary)
        if path.steps:
            raise BadRequest("An item is given with its elements, not with paths")
        put(item, path.tag, *new_value(item, path.tag, "", value, encode, dictionary))
    return item


def _bytes(dataset: Dataset, tag: int, vr: str, text: str, encode: Encode) -> bytes:
    if vr in TEXT_VRS or vr not in {*_INTEGERS, *_FLOATS, "AT"}:
        return encode(text)
    if not text:
        return b""
    order = "<" if dataset.original_encoding[1] else ">"
    try:
        return b"".join(_number(vr, part, order) for part in text.split("\\"))
    except (ValueError, struct.error, OverflowError) as error:
        raise _out_of_range(tag) from error


def _number(vr: str, text: str, order: str) -> bytes:
    if not text.isascii() or text != text.strip() or "_" in text:
        raise ValueError
    if vr == "AT":
        match = _AT.fullmatch(text)
        if match is None:
            raise ValueError
        return struct.pack(f"{order}HH", int(match[1], 16), int(match[2], 16))
    if vr in _FLOATS:
        return struct.pack(f"{order}{_FLOATS[vr]}", float(text))
    return struct.pack(f"{order}{_INTEGERS[vr]}", int(text))


def _decoded(text: str) -> bytes:
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error as error:
        raise BadFileFormat("A data URI is no base64") from error


def _out_of_range(tag: int) -> BadFileFormat:
    """As Orthanc, without the value."""
    return BadFileFormat(f"While creating a DICOM instance, tag ({hexadecimal(tag)}) has out-of-range value")
