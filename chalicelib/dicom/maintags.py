"""What the index keeps of a file: the main DICOM tags of each level and the metadata of the instance."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from chalicelib.dicom.dictionary import STANDARD, parse_tag
from chalicelib.dicom.elements import find_element
from chalicelib.dicom.reader import EXPLICIT_BIG_ENDIAN, EXPLICIT_LITTLE_ENDIAN
from chalicelib.dicom.scanner import PIXEL_DATA
from chalicelib.dicom.shown_values import MAXIMUM_LENGTH, shown_value
from chalicelib.dicom.tags_json import TagsReader
from chalicelib.dicom.text import SPACES, TextDecoder
from chalicelib.domain.levels import Level
from chalicelib.domain.main_dicom_tags import MAIN_DICOM_TAGS, SEQUENCES, hexadecimal, signature

if TYPE_CHECKING:
    from chalicelib.dicom.reader import Header

SOP_CLASS_UID = 0x00080016
INSTANCE_NUMBER = 0x00200013
IMAGE_INDEX = 0x00541330
BITS_ALLOCATED = 0x00280100
MAXIMUM_NATURAL = 0xFFFFFFFF
MAXIMUM_SEQUENCE_LENGTH = 32 * 1024
"""Bytes of JSON that the index keeps of a sequence. An item of DynamoDB has room for 400 KB."""
EXPECTED_BY = ((0x00201002, 0x00200105), (0x00540081, 0x00540101), (0x00181090,))
"""ImagesInAcquisition by NumberOfTemporalPositions, NumberOfSlices by NumberOfTimeSlices, CardiacNumberOfImages."""
_NATURAL = re.compile(r"\+?[0-9]{1,20}")
_NUMBERS = {name: tag for tags in MAIN_DICOM_TAGS.values() for tag, name in tags.items()}


class MainValues:
    """The values of single elements of a header's top level, as texts."""

    def __init__(self, header: Header, default_encoding: str) -> None:
        self._dataset = header.dataset
        self._little_endian = header.dataset.original_encoding[1] is not False
        self._decode = TextDecoder.of(header.dataset, default_encoding).convert

    def has(self, tag: int) -> bool:
        """Whether the element is there, with a text or without."""
        return tag in self._dataset

    def get(self, tag: int) -> str | None:
        """The text of an element; None where it is missing, over-long, binary or a sequence."""
        element = find_element(self._dataset, tag, STANDARD)
        if element is None or element.items is not None:
            return None
        value = shown_value(element, self._little_endian, self._decode)
        return value if value is None or _is_short(value) else None

    def items(self, tag: int) -> str | None:
        """The items of a sequence as JSON in the full format; None where there is none, or too long a one."""
        element = find_element(self._dataset, tag, STANDARD)
        if element is None or element.items is None:
            return None
        reader = TagsReader(self._decode, self._little_endian)
        text = json.dumps([reader.read(item) for item in element.items], ensure_ascii=False)
        return text if len(text.encode()) <= MAXIMUM_SEQUENCE_LENGTH else None

    def some(self, tags: Mapping[int, str]) -> dict[str, str]:
        """Those of the tags that have a value, by name."""
        found = (
            (name, self.items(tag) if name in SEQUENCES else self.get(tag)) for tag, name in tags.items()
        )
        return {name: value for name, value in found if value is not None}

    def natural(self, tag: int) -> int | None:
        """The value as a whole number of 32 bits, or None."""
        return _natural(self.get(tag))


def _is_short(text: str) -> bool:
    return len(text) * 4 <= MAXIMUM_LENGTH or len(text.encode("utf-8", "replace")) <= MAXIMUM_LENGTH


def instance_metadata(header: Header, values: MainValues) -> dict[str, str]:
    """The metadata that Orthanc takes from the file, under its names."""
    metadata = {
        "MainDicomTagsSignature": signature(Level.INSTANCE),
        "TransferSyntax": header.transfer_syntax,
    }
    sop_class, position = values.get(SOP_CLASS_UID), _position(values)
    if sop_class is not None:
        metadata["SopClassUid"] = sop_class
    if position is not None:
        metadata["IndexInSeries"] = position
    if header.pixel_data_tag == PIXEL_DATA and header.pixel_data_tag_bytes is not None:
        metadata["PixelDataOffset"] = str(header.pixel_data_tag_bytes)
        if _is_unusual_vr(header, values):
            metadata["PixelDataVR"] = header.pixel_data_vr
    return metadata


def _is_unusual_vr(header: Header, values: MainValues) -> bool:
    """Whether the VR is not the one that the bits allocated suggest; Orthanc notes it then (PS3.5, section 8.1.2)."""
    usual = "OW" if (values.natural(BITS_ALLOCATED) or 0) > 8 else "OB"
    is_explicit = header.transfer_syntax in (EXPLICIT_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN)
    return is_explicit and header.pixel_data_vr != usual


def index_in_series(values: MainValues) -> int | None:
    """The instance's place in its series: InstanceNumber, or else ImageIndex."""
    return _natural(_position(values))


def _position(values: MainValues) -> str | None:
    number = values.get(INSTANCE_NUMBER)
    position = values.get(IMAGE_INDEX) if number is None else number
    return None if position is None else position.strip(SPACES)


def _natural(text: str | None) -> int | None:
    if text is None or not _NATURAL.fullmatch(text) or int(text) > MAXIMUM_NATURAL:
        return None
    return int(text)


def expected_number_of_instances(values: MainValues) -> int | None:
    """How many instances the series announces, or None.

    Orthanc goes by the first of these rules whose elements are there, even if their values are useless.
    """
    for tags in EXPECTED_BY:
        if all(values.get(tag) is not None for tag in tags):
            factors = [values.natural(tag) or 0 for tag in tags]
            expected = math.prod(factors)
            return expected if 0 < expected <= MAXIMUM_NATURAL else None
    return None


def tag_of_keyword(name: str) -> str:
    """A tag as Orthanc writes it, from its name: ``PatientName`` to ``0010,0010``.

    Raises
    ------
    UnknownDicomTag
        No tag has this name.
    """
    return hexadecimal(_NUMBERS.get(name) or parse_tag(name))
