"""What the index keeps of a file: the main DICOM tags of each level and the metadata of the instance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from chalicelib.dicom.dictionary import STANDARD, parse_tag
from chalicelib.dicom.elements import find_element
from chalicelib.dicom.reader import EXPLICIT_BIG_ENDIAN, EXPLICIT_LITTLE_ENDIAN
from chalicelib.dicom.shown_values import MAXIMUM_LENGTH, shown_value
from chalicelib.dicom.text import TextDecoder
from chalicelib.domain.levels import Level
from chalicelib.domain.main_dicom_tags import MAIN_DICOM_TAGS, hexadecimal, signature

if TYPE_CHECKING:
    from chalicelib.dicom.reader import Header

SOP_CLASS_UID = 0x00080016
INSTANCE_NUMBER = 0x00200013
IMAGE_INDEX = 0x00541330
BITS_ALLOCATED = 0x00280100
_NUMBERS = {name: tag for tags in MAIN_DICOM_TAGS.values() for tag, name in tags.items()}


class MainValues:
    """The values of single elements of a header's top level, as texts."""

    def __init__(self, header: Header, default_encoding: str) -> None:
        self._dataset = header.dataset
        self._little_endian = header.dataset.original_encoding[1] is not False
        self._decoder = TextDecoder.of(header.dataset, default_encoding)

    def get(self, tag: int) -> str | None:
        """The text of an element; None where it is missing, over-long, binary or a sequence."""
        element = find_element(self._dataset, tag, STANDARD)
        if element is None or element.items is not None:
            return None
        value = shown_value(element, self._little_endian, self._decoder.decode)
        return value if value is None or len(value.encode()) <= MAXIMUM_LENGTH else None

    def some(self, tags: Mapping[int, str]) -> dict[str, str]:
        """Those of the tags that have a text, by name."""
        found = ((name, self.get(tag)) for tag, name in tags.items())
        return {name: value for name, value in found if value is not None}

    def natural(self, tag: int) -> int | None:
        """The value as a whole number of at least 0, or None."""
        return _natural(self.get(tag))


def instance_metadata(header: Header, values: MainValues) -> dict[str, str]:
    """The metadata that Orthanc takes from the file, under its names."""
    metadata = {
        "MainDicomTagsSignature": signature(Level.INSTANCE),
        "SopClassUid": values.get(SOP_CLASS_UID) or "",
        "TransferSyntax": header.transfer_syntax,
    }
    position = _position(values)
    if position is not None:
        metadata["IndexInSeries"] = position
    if header.pixel_data_tag_bytes is not None:
        metadata["PixelDataOffset"] = str(header.pixel_data_tag_bytes)
    if _is_unusual_vr(header, values):
        metadata["PixelDataVR"] = header.pixel_data_vr
    return metadata


def _is_unusual_vr(header: Header, values: MainValues) -> bool:
    """Whether bytes are stored as words; Orthanc notes the VR then."""
    bits = values.natural(BITS_ALLOCATED)
    is_explicit = header.transfer_syntax in (EXPLICIT_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN)
    return is_explicit and bits is not None and bits <= 8 and header.pixel_data_vr == "OW"


def index_in_series(values: MainValues) -> int | None:
    """The instance's place in its series: InstanceNumber, or else ImageIndex."""
    return _natural(_position(values))


def _position(values: MainValues) -> str | None:
    number = values.get(INSTANCE_NUMBER)
    return values.get(IMAGE_INDEX) if number is None else number


def _natural(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 10 else None


def expected_number_of_instances(values: MainValues) -> int | None:
    """How many instances the series announces, by Orthanc's rules, or None."""
    images, positions = values.natural(0x00201002), values.natural(0x00200105)
    slices, time_slices = values.natural(0x00540081), values.natural(0x00540101)
    if images is not None and positions is not None:
        expected: int | None = images * positions
    elif slices is not None and time_slices is not None:
        expected = slices * time_slices
    else:
        expected = values.natural(0x00181090)
    return expected or None


def requested_tags(values: MainValues, names: Iterable[str]) -> dict[str, str]:
    """The texts of any tags of the top level, by the names given."""
    return values.some({parse_tag(name): name for name in names})


def tag_of_keyword(name: str) -> str:
    """A tag as Orthanc writes it, from its name: ``PatientName`` to ``0010,0010``.

    Raises
    ------
    UnknownDicomTag
        No tag has this name.
    """
    return hexadecimal(_NUMBERS.get(name) or parse_tag(name))
