"""From the bytes of a frame to its samples: one decoder for each transfer syntax that can be shown.

A decoder gets the layout and the frame, and returns samples of shape (rows, columns), or (rows, columns, 3) for
colours, as ``uint8``, ``uint16`` or ``int16``. It raises `UnsupportedMediaType` if the bytes are too short or
malformed, and allocates no more than they justify.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chalicelib.dicom.rendering.codecs import PLUGINS, decode_compressed
from chalicelib.dicom.rendering.layout import PixelLayout
from chalicelib.dicom.rendering.rle import decode_rle
from chalicelib.domain.errors import UnsupportedMediaType

Samples = NDArray[Any]
Decoder = Callable[[PixelLayout, bytes], Samples]

EXPLICIT_VR_BIG_ENDIAN = "1.2.840.10008.1.2.2"


def decode(layout: PixelLayout, transfer_syntax: str, frame: bytes, pixel_data_vr: str) -> Samples:
    """Decode a frame.

    Raises
    ------
    UnsupportedMediaType
        There is no decoder for the transfer syntax, or it cannot decode the frame.
    """
    if transfer_syntax in PLUGINS:
        decoded: Samples = decode_compressed(layout, transfer_syntax, frame)
        return decoded
    decoder = DECODERS.get(transfer_syntax)
    if decoder is None:
        raise UnsupportedMediaType("Images of this transfer syntax cannot be shown")
    if layout.is_wide and decoder is decode_native:
        return decode_wide(
            layout, frame, pixel_data_vr, ">" if transfer_syntax == EXPLICIT_VR_BIG_ENDIAN else "<"
        )
    if transfer_syntax == EXPLICIT_VR_BIG_ENDIAN and pixel_data_vr != "OB":
        frame = _swap_words(frame[: layout.frame_length_bytes + 1])
    return decoder(layout, frame)


def _swap_words(frame: bytes) -> bytes:
    return np.frombuffer(frame, np.uint16, len(frame) // 2).byteswap().tobytes()


def decode_wide(layout: PixelLayout, frame: bytes, pixel_data_vr: str, order: str) -> Samples:
    """Native gray levels of 32 bits, and those of Float and Double Float Pixel Data (PS3.3 C.7.6.24, C.7.6.25).

    What is no number in floating point counts as 0.
    """
    if len(frame) < layout.frame_length_bytes:
        raise UnsupportedMediaType("The pixel data is too short")
    kind = {("OF", 32): "f4", ("OD", 64): "f8"}.get((pixel_data_vr, layout.allocated), "u4")
    if np.dtype(kind).itemsize * 8 != layout.allocated:
        raise UnsupportedMediaType("This pixel layout cannot be shown")
    cells = np.frombuffer(frame, f"{order}{kind}", layout.pixels).astype(kind)
    if kind == "u4":
        return align_wide(layout, cells).reshape(layout.rows, layout.columns)
    finite: Samples = np.nan_to_num(cells, posinf=0.0, neginf=0.0)
    return finite.reshape(layout.rows, layout.columns)


def align_wide(layout: PixelLayout, cells: Samples) -> Samples:
    """The stored bits of cells of 32 bits, with their sign."""
    above = max(31 - layout.high_bit, 0)
    unused = 32 - layout.stored
    moved = cells << np.uint32(above)
    return moved.view(np.int32) >> unused if layout.signed else moved >> np.uint32(unused)


def decode_native(layout: PixelLayout, frame: bytes) -> Samples:
    """Little endian pixel cells (PS3.5 8.1.1)."""
    if layout.photometric not in _NATIVE_PHOTOMETRICS[layout.samples]:
        raise UnsupportedMediaType("Images of this photometric interpretation cannot be shown")
    if len(frame) < layout.frame_length_bytes:
        raise UnsupportedMediaType("The pixel data is too short")
    if layout.allocated == 1:
        return _decode_bits(layout, frame)
    cells = np.frombuffer(frame, f"<u{layout.allocated // 8}", layout.pixels * layout.samples)
    samples = cells if layout.is_palette else _align(layout, cells)
    if layout.samples == 1:
        return samples.reshape(layout.rows, layout.columns)
    if layout.planar_configuration == 1:
        return samples.reshape(3, layout.rows, layout.columns).transpose(1, 2, 0)
    return samples.reshape(layout.rows, layout.columns, 3)


_NATIVE_PHOTOMETRICS = {1: ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"), 3: ("RGB",)}


def _decode_bits(layout: PixelLayout, frame: bytes) -> Samples:
    if layout.columns % 8:
        raise UnsupportedMediaType("Bitmaps are shown only if their rows are whole bytes")
    cells = np.frombuffer(frame, np.uint8, layout.frame_length_bytes)
    return np.unpackbits(cells, bitorder="little").reshape(layout.rows, layout.columns) * np.uint8(255)


def _align(layout: PixelLayout, cells: Samples) -> Samples:
    """Move the stored bits to the right of their cells.

    As in Orthanc, the bits above them are cleared only where that decides the type of the samples: with 8 bits
    stored, or with a sign that does not stand where the cell has it.
    """
    # A high bit below the stored bits makes the shift negative. Processors use its five lowest bits, so does Orthanc.
    shift = (layout.high_bit + 1 - layout.stored) % 32
    if layout.signed and not shift:
        return cells.view(np.int16)
    aligned = cells >> shift
    if layout.signed:
        unused = 16 - layout.stored
        return (aligned << unused).view(np.int16) >> unused
    if layout.stored == 8:
        return aligned.astype(np.uint8)
    if layout.samples == 3 and (shift or layout.planar_configuration == 1):
        raise UnsupportedMediaType(
            "Colours of 16 bits are shown only if they fill their cells, pixel by pixel"
        )
    return aligned


DECODERS: Mapping[str, Decoder] = {
    "1.2.840.10008.1.2": decode_native,
    "1.2.840.10008.1.2.1": decode_native,
    "1.2.840.10008.1.2.1.99": decode_native,
    EXPLICIT_VR_BIG_ENDIAN: decode_native,
    "1.2.840.10008.1.2.5": decode_rle,
}
"""Transfer syntax to decoder."""
