"""What lies at a path into a dataset: a list of tags, a list of items, or the bytes of a value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chalicelib.dicom.dictionary import Dictionary
from chalicelib.dicom.elements import TEXT_VRS, find_element
from chalicelib.dicom.shown_values import unpadded_text
from chalicelib.domain.errors import AbsentElement

if TYPE_CHECKING:
    from pydicom import Dataset

Content = list[str] | bytes
"""A listing, or a value."""

_WORD_BYTES = {
    **dict.fromkeys(("AT", "OW", "SS", "US"), 2),
    **dict.fromkeys(("FL", "OF", "OL", "SL", "UL"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
}
"""The VRs whose values are words, which have a byte order (PS3.5 7.3)."""


def find_content(
    dataset: Dataset, path: Sequence[str], dictionary: Dictionary, little_endian: bool
) -> Content:
    """Follow a path, by turns a tag and the number of an item.

    Parameters
    ----------
    path
        Segments such as ``0008-1140``, ``0``, ``0008-1150``; at least one.
    little_endian
        The byte order of the file.

    Raises
    ------
    AbsentElement
        There is no such element or item.
    UnknownDicomTag
        A segment that should name a tag does not.
    """
    element = find_element(dataset, dictionary.parse(path[0]), dictionary)
    if element is None or (element.items is None and len(path) > 1):
        raise AbsentElement
    if element.items is None:
        return native_value(element.vr, element.value, little_endian)
    if len(path) == 1:
        return [str(number) for number in range(len(element.items))]
    item = element.items[item_number(path[1], len(element.items))]
    if len(path) == 2:
        return tag_names(item)
    return find_content(item, path[2:], dictionary, little_endian)


def tag_names(dataset: Dataset) -> list[str]:
    """The tags of a dataset, in order, as paths have them."""
    return [tag_name(int(tag)) for tag in sorted(dataset.keys(), key=int)]


def tag_name(tag: int) -> str:
    """A tag as paths have it."""
    return f"{tag >> 16:04x}-{tag & 0xFFFF:04x}"


def item_number(text: str, count: int) -> int:
    """The number of one of `count` items.

    Raises
    ------
    AbsentElement
        There is no such item.
    """
    if not (text.isascii() and text.isdigit() and len(text) < 10) or int(text) >= count:
        raise AbsentElement
    return int(text)


def native_value(vr: str, value: bytes, little_endian: bool) -> bytes:
    """A value as Orthanc gives it: of even length, a text with one space of padding at most, words little endian."""
    if vr in TEXT_VRS:
        return _padded_text(vr, value)
    value += b"\0" * (len(value) % 2)
    return value if little_endian else swap_words(vr, value)


def swap_words(vr: str, value: bytes) -> bytes:
    """A value in the other byte order; what is left of a last word that is cut off stays as it is."""
    size = _WORD_BYTES.get(vr, 1)
    if size == 1:
        return value
    swapped = bytearray(value)
    whole = len(value) - len(value) % size
    for offset in range(size):
        swapped[offset:whole:size] = value[size - 1 - offset : whole : size]
    return bytes(swapped)


def _padded_text(vr: str, value: bytes) -> bytes:
    padding = b"\0" if vr == "UI" or len(value) % 2 else b" "
    text = unpadded_text(vr, value)
    return text + padding * (len(text) % 2)
