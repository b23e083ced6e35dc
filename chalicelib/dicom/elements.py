"""The elements of a dataset as they stand in the file: tag, VR, private creator, bytes or items.

pydicom converts an element when it is asked for; most answers need no more than bytes, so none is converted here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.dicom.dictionary import Dictionary, is_private_creator
from chalicelib.domain.errors import BadFileFormat

if TYPE_CHECKING:
    from pydicom import Dataset

TEXT_VRS = frozenset(
    ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT")
)
PIXEL_REPRESENTATION = 0x00280103
UNDEFINED_LENGTH = 0xFFFFFFFF
_IMPLICIT_HEAD_BYTES = 8


class Element(NamedTuple):
    """One element."""

    tag: int
    vr: str
    """Two letters; with implicit VR the dictionary's, and UN where that knows none."""
    known_vr: str
    """The dictionary's."""
    creator: str
    """The private creator of the block, or an empty text."""
    name: str
    value: bytes
    """As in the file; empty for a sequence, and where an item holds encapsulated pixel data."""
    items: Sequence[Dataset] | None
    """The items of a sequence, None for all else."""


def elements_of(dataset: Dataset, dictionary: Dictionary) -> Iterator[Element]:
    """The elements of a dataset, by tag.

    Raises
    ------
    BadFileFormat
        A sequence in it is malformed.
    """
    creators: dict[int, str] = {}
    for key in sorted(dataset.keys(), key=int):  # as plain numbers: pydicom's tags compare slowly
        tag = int(key)
        element = _element(dataset, tag, creators.get(tag >> 8, "") if tag & 0x10000 else "", dictionary)
        if is_private_creator(tag) and element.vr in TEXT_VRS:
            creators[_block(tag)] = _creator(element.value)
        yield element


def find_element(dataset: Dataset, tag: int, dictionary: Dictionary) -> Element | None:
    """One element of a dataset, or None.

    Raises
    ------
    BadFileFormat
        It is a malformed sequence.
    """
    if tag not in dataset:
        return None
    creator = creator_of_block(dataset, tag, dictionary) if is_in_private_block(tag) else ""
    return _element(dataset, tag, creator, dictionary)


def is_in_private_block(tag: int) -> bool:
    """Whether a tag is a private one that a private creator reserves (PS3.5 7.8.1)."""
    return bool(tag & 0x10000) and tag & 0xFFFF > 0xFF


def creator_of_block(dataset: Dataset, tag: int, dictionary: Dictionary) -> str:
    """The private creator whose block a private tag belongs to, (0009,10xx) to (0009,0010); empty if there is none."""
    element = find_element(dataset, creator_tag(tag), dictionary)
    return _creator(element.value) if element is not None and element.vr in TEXT_VRS else ""


def _element(dataset: Dataset, tag: int, creator: str, dictionary: Dictionary) -> Element:
    raw: Any = dataset.get_item(tag, keep_deferred=True)  # or it converts empty elements
    known_vr, name = dictionary.find(tag, creator)
    vr = raw.VR or implicit_vr(tag, known_vr, dataset)
    items = _items(raw) if vr == "SQ" else None
    value = raw.value if items is None and getattr(raw, "length", 0) != UNDEFINED_LENGTH else b""
    if not isinstance(value, bytes):
        value = _encode(raw, dataset)
    return Element(tag, vr, known_vr, creator, name, value, items)


def _encode(element: Any, dataset: Dataset) -> bytes:
    """The bytes of an element that pydicom has converted, as it does with the pixel representation of items."""
    if element.value is None or element.value == "":
        return b""
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_data_element

    written = DicomBytesIO()
    written.is_implicit_VR, written.is_little_endian = True, bool(dataset.original_encoding[1])
    try:
        write_data_element(written, element)
    # What odd values make pydicom raise is of any kind.
    except Exception as error:
        raise BadFileFormat("An element of an item is malformed") from error
    return written.getvalue()[_IMPLICIT_HEAD_BYTES:]


def creator_tag(tag: int) -> int:
    """The tag of the private creator of a private tag's block."""
    return (tag & 0xFFFF0000) | (tag >> 8 & 0xFF)


def _block(creator: int) -> int:
    """What the tags of a block start with: (0009,0010) reserves (0009,10xx)."""
    return (creator >> 8 & ~0xFF) | creator & 0xFF


def _creator(value: bytes) -> str:
    return value.partition(b"\0")[0].rstrip(b" ").decode("latin-1")


def implicit_vr(tag: int, vr: str, dataset: Dataset) -> str:
    """The VR that is meant by the dictionary's, which may leave a choice (PS3.6)."""
    if vr == "US or SS":
        return _sample_vr(tag, dataset)
    return "OW" if " or " in vr else vr


def _sample_vr(tag: int, dataset: Dataset) -> str:
    """US or SS, as the item's own Pixel Representation says; OW if it does not, or only further down."""
    if tag < PIXEL_REPRESENTATION or PIXEL_REPRESENTATION not in dataset:
        return "OW"
    raw: Any = dataset.get_item(PIXEL_REPRESENTATION, keep_deferred=True)
    return "SS" if raw.value in (b"\1\0", 1) else "US"  # 1: pydicom has converted it


def _items(raw: Any) -> Sequence[Dataset]:
    """The items of a sequence: pydicom has read those of undefined length, and left the others as bytes."""
    if not getattr(raw, "is_raw", False):
        items: Sequence[Dataset] = raw.value
        return items
    if not raw.value:
        return ()
    from pydicom.values import convert_SQ

    try:
        return convert_SQ(raw.value, raw.is_implicit_VR, raw.is_little_endian)
    # What malformed bytes make pydicom raise is of any kind.
    except Exception as error:
        raise BadFileFormat("A sequence is malformed") from error
