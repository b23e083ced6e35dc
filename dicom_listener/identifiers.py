"""Identifiers of answers to C-FIND, encoded from texts: pydicom takes most of a query's time for that."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Mapping

from pydicom.dataelem import DataElement
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.sequence import Sequence
from pydicom.uid import UID

LATIN, UNICODE = "ISO_IR 100", "ISO_IR 192"
_PYTHON_NAMES = {LATIN: "latin-1", UNICODE: "utf-8"}

_TEXTS = frozenset(["AE", "AS", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UI"])
"""Whose value is a text of any form, and has a length of 16 bits (PS3.5, section 7.1.2)."""

_DECIMALS = frozenset(["IS", "DS"])
_NUMBERS = frozenset(["US", "SS", "UL", "SL", "UV", "SV", "FL", "FD"])
_MAXIMUM_LENGTH = 0xFFFE

Element = tuple[int, str, str]
"""Tag, VR and text; the text of a sequence is ignored."""


def encoded(elements: Iterable[Element], character_set: str, syntax: UID) -> bytes:
    """A data set with some elements, each tag once, in an uncompressed or deflated transfer syntax.

    `character_set` is one that `character_set_of` gives. A text that its VR does not allow becomes an empty value.
    """
    order = "<" if syntax.is_little_endian else ">"
    form = f"{order}HHL" if syntax.is_implicit_VR else f"{order}HH2sH"
    parts = []
    for tag, vr, text in sorted(elements):
        is_plain = vr in _TEXTS or (vr in _DECIMALS and text.isascii() and text.isdigit())
        value = text.encode(_PYTHON_NAMES[character_set], "replace")
        if not is_plain or len(value) > _MAXIMUM_LENGTH:
            parts.append(_by_pydicom(tag, vr, text, character_set, syntax))
            continue
        if len(value) % 2:
            value += b"\0" if vr == "UI" else b" "
        named = (len(value),) if syntax.is_implicit_VR else (vr.encode(), len(value))
        parts.append(struct.pack(form, tag >> 16, tag & 0xFFFF, *named) + value)
    whole = b"".join(parts)
    return _deflated(whole) if syntax.is_deflated else whole


def character_set_of(values: Mapping[int, str | None]) -> str:
    """Latin 1, as Orthanc, as long as it has all letters; else UTF-8."""
    try:
        "".join(text or "" for text in values.values()).encode("latin-1")
    except UnicodeEncodeError:
        return UNICODE
    return LATIN


def _by_pydicom(tag: int, vr: str, text: str, character_set: str, syntax: UID) -> bytes:
    """One element of whatever VR."""
    try:
        return _written(_element(tag, vr, text), character_set, syntax)
    except (ValueError, TypeError, OSError):  # a value in the store that its VR does not allow
        return _written(DataElement(tag, vr, ""), character_set, syntax)


def _written(element: DataElement, character_set: str, syntax: UID) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = syntax.is_implicit_VR, syntax.is_little_endian
    write_data_element(buffer, element, character_set)
    return buffer.getvalue()


def _element(tag: int, vr: str, text: str) -> DataElement:
    if vr == "SQ":
        return DataElement(tag, vr, Sequence())
    if vr in _NUMBERS:
        numbers = [float(one) if vr in ("FL", "FD") else int(one) for one in text.split("\\") if one]
        return DataElement(tag, vr, numbers[0] if len(numbers) == 1 else numbers or None)
    return DataElement(tag, vr, text, already_converted=False)


def _deflated(data: bytes) -> bytes:
    """PS3.5, section A.5."""
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = compressor.compress(data) + compressor.flush()
    return packed + b"\0" * (len(packed) % 2)
