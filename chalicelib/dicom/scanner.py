"""Walk through the elements of a DICOM stream without converting them, checking that they are whole.

Sequences of any form are walked without recursion and handed over as bytes. What is accepted is what Orthanc accepts
(whose parser is DCMTK's), but for nesting beyond `MAXIMUM_DEPTH`, more than `MAXIMUM_ELEMENTS`, and sequences that the
end of the file cuts off.

Source: PS3.5, sections 7.1 (data elements), 7.5 (nesting), 6.2.2 (UN) and A.4 (encapsulated pixel data).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from chalicelib.dicom.dictionary import STANDARD
from chalicelib.domain.errors import BadFileFormat

if TYPE_CHECKING:
    from pydicom.dataelem import RawDataElement

UNDEFINED = 0xFFFFFFFF
MAXIMUM_DEPTH = 64
"""Orthanc itself does not survive much more than 50."""

MAXIMUM_ELEMENTS = 5_000_000
"""Of a file, those in sequences and delimiters included: some seconds of work. A hundred times what real files have."""

PIXEL_DATA = 0x7FE00010
PIXEL_DATA_TAGS = frozenset({PIXEL_DATA, 0x7FE00009, 0x7FE00008})
_ITEM = 0xFFFEE000
_ITEM_END = 0xFFFEE00D
_SEQUENCE_END = 0xFFFEE0DD
_DELIMITER_GROUP = 0xFFFE

_SHORT = b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US"
_LONG = b"OB OD OF OL OV OW SQ SV UC UN UR UT UV"
_SHORT_VRS = {vr: vr.decode() for vr in _SHORT.split()}
_LONG_VRS = {vr: vr.decode() for vr in _LONG.split()}
STANDARD_VRS = frozenset(_SHORT_VRS | _LONG_VRS)


class ElementHead(NamedTuple):
    """What stands before a value."""

    tag: int
    vr: str
    """Two letters, UN for one that is not standard, empty where the encoding has none."""
    length: int
    """Of the value in bytes, or `UNDEFINED`."""


class _Container(NamedTuple):
    """A sequence or an item that is being walked through."""

    is_item: bool
    end: float
    """Offset in bytes; infinite if a delimiter has to come."""
    is_implicit: bool


class Scanner:
    """Reads elements one after the other from where the stream stands.

    Parameters
    ----------
    stream
        Seekable; may end where the pixel data begins.
    size
        Where the elements end, in bytes from the stream's beginning.
    """

    def __init__(
        self,
        stream: BinaryIO,
        size: int,
        *,
        is_implicit: bool,
        is_little_endian: bool,
        maximum_elements: int = MAXIMUM_ELEMENTS,
    ) -> None:
        self._stream = stream
        self._size = size
        self._is_implicit = is_implicit
        self._is_little_endian = is_little_endian
        order = "<" if is_little_endian else ">"
        self._implicit_head = struct.Struct(f"{order}HHI")
        self._explicit_head = struct.Struct(f"{order}HH2sH")
        self._long_length = struct.Struct(f"{order}I")
        self._heads_left = maximum_elements

    def elements(self) -> Iterator[RawDataElement]:
        """The elements up to the end or up to pixel data, before which the stream then stands.

        Raises
        ------
        BadFileFormat
            An element is malformed or cut off, there are too many, or sequences are nested too deeply.
        """
        from pydicom.dataelem import RawDataElement
        from pydicom.tag import BaseTag

        stream, size, little = self._stream, self._size, self._is_little_endian
        start = stream.tell()
        while start < size:
            tag, vr, length = self.head(self._is_implicit)
            if tag in PIXEL_DATA_TAGS and vr != "SQ":
                stream.seek(start)
                return
            if tag == _ITEM_END:  # for DCMTK the dataset ends here, whatever follows
                stream.seek(size)
                return
            implicit = self._is_implicit
            value_start = stream.tell()
            if self._is_sequence(tag, vr, length, implicit):
                implicit, vr = implicit or vr == "UN", "SQ"
                value = self._sequence(value_start, length, implicit)
            else:
                value = self._value(length)
            yield RawDataElement(BaseTag(tag), vr or None, length, value, value_start, implicit, little)
            start = stream.tell()

    def head(self, is_implicit: bool) -> ElementHead:
        """The tag, VR and length of the next element or delimiter."""
        self._heads_left -= 1
        if self._heads_left < 0:
            raise BadFileFormat("The file has too many elements")
        data = self._stream.read(8)
        if len(data) < 8:
            raise BadFileFormat("The file is cut off")
        if is_implicit:
            group, element, length = self._implicit_head.unpack(data)
            return ElementHead(group << 16 | element, "", length)
        group, element, code, length = self._explicit_head.unpack(data)
        vr = _SHORT_VRS.get(code)
        if vr is None:
            if group == _DELIMITER_GROUP:
                return ElementHead(group << 16 | element, "", self._implicit_head.unpack(data)[2])
            vr, length = self._unusual(code, length)
        return ElementHead(group << 16 | element, vr, length)

    def skip_pixel_data(self) -> None:
        """Go behind the pixel data before which the stream stands.

        Raises
        ------
        BadFileFormat
            It is malformed or cut off.
        """
        length = self.head(self._is_implicit).length
        if length == UNDEFINED:
            self._skip_fragments()
        else:
            self._skip(length)

    def _unusual(self, code: bytes, length: int) -> tuple[str, int]:
        """The VR and length of an element whose VR has a long length, or is not standard."""
        if code not in _LONG_VRS and not (code.isalpha() and code.isupper()):
            if any(not 32 <= character <= 127 for character in code):
                raise BadFileFormat("An element has no value representation")
            return "UN", length
        data = self._stream.read(4)
        if len(data) < 4:
            raise BadFileFormat("The file is cut off")
        return _LONG_VRS.get(code, "UN"), int(self._long_length.unpack(data)[0])

    def _value(self, length: int) -> bytes:
        value = b"" if length == UNDEFINED else self._stream.read(length)
        if len(value) != length:
            raise BadFileFormat("The file is cut off")
        return value

    def _skip(self, length: int, end: float | None = None) -> None:
        """Go behind a value, which must lie before `end` and the end of the file."""
        target = self._stream.tell() + length
        if target > self._size or (end is not None and target > end):
            raise BadFileFormat("An element is longer than what it stands in")
        self._stream.seek(target)

    def _is_sequence(self, tag: int, vr: str, length: int, is_implicit: bool) -> bool:
        """Whether what follows are items. A VR that is lost (UN) or not written is known by the length."""
        if tag >> 16 == _DELIMITER_GROUP:
            raise BadFileFormat("A delimiter stands where an element should")
        if vr == "SQ":
            return True
        if length == UNDEFINED:
            return vr == "UN" or (is_implicit and STANDARD.find(tag, "").vr in ("SQ", "UN"))
        return is_implicit and STANDARD.find(tag, "").vr == "SQ"

    def _sequence(self, start: int, length: int, is_implicit: bool) -> bytes:
        """The items of a sequence, before whose value the stream stands; it then stands behind it."""
        items_end = self._walk(length, is_implicit)
        end = self._stream.tell()
        self._stream.seek(start)
        value = self._stream.read(items_end - start)
        self._stream.seek(end)
        return value

    def _walk(self, length: int, is_implicit: bool) -> int:
        """Go through the items of a sequence and all that is in them; returns where the last one ends.

        A container ends where its length says, or at a delimiter before. Only elements are held to end before their
        item does.
        """
        stream = self._stream
        open_ones = [_Container(False, self._end(length), is_implicit)]
        position = stream.tell()
        while open_ones:
            container = open_ones[-1]
            position = stream.tell()
            if position >= container.end:
                open_ones.pop()
                continue
            tag, vr, length = self.head(container.is_implicit)
            if tag == (_ITEM_END if container.is_item else _SEQUENCE_END):
                open_ones.pop()
            elif not container.is_item:
                if tag != _ITEM:
                    raise BadFileFormat("A sequence has something else than items")
                open_ones.append(_Container(True, self._end(length), container.is_implicit))
            elif self._is_sequence(tag, vr, length, container.is_implicit):
                implicit = container.is_implicit or vr == "UN"
                open_ones.append(_Container(False, self._end(length), implicit))
            elif length == UNDEFINED and tag == PIXEL_DATA:
                self._skip_fragments()
            else:
                self._skip(length, container.end)
            if len(open_ones) > 2 * MAXIMUM_DEPTH:
                raise BadFileFormat("Sequences are nested too deeply")
        return position

    def _end(self, length: int) -> float:
        return float("inf") if length == UNDEFINED else self._stream.tell() + length

    def _skip_fragments(self) -> None:
        """Go behind the fragments of encapsulated pixel data and their delimiter."""
        while True:
            tag, _, length = self.head(True)
            if tag == _SEQUENCE_END:
                return
            if tag != _ITEM:
                raise BadFileFormat("Encapsulated pixel data is malformed")
            self._skip(length)
