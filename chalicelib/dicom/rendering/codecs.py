"""Compressed frames, decoded by imagecodecs and by pydicom's plugins: Pillow, pylibjpeg-openjpeg and pyjpegls.

imagecodecs has libjpeg-turbo for JPEG lossless and JPEG of 12 bits, which no plugin here has: GDCM ends the process
where bytes are spoiled, and pylibjpeg-libjpeg is under the GPL.

They are imported with pydicom's pixel module, here alone: requests that decode nothing do not pay for them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chalicelib.dicom.rendering.code_streams import check_jpeg, check_jpeg_2000, check_jpeg_ls
from chalicelib.dicom.rendering.layout import PixelLayout
from chalicelib.domain.errors import UnsupportedMediaType

BYTE_BITS = 8
MAXIMUM_PIXELS = 512 * 1024 * 1024

PLUGINS = {
    "1.2.840.10008.1.2.4.50": "pillow",
    "1.2.840.10008.1.2.4.51": "pillow",
    "1.2.840.10008.1.2.4.57": "imagecodecs",
    "1.2.840.10008.1.2.4.70": "imagecodecs",
    "1.2.840.10008.1.2.4.80": "pyjpegls",
    "1.2.840.10008.1.2.4.81": "pyjpegls",
    "1.2.840.10008.1.2.4.90": "pylibjpeg",
    "1.2.840.10008.1.2.4.91": "pylibjpeg",
    "1.2.840.10008.1.2.4.201": "pylibjpeg",
    "1.2.840.10008.1.2.4.202": "pylibjpeg",
    "1.2.840.10008.1.2.4.203": "pylibjpeg",
}
"""JPEG, JPEG-LS, JPEG 2000 and its high-throughput forms, and who decodes them; 12 bits of JPEG are imagecodecs'."""

CHECKS = {
    "imagecodecs": check_jpeg,
    "pillow": check_jpeg,
    "pyjpegls": check_jpeg_ls,
    "pylibjpeg": check_jpeg_2000,
}


def decode_compressed(layout: PixelLayout, transfer_syntax: str, frame: bytes) -> Any:
    """Decode a frame to be shown; colours become RGB. Raises as `decode_stored` does."""
    samples, _ = _decode(layout, transfer_syntax, frame, stored=False)
    return samples


def decode_stored(layout: PixelLayout, transfer_syntax: str, frame: bytes) -> tuple[Any, str]:
    """Decode a frame as it was before it was compressed, and its photometric interpretation then.

    Colours of lossy JPEG and of JPEG 2000 become RGB, others stay what they are.

    Parameters
    ----------
    frame
        The frame's code stream, its fragments put together.

    Raises
    ------
    UnsupportedMediaType
        It is malformed, or not what the header says.
    """
    is_kept = PLUGINS[transfer_syntax] in {"imagecodecs", "pyjpegls"}
    return _decode(layout, transfer_syntax, frame, stored=is_kept)


def _decode(layout: PixelLayout, transfer_syntax: str, frame: bytes, *, stored: bool) -> tuple[Any, str]:
    plugin = PLUGINS[transfer_syntax]
    if plugin == "pillow" and layout.stored > BYTE_BITS:
        plugin = "imagecodecs"
    CHECKS[plugin](layout, frame)
    if layout.pixels > MAXIMUM_PIXELS:
        raise UnsupportedMediaType("The image is too large to be decoded")
    try:
        if plugin == "imagecodecs":
            samples, photometric = _decode_jpeg(layout, frame, stored=stored), layout.photometric
        else:
            samples, photometric = _decode_by_plugin(layout, transfer_syntax, frame, plugin, stored=stored)
    # They raise whatever comes to them of hostile bytes.
    except Exception as error:
        raise UnsupportedMediaType("The frame cannot be decoded") from error
    if samples.shape[:2] != (layout.rows, layout.columns):
        raise UnsupportedMediaType("The frame is not of the size that the header says")
    return np.ascontiguousarray(samples), photometric


def _decode_jpeg(layout: PixelLayout, frame: bytes, *, stored: bool) -> Any:
    """JPEG lossless, or lossy of 12 bits."""
    from imagecodecs import jpeg8_decode

    as_is: dict[str, Any] = {"colorspace": "RGB", "outcolorspace": "RGB"} if layout.samples == 3 else {}
    samples = jpeg8_decode(frame, **as_is)
    cells = samples.astype(f"u{layout.allocated // BYTE_BITS}", casting="safe", copy=False)
    if layout.samples == 3 and layout.photometric == "YBR_FULL" and not stored:
        from pydicom.pixels.processing import convert_color_space

        return convert_color_space(cells, "YBR_FULL", "RGB")
    if not layout.signed:
        return cells
    signed = cells.view(f"i{layout.allocated // BYTE_BITS}")
    unused = layout.allocated - layout.stored
    return (signed << unused) >> unused


def _decode_by_plugin(
    layout: PixelLayout, transfer_syntax: str, frame: bytes, plugin: str, *, stored: bool
) -> tuple[Any, str]:
    from pydicom.encaps import encapsulate
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    described: dict[str, Any] = {
        "rows": layout.rows,
        "columns": layout.columns,
        "number_of_frames": 1,
        "samples_per_pixel": layout.samples,
        "bits_allocated": layout.allocated,
        "bits_stored": layout.stored,
        "pixel_representation": int(layout.signed),
        "photometric_interpretation": layout.photometric,
        "planar_configuration": layout.planar_configuration,
        "pixel_keyword": "PixelData",
    }
    samples, became = get_decoder(UID(transfer_syntax)).as_array(
        encapsulate([frame]), index=0, raw=stored, decoding_plugin=plugin, **described
    )
    return samples, str(became["photometric_interpretation"])
