"""The frames of pixel data: how many there are, and where one of them lies."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from chalicelib.dicom.pixel_data import PixelData
from chalicelib.dicom.reader import Header
from chalicelib.dicom.rendering.layout import element_value, read_native_length
from chalicelib.domain.errors import ParameterOutOfRange, UnsupportedMediaType


def frame_count(header: Header) -> int:
    """How many frames an instance has; 0 without pixel data."""
    if header.pixel_data_tag is None:
        return 0
    value = element_value(header.dataset, "NumberOfFrames")
    try:
        return max(int(value), 1) if value not in (None, "") else 1
    except (TypeError, ValueError):
        return 1


def read_frame(header: Header, pixel_data: PixelData, number: int) -> bytes:
    """One frame, from 0: its native bytes, or its code stream with the fragments put together.

    Native frames are found by arithmetic, one read. Encapsulated ones by walking the fragments (a read for each
    4 MB before them) and by the basic offset table where a frame has several.

    Raises
    ------
    ParameterOutOfRange
        There is no such frame.
    UnsupportedMediaType
        The header does not describe an image.
    """
    count = frame_count(header)
    if not 0 <= number < count:
        raise ParameterOutOfRange
    if header.pixel_data_length_bytes is not None:
        length = read_native_length(header.dataset)
        end = min((number + 1) * length, header.pixel_data_length_bytes)
        return pixel_data.raw(number * length, end)
    if not pixel_data.parts:
        raise UnsupportedMediaType("The pixel data has no fragments")
    table, *fragments = pixel_data.parts
    first, last = _fragments_of(number, count, fragments, pixel_data.raw(*table))
    return _joined(pixel_data, fragments[first:last])


def _joined(pixel_data: PixelData, fragments: Sequence[tuple[int, int]]) -> bytes:
    """The bytes of fragments that follow each other: one read, whatever their number."""
    if not fragments:
        return b""
    origin = fragments[0][0]
    data = pixel_data.raw(origin, fragments[-1][1])
    return b"".join(data[start - origin : end - origin] for start, end in fragments)


def _fragments_of(number: int, count: int, fragments: list[tuple[int, int]], table: bytes) -> tuple[int, int]:
    """The first fragment of a frame, and the one behind its last (PS3.5, section A.4)."""
    if count == 1:
        return 0, len(fragments)
    if len(fragments) == count:
        return number, number + 1
    if len(table) < 4 * count or not fragments:
        raise UnsupportedMediaType("It is not known which fragments make the frame")
    offsets = struct.unpack(f"<{count}I", table[: 4 * count])
    origin = fragments[0][0] - 8
    starts = {start - 8 - origin: position for position, (start, _) in enumerate(fragments)}
    ends = [*offsets[1:], None]
    try:
        end = ends[number]
        return starts[offsets[number]], len(fragments) if end is None else starts[end]
    except KeyError:
        raise UnsupportedMediaType("The offset table does not fit the fragments") from None
