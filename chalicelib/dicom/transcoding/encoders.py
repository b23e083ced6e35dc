"""Frames as code streams: imagecodecs for JPEG, pydicom and its plugins for RLE, JPEG-LS and JPEG 2000."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import log10
from typing import Any

import numpy as np

from chalicelib.dicom.rendering.codecs import BYTE_BITS
from chalicelib.dicom.rendering.layout import PALETTE_COLOR, PixelLayout
from chalicelib.dicom.transcoding.syntaxes import (
    JPEG_2000,
    JPEG_2000_LOSSLESS,
    JPEG_BASELINE,
    JPEG_EXTENDED,
    JPEG_LOSSLESS,
    JPEG_LOSSLESS_SV1,
    JPEG_LS_LOSSLESS,
    JPEG_LS_NEAR_LOSSLESS,
    RLE_LOSSLESS,
)
from chalicelib.domain.errors import UnsupportedMediaType

NEAR = 2
"""The largest error of a sample in near-lossless JPEG-LS; DCMTK's default, and so Orthanc's."""

PSNR_OF_QUALITY = 0.6
"""Decibels of lossy JPEG 2000 for each step of the quality from 1 to 100: 54 dB at 90, of the samples' extent."""

Encode = Callable[[Any, int], bytes]
"""Takes samples (rows, columns[, 3]), whose bits above the layout's are clear, and a quality; gives the code stream."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """How frames of one layout become code streams of a transfer syntax."""

    encode: Encode
    photometric: str
    """The photometric interpretation of what was encoded."""


def find_encoder(transfer_syntax: str, layout: PixelLayout, precision: int) -> Encoder:
    """The encoder for a transfer syntax.

    Parameters
    ----------
    precision
        Bits of a sample that are used: the stored ones, or all if others are set as well.

    Raises
    ------
    UnsupportedMediaType
        The transfer syntax has no images of this layout.
    """
    return _ENCODERS[transfer_syntax](layout, precision)


def _jpeg(largest: int) -> Callable[[PixelLayout, int], Encoder]:
    """Lossy JPEG of 8 bits, or of 12 where the transfer syntax has them."""

    def make(layout: PixelLayout, precision: int) -> Encoder:
        from imagecodecs import jpeg8_encode

        is_colour = layout.samples == 3
        bits = 8 if layout.allocated == 8 else 12
        # Two's complement does not keep the order of negative samples.
        if layout.signed or precision > bits or bits > largest or layout.photometric == PALETTE_COLOR:
            raise UnsupportedMediaType("Lossy JPEG has no images of this depth")
        if is_colour and (bits != 8 or layout.photometric not in {"RGB", "YBR_FULL"}):
            raise UnsupportedMediaType("Lossy JPEG has no images of this colour space")
        options: dict[str, Any] = {"bitspersample": bits}
        if is_colour:
            colours = "RGB" if layout.photometric == "RGB" else "YCBCR"
            options |= {"colorspace": colours, "outcolorspace": "YCBCR", "subsampling": "422"}
        return Encoder(
            lambda samples, quality: bytes(jpeg8_encode(samples, level=quality, **options)),
            "YBR_FULL_422" if is_colour else layout.photometric,
        )

    return make


def _jpeg_lossless(layout: PixelLayout, precision: int) -> Encoder:
    from imagecodecs import jpeg8_encode

    least = 2 if layout.allocated == 8 else 9  # libjpeg takes the precision for the size of the samples
    options: dict[str, Any] = {"lossless": True, "predictor": 1, "bitspersample": max(precision, least)}
    if layout.samples == 3:
        options |= {"colorspace": "RGB", "outcolorspace": "RGB"}  # whatever they are, they stay
    return Encoder(lambda samples, _quality: bytes(jpeg8_encode(samples, **options)), layout.photometric)


def _jpeg_ls(uid: str, near: int) -> Callable[[PixelLayout, int], Encoder]:
    def make(layout: PixelLayout, precision: int) -> Encoder:
        if near and (layout.photometric == PALETTE_COLOR or (layout.signed and precision < layout.allocated)):
            raise UnsupportedMediaType("Near-lossless JPEG-LS would spoil such samples")
        options: dict[str, Any] = {"jls_error": near} if near else {}
        return Encoder(_pydicom(uid, "pyjpegls", layout, max(precision, 2), **options), layout.photometric)

    return make


def _jpeg_2000(uid: str) -> Callable[[PixelLayout, int], Encoder]:
    is_lossless = uid == JPEG_2000_LOSSLESS

    def make(layout: PixelLayout, precision: int) -> Encoder:
        if layout.photometric == PALETTE_COLOR and not is_lossless:
            raise UnsupportedMediaType("Lossy compression would spoil the numbers of colours")
        # OpenJPEG's colour transform loses bits of samples of one bit.
        depth = layout.allocated if layout.signed else max(precision, BYTE_BITS)
        after = layout.photometric
        if after == "RGB":
            after = "YBR_RCT" if is_lossless else "YBR_ICT"
        described = replace(layout, photometric=after)

        def encode(samples: Any, quality: int) -> bytes:
            cells = samples.view(f"i{layout.allocated // 8}") if layout.signed else samples
            options = {} if is_lossless else {"j2k_psnr": [_psnr(cells, depth, quality)]}
            return _pydicom(uid, "pylibjpeg", described, depth, signed=layout.signed, **options)(
                cells, quality
            )

        return Encoder(encode, after)

    return make


def _psnr(samples: Any, depth: int, quality: int) -> int:
    """Decibels for a quality; OpenJPEG measures them against all that the depth can hold, not what is there."""
    extent = int(samples.max()) - int(samples.min())
    return round(quality * PSNR_OF_QUALITY + 20 * log10((1 << depth) / max(extent, 1)))


def _rle(layout: PixelLayout, _precision: int) -> Encoder:
    return Encoder(_pydicom(RLE_LOSSLESS, "pydicom", layout, layout.stored), layout.photometric)


def _pydicom(
    uid: str, plugin: str, layout: PixelLayout, precision: int, *, signed: bool = False, **options: Any
) -> Encode:
    """One of pydicom's encoders; without `signed` the bit patterns are kept, and the header says what they mean."""
    from pydicom.pixels.encoders.base import get_encoder
    from pydicom.uid import UID

    encoder = get_encoder(UID(uid))

    def encode(samples: Any, _quality: int) -> bytes:
        return encoder.encode(
            np.ascontiguousarray(samples).tobytes(),
            encoding_plugin=plugin,
            rows=layout.rows,
            columns=layout.columns,
            samples_per_pixel=layout.samples,
            photometric_interpretation=layout.photometric,
            bits_allocated=layout.allocated,
            bits_stored=precision,
            pixel_representation=int(signed),
            planar_configuration=0,
            number_of_frames=1,
            **options,
        )

    return encode


_ENCODERS: dict[str, Callable[[PixelLayout, int], Encoder]] = {
    JPEG_BASELINE: _jpeg(8),
    JPEG_EXTENDED: _jpeg(12),
    JPEG_LOSSLESS: _jpeg_lossless,
    JPEG_LOSSLESS_SV1: _jpeg_lossless,
    JPEG_LS_LOSSLESS: _jpeg_ls(JPEG_LS_LOSSLESS, 0),
    JPEG_LS_NEAR_LOSSLESS: _jpeg_ls(JPEG_LS_NEAR_LOSSLESS, NEAR),
    JPEG_2000_LOSSLESS: _jpeg_2000(JPEG_2000_LOSSLESS),
    JPEG_2000: _jpeg_2000(JPEG_2000),
    RLE_LOSSLESS: _rle,
}
