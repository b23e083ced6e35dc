"""The forms in which samples are shown: stretched, windowed, cut to a number type, or as text."""

from __future__ import annotations

from collections.abc import MutableSequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chalicelib.dicom.rendering.decoders import Samples
from chalicelib.dicom.rendering.layout import PixelLayout, element_value
from chalicelib.dicom.rendering.levels import Raster, to_8_bits
from chalicelib.domain.errors import UnsupportedMediaType

if TYPE_CHECKING:
    from pydicom import Dataset

LEAST_WIDTH = 0.0001
MAXIMUM_SIDE = 8192
"""Pixels of a side that a picture can be enlarged to."""


class Form(StrEnum):
    """What a path of an image ends with."""

    PREVIEW = "preview"
    RENDERED = "rendered"
    UINT8 = "image-uint8"
    UINT16 = "image-uint16"
    INT16 = "image-int16"


@dataclass(frozen=True, slots=True)
class View:
    """How a rendered picture is asked for; sizes in pixels, 0 for that of the image.

    Without a centre or a width, the window is the image's own, or the whole range of its values.
    """

    width: int = 0
    height: int = 0
    smooth: bool = True
    window_center: float | None = None
    window_width: float | None = None


def shown(
    form: Form, layout: PixelLayout, dataset: Dataset, transfer_syntax: str, samples: Samples, view: View
) -> NDArray[Any]:
    """The raster of a form: ``uint8``, or ``uint16`` and ``int16`` for those two.

    Raises
    ------
    UnsupportedMediaType
        The form is not for such samples.
    """
    if form in _RANGES:
        return _cut(form, layout, samples)
    if form is Form.PREVIEW:
        return to_8_bits(layout, dataset, transfer_syntax, samples)
    if layout.samples == 3 or layout.is_palette:
        raster = to_8_bits(layout, dataset, transfer_syntax, samples)
    else:
        raster = windowed(layout, dataset, samples, view)
    return resized(raster, view)


_RANGES = {
    Form.UINT8: (np.uint8, 0, 255),
    Form.UINT16: (np.uint16, 0, 65535),
    Form.INT16: (np.int16, -32768, 32767),
}


def _cut(form: Form, layout: PixelLayout, samples: Samples) -> NDArray[Any]:
    if layout.samples != 1 or layout.is_palette:
        raise UnsupportedMediaType("Numbers of this kind are those of gray images")
    kind, least, greatest = _RANGES[form]
    raster: NDArray[Any] = samples.clip(least, greatest).astype(kind)
    return raster


def windowed(layout: PixelLayout, dataset: Dataset, samples: Samples, view: View) -> Raster:
    """Gray levels through the rescale and a window (PS3.3, section C.11.2), in Orthanc's arithmetic.

    In single precision, fractions cut off.
    """
    slope = decimal(dataset, "RescaleSlope") or 1.0
    intercept = decimal(dataset, "RescaleIntercept") or 0.0
    center, width = decimal(dataset, "WindowCenter"), decimal(dataset, "WindowWidth")
    if center is None or width is None:
        width = float(1 << layout.stored)
        center = width / 2
    center = center if view.window_center is None else view.window_center
    width = max(width if view.window_width is None else view.window_width, LEAST_WIDTH)
    scaling = np.float32(255.0 * slope / width)
    offset = np.float32((intercept - center + width / 2.0) / slope)
    levels = ((samples.astype(np.float32) + offset) * scaling).clip(0, 255).astype(np.uint8)
    raster: Raster = 255 - levels if layout.photometric == "MONOCHROME1" else levels
    return raster


def decimal(dataset: Dataset, keyword: str) -> float | None:
    """The first value of a decimal, None if there is none that makes sense."""
    try:
        value = element_value(dataset, keyword)
    except UnsupportedMediaType:
        return None
    if isinstance(value, MutableSequence):
        value = value[0] if value else None
    try:
        number = float(value) if value is not None else None
    except (TypeError, ValueError):
        return None
    return number if number is None or np.isfinite(number) else None


def resized(raster: Raster, view: View) -> Raster:
    """The picture in another size, its proportions kept, as large as fits."""
    rows, columns = raster.shape[:2]
    factors = [wanted / side for wanted, side in ((view.width, columns), (view.height, rows)) if wanted > 0]
    if not factors:
        return raster
    factor = min(factors)
    size = (max(round(columns * factor), 1), max(round(rows * factor), 1))
    if max(size) > MAXIMUM_SIDE:
        raise UnsupportedMediaType("The picture would be too large")
    from PIL import Image

    way = Image.Resampling.BOX if view.smooth and factor < 1 else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(np.ascontiguousarray(raster)).resize(size, way))


def matlab(samples: NDArray[Any]) -> str:
    """Samples as Matlab or Octave read them: rows of gray, or colours by a permuted array."""
    if samples.ndim == 2:
        rows = [" ".join(map(str, row)) for row in samples.tolist()]
        return f"double([ {' ; '.join(rows)} ])"
    height, width = samples.shape[:2]
    numbers = " ".join(map(str, samples.reshape(-1).tolist()))
    return f"double(permute(reshape([ {numbers} ], [ 3 {height} {width} ]), [ 3 2 1 ]))"
