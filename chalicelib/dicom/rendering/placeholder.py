"""The picture that stands for what cannot be shown."""

from __future__ import annotations

import numpy as np

from chalicelib.dicom.rendering.encoders import encode_png

_ROWS, _COLUMNS = 84, 150


def unsupported_image() -> bytes:
    """A small PNG: a gray box, crossed out."""
    rows, columns = np.mgrid[:_ROWS, :_COLUMNS]
    diagonal = np.abs(rows * _COLUMNS - columns * _ROWS) < _COLUMNS
    other = np.abs((_ROWS - 1 - rows) * _COLUMNS - columns * _ROWS) < _COLUMNS
    raster = np.where(diagonal | other, 96, 208).astype(np.uint8)
    return encode_png(raster)
