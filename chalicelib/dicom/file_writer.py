"""Put a DICOM file together in any transfer syntax, value by value as it stands (PS3.5 section 7, PS3.10 section 7).

Sequences and items get explicit lengths, odd values a byte of padding; group lengths, which say nothing, are left
out. So does DCMTK, and with it Orthanc.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from chalicelib.dicom.content import swap_words
from chalicelib.dicom.dictionary import STANDARD
from chalicelib.dicom.elements import TEXT_VRS, Element, elements_of
from chalicelib.dicom.file_parts import SOP_CLASS_UID, SOP_INSTANCE_UID, FileParts, PixelElement
from chalicelib.dicom.reader import DEFLATED_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN, IMPLICIT_LITTLE_ENDIAN
from chalicelib.dicom.scanner import UNDEFINED
from chalicelib.domain.errors import PayloadTooLarge

if TYPE_CHECKING:
    from pydicom import Dataset

IMPLEMENTATION_CLASS_UID = b"2.25.93078316240164183047352268153418842519"
IMPLEMENTATION_VERSION_NAME = b"NACRE"

_LONG_LENGTH = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"))
"""The VRs with a length of 32 bits (PS3.5 table 7.1-1)."""
_LONGEST_SHORT = 0xFFFF
_ITEM = (0xFFFE, 0xE000)


def put_together(parts: FileParts, transfer_syntax: str) -> bytes:
    """Make a file of its parts.

    Parameters
    ----------
    parts
        With pixel data of the form that the transfer syntax has: native, or encapsulated for it.
    transfer_syntax
        UID.

    Raises
    ------
    PayloadTooLarge
        A value is longer than DICOM can say.
    BadFileFormat
        A sequence of the parts is malformed.
    """
    writer = _Writer(
        is_implicit=transfer_syntax == IMPLICIT_LITTLE_ENDIAN,
        is_little_endian=transfer_syntax != EXPLICIT_BIG_ENDIAN,
        swaps=parts.is_little_endian != (transfer_syntax != EXPLICIT_BIG_ENDIAN),
    )
    body = writer.dataset(parts.dataset)
    if parts.pixels is not None:
        body += [*writer.pixels(parts.pixels), *writer.dataset(parts.following)]
    if transfer_syntax == DEFLATED_LITTLE_ENDIAN:
        body = [_deflate(body)]
    return b"".join([parts.preamble, b"DICM", _meta(parts, transfer_syntax), *body])


def _meta(parts: FileParts, transfer_syntax: str) -> bytes:
    """The file's meta information: that which is about this file, and not about whoever wrote an earlier one."""
    writer = _Writer(is_implicit=False, is_little_endian=True, swaps=False)
    elements = b"".join(
        writer.element(tag, vr, value)
        for tag, vr, value in (
            (0x00020001, "OB", b"\0\1"),
            (0x00020002, "UI", parts.bytes_of(SOP_CLASS_UID) or parts.media_class_uid),
            (0x00020003, "UI", parts.bytes_of(SOP_INSTANCE_UID)),
            (0x00020010, "UI", transfer_syntax.encode()),
            (0x00020012, "UI", IMPLEMENTATION_CLASS_UID),
            (0x00020013, "SH", IMPLEMENTATION_VERSION_NAME),
        )
    )
    return writer.element(0x00020000, "UL", struct.pack("<I", len(elements))) + elements


def _deflate(parts: list[bytes]) -> bytes:
    """Deflated without zlib's header, and of even length (PS3.5 A.5)."""
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    deflated = b"".join([*map(compressor.compress, parts), compressor.flush()])
    return deflated + b"\0" * (len(deflated) % 2)


class _Writer:
    """Encodes elements.

    Parameters
    ----------
    swaps
        Whether values come in the other byte order.
    """

    def __init__(self, *, is_implicit: bool, is_little_endian: bool, swaps: bool) -> None:
        order = "<" if is_little_endian else ">"
        self._is_implicit = is_implicit
        self._swaps = swaps
        self._tag = struct.Struct(f"{order}HH")
        self._short = struct.Struct(f"{order}HH2sH")
        self._long = struct.Struct(f"{order}HH2s2xI")
        self._without_vr = struct.Struct(f"{order}HHI")

    def dataset(self, dataset: Dataset) -> list[bytes]:
        """The elements of a dataset."""
        return list(self._elements(dataset))

    def pixels(self, pixels: PixelElement) -> Iterator[bytes]:
        """The pixel data element."""
        if pixels.is_encapsulated:
            yield self._head(pixels.tag, "OB", UNDEFINED)
            yield pixels.value
            return
        vr = "OW" if self._is_implicit and pixels.vr == "OB" else pixels.vr
        value = swap_words(pixels.vr, pixels.value) if self._swaps else pixels.value
        yield self._head(pixels.tag, vr, len(value) + len(value) % 2)
        yield value
        yield b"\0" * (len(value) % 2)

    def element(self, tag: int, vr: str, value: bytes) -> bytes:
        """An element whose value is in its final byte order."""
        if len(value) % 2:
            value += b" " if vr in TEXT_VRS and vr != "UI" else b"\0"
        return self._head(tag, vr, len(value)) + value

    def _elements(self, dataset: Dataset) -> Iterator[bytes]:
        for element in elements_of(dataset, STANDARD):
            if element.tag & 0xFFFF == 0:  # a group length
                continue
            if element.items is None:
                value = swap_words(element.vr, element.value) if self._swaps else element.value
                yield self.element(element.tag, element.vr, value)
            else:
                yield self._sequence(element)

    def _sequence(self, element: Element) -> bytes:
        items = []
        for item in element.items or ():
            value = b"".join(self._elements(item))
            items += [self._without_vr.pack(*_ITEM, self._checked(len(value))), value]
        value = b"".join(items)
        return self._head(element.tag, "SQ", len(value)) + value

    def _head(self, tag: int, vr: str, length: int) -> bytes:
        group, element = tag >> 16, tag & 0xFFFF
        if length != UNDEFINED:
            self._checked(length)
        if self._is_implicit:
            return self._without_vr.pack(group, element, length)
        if vr not in _LONG_LENGTH and length > _LONGEST_SHORT:
            vr = "UN"  # as PS3.5 6.2.2 wants it
        if vr in _LONG_LENGTH:
            return self._long.pack(group, element, vr.encode(), length)
        return self._short.pack(group, element, vr.encode(), length)

    @staticmethod
    def _checked(length: int) -> int:
        if length >= UNDEFINED:
            raise PayloadTooLarge("The result is larger than a DICOM file can be")
        return length
