"""What lies at a path into a file: as `content`, with the pixel data and what follows it."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.dicom.content import Content, find_content, item_number, tag_name, tag_names
from chalicelib.dicom.dictionary import Dictionary
from chalicelib.dicom.pixel_data import PixelData
from chalicelib.dicom.reader import EXPLICIT_BIG_ENDIAN, Header
from chalicelib.domain.errors import AbsentElement

PIXEL_DATA = 0x7FE00010


def find_file_content(
    header: Header, pixel_data: PixelData | None, path: Sequence[str], dictionary: Dictionary
) -> Content:
    """Follow a path, by turns a tag and the number of an item. Pixel data is a sequence of values.

    Parameters
    ----------
    pixel_data
        None if the file has none. It is read only if the path leads to it or beyond, or is empty.
    path
        Segments such as ``0008-1140``, ``0``, ``0008-1150``. An empty one leads to the tags of the dataset.

    Raises
    ------
    AbsentElement
        There is no such element or item.
    UnknownDicomTag
        A segment that should name a tag does not.
    BadFileFormat
        The file is malformed at that place.
    PayloadTooLarge
        The value is larger than can be given.
    """
    if pixel_data is None or header.pixel_data_tag is None:
        dataset = header.dataset
    elif not path:
        return [
            *tag_names(header.dataset),
            tag_name(header.pixel_data_tag),
            *tag_names(pixel_data.following()),
        ]
    else:
        tag = dictionary.parse(path[0])
        if tag == header.pixel_data_tag:
            return _pixel_content(pixel_data, tag, path[1:])
        dataset = header.dataset if tag < header.pixel_data_tag else pixel_data.following()
    if not path:
        return tag_names(dataset)
    return find_content(dataset, path, dictionary, header.transfer_syntax != EXPLICIT_BIG_ENDIAN)


def _pixel_content(pixel_data: PixelData, tag: int, path: Sequence[str]) -> Content:
    """Floating-point pixel data is a value; of the other, paths name the parts."""
    if tag != PIXEL_DATA:
        if path:
            raise AbsentElement
        return pixel_data.part(*pixel_data.parts[0])
    if not path:
        return [str(number) for number in range(len(pixel_data.parts))]
    if len(path) > 1:
        raise AbsentElement
    return pixel_data.part(*pixel_data.parts[item_number(path[0], len(pixel_data.parts))])
