"""Compressed frames, decoded by pydicom's plugins: Pillow, pylibjpeg-openjpeg and pyjpegls.

JPEG lossless and JPEG extended of 12 bits are left out: GDCM ends the process where bytes are spoiled, and
pylibjpeg-libjpeg is under the GPL.

They are imported with pydicom's pixel module, here alone: requests that decode nothing do not pay for them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chalicelib.dicom.rendering.code_streams import check_jpeg, check_jpeg_2000, check_jpeg_ls
from chalicelib.dicom.rendering.layout import PixelLayout
from chalicelib.domain.errors import UnsupportedMediaType

MAXIMUM_PIXELS = 512 * 1024 * 1024

PLUGINS = {
    "1.2.840.10008.1.2.4.50": "pillow",
    "1.2.840.10008.1.2.4.51": "pillow",
    "1.2.840.10008.1.2.4.80": "pyjpegls",
    "1.2.840.10008.1.2.4.81": "pyjpegls",
    "1.2.840.10008.1.2.4.90": "pylibjpeg",
    "1.2.840.10008.1.2.4.91": "pylibjpeg",
    "1.2.840.10008.1.2.4.201": "pylibjpeg",
    "1.2.840.10008.1.2.4.202": "pylibjpeg",
    "1.2.840.10008.1.2.4.203": "pylibjpeg",
}
"""JPEG baseline and extended (of 8 bits), JPEG-LS, JPEG 2000 and its high-throughput forms, and who decodes them."""

CHECKS = {"pillow": check_jpeg, "pyjpegls": check_jpeg_ls, "pylibjpeg": check_jpeg_2000}


def decode_compressed(layout: PixelLayout, transfer_syntax: str, frame: bytes) -> Any:
    """Decode a frame; colours become RGB.

    Parameters
    ----------
    frame
        The frame's code stream, its fragments put together.

    Raises
    ------
    UnsupportedMediaType
        It is malformed, or not what the header says.
    """
    from pydicom.encaps import encapsulate
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    plugin = PLUGINS[transfer_syntax]
    CHECKS[plugin](layout, frame)
    if layout.pixels > MAXIMUM_PIXELS:
        raise UnsupportedMediaType("The image is too large to be decoded")
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
    try:
        samples, _ = get_decoder(UID(transfer_syntax)).as_array(
            encapsulate([frame]), index=0, decoding_plugin=plugin, **described
        )
    # The plugins raise whatever comes to them of hostile bytes.
    except Exception as error:
        raise UnsupportedMediaType("The frame cannot be decoded") from error
    if samples.shape[:2] != (layout.rows, layout.columns):
        raise UnsupportedMediaType("The frame is not of the size that the header says")
    return np.ascontiguousarray(samples)
