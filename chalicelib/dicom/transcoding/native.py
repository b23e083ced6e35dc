"""Native pixel data: arrays of it, and the frames that were compressed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from chalicelib.dicom.content import swap_words
from chalicelib.dicom.file_parts import FileParts, PixelElement, encoded_frames
from chalicelib.dicom.raw_elements import put, put_number
from chalicelib.dicom.rendering.codecs import PLUGINS, decode_stored
from chalicelib.dicom.rendering.layout import (
    PHOTOMETRIC_INTERPRETATION,
    PLANAR_CONFIGURATION,
    PixelLayout,
    image_layout,
    number_of_frames,
)
from chalicelib.dicom.rendering.rle import unpack_rle
from chalicelib.dicom.scanner import PIXEL_DATA
from chalicelib.dicom.transcoding.syntaxes import RLE_LOSSLESS
from chalicelib.domain.errors import PayloadTooLarge, UnsupportedMediaType

MAXIMUM_BYTES = 256 * 1024**2
"""Of all frames decoded: they are in memory three times, and the file beside them, in the 1,769 MB of a function."""


def decompressed(file: bytes, parts: FileParts) -> PixelElement:
    """Native pixel data in the place of a file's encapsulated ones; the other elements are made to fit.

    Raises
    ------
    UnsupportedMediaType
        The frames cannot be decoded.
    PayloadTooLarge
        They are too large, all together.
    """
    layout = image_layout(parts.dataset)
    if layout.frame_length_bytes * max(number_of_frames(parts.dataset), 1) > MAXIMUM_BYTES:
        raise PayloadTooLarge("The image is too large to be decoded")
    value = bytearray()
    photometric = layout.photometric
    for frame in encoded_frames(file):
        samples, photometric = _decode(layout, parts.transfer_syntax, frame)
        value += samples.tobytes()
    vr = "OB" if layout.allocated <= 8 else "OW"
    if photometric != layout.photometric:
        put(parts.dataset, PHOTOMETRIC_INTERPRETATION, "CS", photometric.encode())
    if layout.samples > 1 and layout.planar_configuration:
        put_number(parts.dataset, PLANAR_CONFIGURATION, 0)
    return PixelElement(PIXEL_DATA, vr, bytes(value), is_encapsulated=False)


def native_frames(parts: FileParts, pixels: PixelElement, layout: PixelLayout) -> Iterator[Any]:
    """The frames of native pixel data as unsigned cells, of shape (rows, columns[, samples]).

    Raises
    ------
    UnsupportedMediaType
        The pixel data is too short.
    """
    value = pixels.value if parts.is_little_endian else swap_words(pixels.vr, pixels.value)
    length = layout.frame_length_bytes
    count = number_of_frames(parts.dataset)
    if count < 1 or len(value) < count * length:
        raise UnsupportedMediaType("The pixel data is too short")
    cells = np.frombuffer(value, f"<u{layout.allocated // 8}", count * length * 8 // layout.allocated)
    if layout.samples == 1:
        return iter(cells.reshape(count, layout.rows, layout.columns))
    if layout.planar_configuration == 1:
        planes = cells.reshape(count, layout.samples, layout.rows, layout.columns)
        return iter(np.ascontiguousarray(planes.transpose(0, 2, 3, 1)))
    return iter(cells.reshape(count, layout.rows, layout.columns, layout.samples))


def _decode(layout: PixelLayout, transfer_syntax: str, frame: bytes) -> tuple[Any, str]:
    if transfer_syntax == RLE_LOSSLESS:
        return unpack_rle(layout, frame), layout.photometric
    if transfer_syntax not in PLUGINS:
        raise UnsupportedMediaType("Images of this transfer syntax cannot be decoded")
    samples, photometric = decode_stored(layout, transfer_syntax, frame)
    if samples.dtype.itemsize * 8 != layout.allocated:
        raise UnsupportedMediaType("The frame is not of the depth that the header says")
    return samples.astype(samples.dtype.newbyteorder("<"), copy=False), photometric
