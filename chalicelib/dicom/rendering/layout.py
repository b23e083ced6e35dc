"""How the pixels of an image are laid out (PS3.3 C.7.6.3), and which layouts Orthanc shows."""

from __future__ import annotations

from collections.abc import MutableSequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.domain.errors import UnsupportedMediaType

if TYPE_CHECKING:
    from pydicom import Dataset

PHOTOMETRIC_INTERPRETATION = 0x00280004
PLANAR_CONFIGURATION = 0x00280006
PALETTE_COLOR = "PALETTE COLOR"


@dataclass(frozen=True, slots=True)
class PixelLayout:
    """The image pixel module, with Orthanc's defaults for what is missing. All numbers are positive or 0."""

    rows: int
    columns: int
    samples: int
    """Samples per pixel."""
    allocated: int
    stored: int
    high_bit: int
    signed: bool
    planar_configuration: int
    """0: colour by pixel, 1: colour by plane."""
    photometric: str
    """In capitals; empty if it is missing."""

    @property
    def pixels(self) -> int:
        """Pixels of one frame."""
        return self.rows * self.columns

    @property
    def frame_length_bytes(self) -> int:
        """Length of one native frame, without padding."""
        return (self.pixels * self.samples * self.allocated + 7) // 8

    @property
    def is_wide(self) -> bool:
        """The samples are whole numbers of 32 bits, or floating point ones."""
        return self.allocated in {32, 64}

    @property
    def is_palette(self) -> bool:
        """The samples are numbers of colours in a table."""
        return self.photometric == PALETTE_COLOR and self.samples == 1


def read_layout(dataset: Dataset) -> PixelLayout:
    """Read the layout from a header.

    Raises
    ------
    UnsupportedMediaType
        There is none, or not one that is shown.
    """
    layout = image_layout(dataset)
    if not _is_shown(layout) or number_of_frames(dataset) < 1:
        raise UnsupportedMediaType("This pixel layout cannot be shown")
    return layout


def frame_length_bytes(dataset: Dataset) -> int:
    """Length of one frame of native pixel data, rounded up to whole 16-bit words.

    Frames follow each other without padding: with an odd length, the last byte is the next frame's first.

    Raises
    ------
    UnsupportedMediaType
        The header does not describe an image.
    """
    length = image_layout(dataset).frame_length_bytes
    return length + length % 2


def read_native_length(dataset: Dataset) -> int:
    """Length of one frame of native pixel data among others, in bytes; raises as `frame_length_bytes` does."""
    return image_layout(dataset).frame_length_bytes


def image_layout(dataset: Dataset) -> PixelLayout:
    """Read any layout from a header, shown or not.

    Raises
    ------
    UnsupportedMediaType
        The header does not describe an image.
    """
    allocated = _number(dataset, "BitsAllocated")
    stored = _number(dataset, "BitsStored", allocated)
    layout = PixelLayout(
        rows=_number(dataset, "Rows"),
        columns=_number(dataset, "Columns"),
        samples=_number(dataset, "SamplesPerPixel", 1),
        allocated=allocated,
        stored=stored,
        high_bit=_number(dataset, "HighBit", max(stored - 1, 0)),
        signed=_number(dataset, "PixelRepresentation", 0) != 0,
        planar_configuration=_number(dataset, "PlanarConfiguration", 0),
        photometric=str(element_value(dataset, "PhotometricInterpretation") or "").strip().upper(),
    )
    if not layout.frame_length_bytes:
        raise UnsupportedMediaType("An image without pixels cannot be shown")
    return layout


def number_of_frames(dataset: Dataset) -> int:
    """How many frames the image has; one if the header does not say.

    Raises
    ------
    UnsupportedMediaType
        The number is malformed.
    """
    return _number(dataset, "NumberOfFrames", 1)


def _is_shown(layout: PixelLayout) -> bool:
    depth = (layout.allocated, layout.stored)
    if layout.is_palette:
        return not layout.signed and depth in {(8, 8), (16, 16)}
    if layout.samples == 3:
        shown = depth in {(8, 8), (16, 8), (16, 16)} and layout.planar_configuration in {0, 1}
        return shown and not layout.signed
    if layout.samples != 1:
        return False
    if layout.allocated == 16:
        return 2 <= layout.stored <= 16
    if layout.is_wide:
        return 2 <= layout.stored <= layout.allocated
    return not layout.signed and depth in {(1, 1), (8, 8)}


def _number(dataset: Dataset, keyword: str, default: int | None = None) -> int:
    value = element_value(dataset, keyword)
    if isinstance(value, MutableSequence):
        value = value[0] if value else None
    if value is None or value == "":
        value = default
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise UnsupportedMediaType(f"{keyword} is missing or malformed") from error
    if number < 0:
        raise UnsupportedMediaType(f"{keyword} is negative")
    return number


def element_value(dataset: Dataset, keyword: str) -> Any:
    """The value of an element, a `MutableSequence` if there are several, None if it is absent.

    Raises
    ------
    UnsupportedMediaType
        Its bytes do not make a value.
    """
    try:
        return dataset.get(keyword)
    # pydicom converts bytes to values here, and what hostile ones make it raise is of any kind.
    except Exception as error:
        raise UnsupportedMediaType(f"{keyword} is malformed") from error
