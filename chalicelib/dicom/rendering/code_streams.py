"""What a code stream says of itself, read before a codec allocates for it: a spoiled size would take minutes."""

from __future__ import annotations

import struct

from chalicelib.dicom.rendering.layout import PixelLayout
from chalicelib.domain.errors import UnsupportedMediaType

MAXIMUM_TILES = 4096
_JPEG_FRAMES = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
"""The markers that begin a frame header (ISO/IEC 10918-1, table B.1; 14495-1, annex C)."""
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_END = b"\xff\xd9"
LAST_BYTES = 3
"""What ends a stream: its marker, and the byte that DCMTK pads it with, which can be any."""
_SIZ = b"\xff\x4f\xff\x51"


def check_jpeg(layout: PixelLayout, stream: bytes) -> None:
    """Refuse a JPEG or JPEG-LS stream of another size than the header says.

    Raises
    ------
    UnsupportedMediaType
        It is, or it has no frame header.
    """
    position = 2
    while position + 9 < len(stream):
        if stream[position] != 0xFF:
            break
        marker = stream[position + 1]
        if marker in _JPEG_FRAMES:
            rows, columns, components = struct.unpack_from(">HHB", stream, position + 5)
            _compare(layout, rows, columns, components)
            return
        if marker == 0xFF:
            position += 1
            continue
        position += 2
        if marker not in _WITHOUT_LENGTH:
            position += int.from_bytes(stream[position : position + 2], "big")
    raise UnsupportedMediaType("The code stream has no frame header")


def check_jpeg_ls(layout: PixelLayout, stream: bytes) -> None:
    """As `check_jpeg`, and refuse a stream that is cut off: CharLS would never return from it."""
    if _END not in stream.rstrip(b"\0")[-LAST_BYTES:]:
        raise UnsupportedMediaType("The code stream is cut off")
    check_jpeg(layout, stream)


def check_jpeg_2000(layout: PixelLayout, stream: bytes) -> None:
    """Refuse a JPEG 2000 stream (ISO/IEC 15444-1, section A.5.1) of another size, or of absurdly many tiles.

    Raises
    ------
    UnsupportedMediaType
        It is, or it has no image header.
    """
    start = stream.find(_SIZ, 0, 4096)
    if start < 0 or len(stream) < start + 42:
        raise UnsupportedMediaType("The code stream has no image header")
    x1, y1, x0, y0, width, height, tile_x, tile_y = struct.unpack_from(">8I", stream, start + 8)
    (components,) = struct.unpack_from(">H", stream, start + 40)
    _compare(layout, y1 - y0, x1 - x0, components)
    if not width or not height:
        raise UnsupportedMediaType("The code stream has empty tiles")
    if -(-(x1 - tile_x) // width) * -(-(y1 - tile_y) // height) > MAXIMUM_TILES:
        raise UnsupportedMediaType("The code stream has too many tiles")


def _compare(layout: PixelLayout, rows: int, columns: int, components: int) -> None:
    if (rows, columns, components) != (layout.rows, layout.columns, layout.samples):
        raise UnsupportedMediaType("The code stream is of another size than the header says")
