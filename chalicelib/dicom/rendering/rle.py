"""RLE Lossless (PS3.5 annex G), as forgiving as the decoder in Orthanc, which is DCMTK's."""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chalicelib.dicom.rendering.layout import PixelLayout
from chalicelib.domain.errors import UnsupportedMediaType

_HEADER = struct.Struct("<16I")
MAXIMUM_PIXELS = 1 << 26
"""More are not decoded: 1 MB of runs can stand for 64 million pixels."""
_MOST_BYTES_OF_A_BYTE = 64
"""Two bytes make a run of at most 128."""


def decode_rle(layout: PixelLayout, frame: bytes) -> NDArray[Any]:
    """Decode a frame; photometric interpretation and high bit are left alone, as in Orthanc.

    Raises
    ------
    UnsupportedMediaType
        The frame is malformed, or could not fill the image.
    """
    if layout.samples == 3 and layout.stored != layout.allocated:
        raise UnsupportedMediaType("RLE colours are shown only if they fill their cells")
    samples = unpack_rle(layout, frame)
    return samples.view(f"i{samples.itemsize}") if layout.signed else samples


def unpack_rle(layout: PixelLayout, frame: bytes) -> NDArray[Any]:
    """The cells of a frame as unsigned numbers, one or three for each pixel; raises as `decode_rle` does."""
    if layout.allocated % 8 or layout.pixels > min(MAXIMUM_PIXELS, len(frame) * _MOST_BYTES_OF_A_BYTE):
        raise UnsupportedMediaType("The pixel data is too short")
    segments = _segments(frame, layout.samples * layout.allocated // 8)
    # Segments go from the most to the least significant byte of each sample.
    planes = np.empty((layout.pixels, len(segments)), np.uint8)
    for number, segment in enumerate(segments):
        last = number == len(segments) - 1
        planes[:, number] = np.frombuffer(_plane(segment, layout.pixels, last), np.uint8)
    samples = planes.view(f">u{layout.allocated // 8}").astype(f"<u{layout.allocated // 8}", copy=False)
    return samples.reshape((layout.rows, layout.columns, 3)[: 2 if layout.samples == 1 else 3])


def _segments(frame: bytes, expected: int) -> list[bytes]:
    if len(frame) < _HEADER.size:
        raise UnsupportedMediaType("The RLE header is cut off")
    count, *offsets = _HEADER.unpack_from(frame)
    if count != expected:
        raise UnsupportedMediaType("The RLE header has the wrong number of segments")
    bounds = [*offsets[:count], len(frame)]
    if bounds != sorted(bounds):
        raise UnsupportedMediaType("The RLE header has wrong offsets")
    return [frame[start:end] for start, end in pairwise(bounds)]


def _plane(segment: bytes, length: int, may_be_short: bool) -> bytes:
    """The `length` bytes of a segment. The last segment of a frame may be cut off: its last byte goes on then."""
    plane = _unpack(segment, length)
    if len(plane) < length:
        if not may_be_short:
            raise UnsupportedMediaType("An RLE segment is too short")
        plane += (plane[-1:] or b"\0") * (length - len(plane))
    return bytes(plane)


def _unpack(segment: bytes, length: int) -> bytearray:
    """Unpack runs up to `length` bytes (PS3.5 G.3.2)."""
    unpacked = bytearray()
    position, end = 0, len(segment) - 1
    while position < end and len(unpacked) < length:
        head = segment[position]
        position += 1
        if head < 128:
            unpacked += segment[position : position + head + 1]
            position += head + 1
        elif head > 128:
            unpacked += segment[position : position + 1] * (257 - head)
            position += 1
    del unpacked[length:]
    return unpacked
