"""A dataset as JSON in Orthanc's three formats.

The full format gives each tag (``0010,0020``) an object with `Name`, `Type`, `Value`, and `PrivateCreator` for private
ones. Its types are `String`, `Sequence`, `TooLong` (a text that is left out) and `Null` (binary, or nothing).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.dicom.dictionary import STANDARD, Dictionary
from chalicelib.dicom.elements import Element, elements_of
from chalicelib.dicom.reader import EXPLICIT_BIG_ENDIAN, Header
from chalicelib.dicom.shown_values import MAXIMUM_LENGTH, Decode, is_long_list, shown_value
from chalicelib.dicom.text import TextDecoder
from chalicelib.domain.tag_format import TagFormat

if TYPE_CHECKING:
    from pydicom import Dataset

Json = dict[str, Any]


def tag_text(tag: int) -> str:
    """A tag as JSON has it."""
    return f"{tag >> 16:04x},{tag & 0xFFFF:04x}"


_PIXEL_DATA = tag_text(0x7FE00010)


@dataclass(frozen=True, slots=True)
class TagsReader:
    """Converts datasets of one file to the full format."""

    decode: Decode
    """From the bytes of a text to what is shown of them. Orthanc goes by the file's character set in all items."""
    little_endian: bool = True
    dictionary: Dictionary = STANDARD
    unlimited: Collection[int] = ()
    """Tags whose texts are shown whatever their length (`ignore-length`)."""

    def read(self, dataset: Dataset, only: Collection[int] | None = None) -> Json:
        """The elements of a dataset, by tag.

        Parameters
        ----------
        dataset
            Of a file or an item.
        only
            The tags to read; all if not given.

        Raises
        ------
        BadFileFormat
            A sequence is malformed.
        """
        return {
            tag_text(element.tag): self._read(element)
            for element in elements_of(dataset, self.dictionary)
            if only is None or element.tag in only
        }

    def _read(self, element: Element) -> Json:
        if element.items is not None:
            kind, value = "Sequence", [self.read(item) for item in element.items]
        else:
            kind, value = self._text(element)
        shown: Json = {"Name": element.name, "Type": kind, "Value": value}
        if element.creator and element.items is None:  # Orthanc leaves it out of sequences
            shown["PrivateCreator"] = element.creator
        return shown

    def _text(self, element: Element) -> tuple[str, Any]:
        if is_long_list(element) and element.tag not in self.unlimited:
            return "TooLong", None
        text = shown_value(element, self.little_endian, self.decode)
        if text is None:
            return "Null", None
        is_long = len(text) * 4 > MAXIMUM_LENGTH and len(text.encode("utf-8", "replace")) > MAXIMUM_LENGTH
        if is_long and element.tag not in self.unlimited:
            return "TooLong", None
        return "String", text


def read_tags(
    header: Header,
    reader: TagsReader,
    *,
    only: Collection[int] | None = None,
    following: Dataset | None = None,
) -> Json:
    """The tags of a file in the full format, without those of its file meta information.

    Parameters
    ----------
    only
        The tags to read; all if not given.
    following
        The elements behind the pixel data, if they are wanted too.

    Raises
    ------
    BadFileFormat
        A sequence is malformed.
    """
    tags = reader.read(header.dataset, only)
    if following is None:
        tags = {tag: element for tag, element in tags.items() if tag <= _PIXEL_DATA}
    if header.pixel_data_tag is not None and only is None:
        name = reader.dictionary.find(header.pixel_data_tag, "").name
        tags[tag_text(header.pixel_data_tag)] = {"Name": name, "Type": "Null", "Value": None}
    return tags | reader.read(following) if following is not None else tags


def read_file_meta(header: Header) -> Json:
    """The file meta information (PS3.10 7.1) in the full format, without what is binary."""
    tags = TagsReader(lambda value: value.decode("ascii", "ignore")).read(header.file_meta)
    return {tag: element for tag, element in tags.items() if element["Type"] != "Null"}


def tags_reader(
    header: Header, default_encoding: str, dictionary: Dictionary, unlimited: Collection[int] = ()
) -> TagsReader:
    """The reader for a file; without a character set of its own it is in `default_encoding`."""
    decode = TextDecoder.of(header.dataset, default_encoding).convert
    return TagsReader(decode, header.transfer_syntax != EXPLICIT_BIG_ENDIAN, dictionary, unlimited)


def in_format(full: Mapping[str, Json], form: TagFormat) -> Json:
    """Convert from the full format; where a name occurs twice, the last one stays."""
    if form is TagFormat.FULL:
        return dict(full)
    return dict(_named(full, form))


def _named(full: Mapping[str, Json], form: TagFormat) -> Iterator[tuple[str, Any]]:
    for tag, element in full.items():
        value = element["Value"]
        if element["Type"] == "Sequence":
            value = [in_format(item, form) for item in value]
        yield (tag if form is TagFormat.SHORT else element["Name"]), value
