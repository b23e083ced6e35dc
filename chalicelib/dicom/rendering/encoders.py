"""From a raster to the bytes of an image file."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chalicelib.dicom.rendering.levels import Raster
from chalicelib.domain.errors import UnsupportedMediaType

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GRAY, _RGB = 0, 2
_UP = 2
"""The PNG filter that subtracts from each byte the one above it."""


def encode_png(raster: NDArray[Any]) -> bytes:
    """A PNG of 8 or 16 bits a sample (ISO/IEC 15948); negative numbers are their two's complement, as in Orthanc.

    One filter for all rows and run-length matching only: as small as Pillow's default and Orthanc's for CT and
    MR, at a third of the time of the fastest that Pillow can be set to.
    """
    rows, columns = raster.shape[:2]
    bits = 8 * raster.itemsize
    lines = _big_endian(raster).reshape(rows, -1)
    filtered = np.empty((rows, lines.shape[1] + 1), np.uint8)
    filtered[:, 0] = _UP
    filtered[0, 1:] = lines[0]
    np.subtract(lines[1:], lines[:-1], out=filtered[1:, 1:])
    compressor = zlib.compressobj(level=1, memLevel=9, strategy=zlib.Z_RLE)
    data = compressor.compress(filtered.data) + compressor.flush()
    colour_type = _GRAY if raster.ndim == 2 else _RGB
    header = struct.pack(">IIBBBBB", columns, rows, bits, colour_type, 0, 0, 0)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _big_endian(raster: NDArray[Any]) -> NDArray[np.uint8]:
    """The bytes of samples, the higher one first."""
    if raster.itemsize == 1:
        return raster
    return np.ascontiguousarray(raster.astype(raster.dtype.newbyteorder(">"))).view(np.uint8)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def encode_jpeg(raster: Raster, quality: int) -> bytes:
    """A baseline JPEG.

    Raises
    ------
    UnsupportedMediaType
        `quality` is not between 1 and 100, or the image is too large for a JPEG.
    """
    from PIL import Image

    if not 1 <= quality <= 100:
        raise UnsupportedMediaType("The quality of a JPEG is between 1 and 100")
    file = BytesIO()
    try:
        Image.fromarray(np.ascontiguousarray(raster)).save(file, "JPEG", quality=quality)
    except (OSError, ValueError) as error:
        raise UnsupportedMediaType("The image is too large for a JPEG") from error
    return file.getvalue()


def encode_pam(raster: NDArray[Any]) -> bytes:
    """A portable arbitrary map (netpbm's PAM)."""
    rows, columns = raster.shape[:2]
    depth, kind = (1, "GRAYSCALE") if raster.ndim == 2 else (3, "RGB")
    maximum = 255 if raster.itemsize == 1 else 65535
    header = f"P7\nWIDTH {columns}\nHEIGHT {rows}\nDEPTH {depth}\nMAXVAL {maximum}\nTUPLTYPE {kind}\nENDHDR\n"
    return header.encode() + _big_endian(raster).tobytes()
