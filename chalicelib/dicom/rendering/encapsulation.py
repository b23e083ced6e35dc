"""Frames inside encapsulated pixel data (PS3.5 A.4)."""

from __future__ import annotations

import struct

from chalicelib.domain.errors import UnsupportedMediaType

_ITEM = 0xE000FFFE
_ITEM_HEADER = struct.Struct("<II")


def extract_first_frame(value: bytes) -> bytes:
    """The first fragment of encapsulated pixel data, which for RLE Lossless is the first frame (PS3.5 8.2.2).

    Parameters
    ----------
    value
        The value of Pixel Data from its first item (the basic offset table) on, to the end of the first frame
        or beyond.

    Raises
    ------
    UnsupportedMediaType
        The items are malformed, or the fragment is empty or cut off.
    """
    table_end = _item_end(value, 0)
    start, end = table_end + _ITEM_HEADER.size, _item_end(value, table_end)
    if start == end:
        raise UnsupportedMediaType("The first frame is empty")
    return value[start:end]


def _item_end(value: bytes, offset: int) -> int:
    if len(value) < offset + _ITEM_HEADER.size:
        raise UnsupportedMediaType("Encapsulated pixel data is cut off")
    tag, length = _ITEM_HEADER.unpack_from(value, offset)
    end: int = offset + _ITEM_HEADER.size + length
    if tag != _ITEM or end > len(value):
        raise UnsupportedMediaType("Encapsulated pixel data is malformed")
    return end
