"""From samples to the 8 bits that are shown: gray levels stretched, colours looked up or shortened."""

from __future__ import annotations

from collections.abc import MutableSequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chalicelib.dicom.rendering.decoders import EXPLICIT_VR_BIG_ENDIAN, Samples
from chalicelib.dicom.rendering.layout import PixelLayout, element_value
from chalicelib.domain.errors import UnsupportedMediaType

if TYPE_CHECKING:
    from pydicom import Dataset

Raster = NDArray[np.uint8]
"""(rows, columns) or (rows, columns, 3)."""

TABLE_BYTES = 2
"""Of samples that are looked up in a table of all levels."""

_COLOURS = ("Red", "Green", "Blue")


def to_8_bits(layout: PixelLayout, dataset: Dataset, transfer_syntax: str, samples: Samples) -> Raster:
    """What Orthanc's preview shows of samples.

    Raises
    ------
    UnsupportedMediaType
        The palette is not one that Orthanc shows.
    """
    if layout.is_palette:
        return _look_up(_palette(dataset, transfer_syntax, 1 << layout.stored), samples)
    if layout.samples == 3:
        return samples if samples.dtype == np.uint8 else (samples >> 8).astype(np.uint8)
    return stretch(samples, inverted=layout.photometric == "MONOCHROME1")


def stretch(samples: Samples, inverted: bool) -> Raster:
    """Spread gray levels from the least to the greatest over 0 to 255; with a single level all become 0.

    In single precision, and halves rounded up, as Orthanc computes it.
    """
    if samples.itemsize > TABLE_BYTES:
        return _stretch_wide(samples, inverted=inverted)
    least, greatest = int(samples.min()), int(samples.max())
    scale = np.float32(255) / np.float32(max(greatest - least, 1))
    levels = np.arange(least, greatest + 1, dtype=np.float32) * scale + np.float32(-least) * scale
    table = np.floor(levels.astype(np.float64) + 0.5).clip(0, 255).astype(np.uint8)
    if inverted:
        table = 255 - table
    # Modulo the cell's size, which makes indices of signed levels too.
    cell = np.dtype(f"u{samples.itemsize}")
    indices = samples.view(cell) - cell.type(least % (1 << (8 * samples.itemsize)))
    raster: Raster = table[indices]
    return raster


def _stretch_wide(samples: Samples, *, inverted: bool) -> Raster:
    """As `stretch`, level by level: a table of all that 32 bits can hold would not fit."""
    levels = samples.astype(np.float64)
    least, greatest = float(levels.min()), float(levels.max())
    extent = greatest - least
    scaled = (levels - least) * (255 / extent) if 0 < extent < np.inf else np.zeros_like(levels)
    raster: Raster = np.floor(scaled + 0.5).clip(0, 255).astype(np.uint8)
    return 255 - raster if inverted else raster


def _look_up(palette: Raster, samples: Samples) -> Raster:
    raster: Raster = palette[samples]
    return raster


def _palette(dataset: Dataset, transfer_syntax: str, entries: int) -> Raster:
    """The colour of each sample, of shape (entries, 3): a full table of 16 bits (PS3.3 C.7.6.3.1.5)."""
    order = ">" if transfer_syntax == EXPLICIT_VR_BIG_ENDIAN else "<"
    palette = np.empty((entries, 3), np.uint8)
    for number, colour in enumerate(_COLOURS):
        name = f"{colour}PaletteColorLookupTable"
        # A descriptor cannot hold 65536: it has 0 then.
        descriptor = element_value(dataset, f"{name}Descriptor")
        if not isinstance(descriptor, MutableSequence) or list(descriptor) != [entries % 65536, 0, 16]:
            raise UnsupportedMediaType("Palettes are shown only if they are full and of 16 bits")
        palette[:, number] = _words(element_value(dataset, f"{name}Data"), order, entries) >> 8
    return palette


def _words(value: Any, order: str, count: int) -> NDArray[np.uint16]:
    if isinstance(value, bytes) and len(value) == 2 * count:
        return np.frombuffer(value, f"{order}u2")
    if isinstance(value, MutableSequence) and len(value) == count:
        words = [word for word in value if isinstance(word, int) and 0 <= word < 65536]
        if len(words) == count:
            return np.array(words, np.uint16)
    raise UnsupportedMediaType("A palette is malformed")
