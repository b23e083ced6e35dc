"""The pixel data element of a file and what follows it, read in parts."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING

from chalicelib.dicom.content import native_value
from chalicelib.dicom.reader import EXPLICIT_BIG_ENDIAN, IMPLICIT_LITTLE_ENDIAN, Header
from chalicelib.dicom.scanner import Scanner
from chalicelib.domain.errors import BadFileFormat, PayloadTooLarge

if TYPE_CHECKING:
    from pydicom import Dataset

ReadRange = Callable[[int, int], bytes]
"""Gives the bytes of the file from one offset up to, not including, another."""

WINDOW_BYTES = 4 * 1024 * 1024
"""What is read at a time to find the fragments of encapsulated pixel data."""

MAXIMUM_FRAGMENTS = 1_000_000

_ITEM = 0xE000FFFE
_DELIMITER = (0xE0DDFFFE, 0)
_ITEM_HEADER = struct.Struct("<II")


class PixelData:
    """The pixel data of a file; offsets are from the beginning of its value.

    Parameters
    ----------
    header
        Of a file with pixel data.
    size
        Of the file, in bytes.
    read
        Reads the file.
    maximum_bytes
        The most that is read for one answer.
    """

    def __init__(self, header: Header, size: int, read: ReadRange, maximum_bytes: int) -> None:
        self._header = header
        self._maximum_bytes = maximum_bytes
        start = header.pixel_data_offset_bytes
        if start is None:
            self._size = len(header.pixel_data)
            self._read: ReadRange = lambda first, last: header.pixel_data[first:last]
        else:
            self._size = size - start
            self._read = lambda first, last: read(start + first, start + last)

    @cached_property
    def parts(self) -> list[tuple[int, int]]:
        """Where the parts of the value begin and end: one if it is native, else the fragments (PS3.5 A.4).

        The first of the fragments is the basic offset table. To find them takes one read for each window, or for
        each fragment that is larger.

        Raises
        ------
        BadFileFormat
            The fragments are malformed, or too many.
        """
        length = self._header.pixel_data_length_bytes
        return list(self._fragments()) if length is None else [(0, length)]

    @cached_property
    def end(self) -> int:
        """Where the element ends."""
        length = self._header.pixel_data_length_bytes
        if length is not None:
            return length
        if self._read(max(self._size - _ITEM_HEADER.size, 0), self._size) == _ITEM_HEADER.pack(*_DELIMITER):
            return self._size
        return max((end for _, end in self.parts), default=0) + _ITEM_HEADER.size

    def raw(self, start: int, end: int) -> bytes:
        """The bytes from one offset to another, as they are; raises as `part` does."""
        return self._bounded(start, end)

    def part(self, start: int, end: int) -> bytes:
        """The bytes of a part.

        Raises
        ------
        PayloadTooLarge
            They are too many.
        """
        return native_value(self._header.pixel_data_vr, self._bounded(start, end), self._little_endian)

    def following(self) -> Dataset:
        """The elements behind the pixel data.

        Raises
        ------
        BadFileFormat
            What stands there is malformed.
        PayloadTooLarge
            It is too long.
        """
        from pydicom import Dataset

        data = self._bounded(self.end, self._size)
        implicit = self._header.transfer_syntax == IMPLICIT_LITTLE_ENDIAN
        scanner = Scanner(
            BytesIO(data), len(data), is_implicit=implicit, is_little_endian=self._little_endian
        )
        dataset = Dataset({element.tag: element for element in scanner.elements()})
        dataset.set_original_encoding(implicit, self._little_endian)
        return dataset

    def _bounded(self, start: int, end: int) -> bytes:
        if end - start > self._maximum_bytes:
            raise PayloadTooLarge("The value is too large for an answer; the file itself can be had")
        return self._read(start, end) if end > start else b""

    @property
    def _little_endian(self) -> bool:
        return self._header.transfer_syntax != EXPLICIT_BIG_ENDIAN

    def _fragments(self) -> Iterator[tuple[int, int]]:
        offset = window_start = 0
        window = b""
        for _ in range(MAXIMUM_FRAGMENTS):
            if offset + _ITEM_HEADER.size > window_start + len(window):
                window_start, window = offset, self._read(offset, min(offset + WINDOW_BYTES, self._size))
            if len(window) < offset - window_start + _ITEM_HEADER.size:
                raise BadFileFormat("Encapsulated pixel data is cut off")
            tag, length = _ITEM_HEADER.unpack_from(window, offset - window_start)
            if (tag, length) == _DELIMITER:
                return
            offset += _ITEM_HEADER.size
            if tag != _ITEM or offset + length > self._size:
                raise BadFileFormat("Encapsulated pixel data is malformed")
            yield offset, offset + length
            offset += length
        raise BadFileFormat("Encapsulated pixel data has too many fragments")
