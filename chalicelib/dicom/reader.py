"""Read a DICOM file up to its pixel data, in bounded time and memory, whatever the bytes are.

The elements stay as they are in the file until somebody asks for one. Files are taken as Orthanc takes them: with
or without preamble (PS3.10, section 7.1), of any transfer syntax; nothing that is cut off.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

from chalicelib.domain.errors import BadFileFormat

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.dataelem import DataElement, RawDataElement
    from pydicom.dataset import FileMetaDataset
    from pydicom.tag import BaseTag

IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
DEFLATED_LITTLE_ENDIAN = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG_ENDIAN = "1.2.840.10008.1.2.2"
MAX_INFLATED_BYTES = 512 * 1024 * 1024
PIXEL_DATA_TAGS = frozenset({0x7FE00010, 0x7FE00009, 0x7FE00008})
UNDEFINED = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Header:
    """A file without its pixel data. Offsets and lengths are in bytes from the file's beginning.

    Of a deflated file the whole is the header, since no part of it can be read alone; `pixel_data` then holds the
    inflated value.
    """

    dataset: Dataset
    file_meta: FileMetaDataset
    transfer_syntax: str
    header_length_bytes: int
    pixel_data_tag_bytes: int | None
    """Where the element begins; its value begins at `pixel_data_offset_bytes`."""
    pixel_data_offset_bytes: int | None
    first_frame_end_bytes: int | None
    pixel_data_vr: str = ""
    pixel_data: bytes = b""
    pixel_data_tag: int | None = None
    """Which of the three pixel data elements it is; None without one."""
    pixel_data_length_bytes: int | None = None
    """Length of its value, None if it is undefined: encapsulated."""


def read_header(source: bytes | BinaryIO, size: int) -> Header:
    """Read the header of a DICOM file.

    Parameters
    ----------
    source
        The file, or as much of its beginning as `header_length_bytes` says.
    size
        The size of the whole file.

    Raises
    ------
    BadFileFormat
        The bytes are not a DICOM file, or one that is cut off, or nested too deeply.
    """
    stream = BytesIO(source) if isinstance(source, bytes) else source
    try:
        return _read(stream, size)
    except BadFileFormat:
        raise
    # pydicom, zlib and struct raise errors of many kinds on hostile bytes.
    except Exception as error:
        raise BadFileFormat(f"Cannot parse an invalid DICOM file (size: {size} bytes)") from error


def _read(stream: BinaryIO, size: int) -> Header:
    _skip_preamble(stream)
    file_meta = _read_file_meta(stream)
    syntax = str(file_meta.get("TransferSyntaxUID", "")) or _guess_transfer_syntax(stream)
    if syntax == DEFLATED_LITTLE_ENDIAN:
        return _read_deflated(stream, size, file_meta)
    dataset, pixels = _read_dataset(stream, size, syntax)
    offset = pixels.offset if pixels else None
    return Header(
        dataset=dataset,
        file_meta=file_meta,
        transfer_syntax=syntax,
        header_length_bytes=size if offset is None else offset,
        pixel_data_tag_bytes=pixels.tag_offset if pixels else None,
        pixel_data_offset_bytes=offset,
        first_frame_end_bytes=_first_frame_end(stream, size, dataset, pixels) if pixels else None,
        pixel_data_vr=pixels.vr if pixels else "",
        pixel_data_tag=pixels.tag if pixels else None,
        pixel_data_length_bytes=pixels.defined_length if pixels else None,
    )


def _skip_preamble(stream: BinaryIO) -> None:
    if stream.read(132)[128:] != b"DICM":
        stream.seek(0)


def _read_file_meta(stream: BinaryIO) -> FileMetaDataset:
    """The elements of group 2, always explicit little endian (PS3.10, section 7.1)."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.filereader import data_element_generator

    start = stream.tell()
    if stream.read(2) != b"\2\0":
        stream.seek(start)
        return FileMetaDataset()
    stream.seek(start)
    found = data_element_generator(
        stream, False, True, stop_when=lambda tag, _vr, _length: int(tag) >> 16 != 2
    )
    return FileMetaDataset({element.tag: element for element in found})


def _guess_transfer_syntax(stream: BinaryIO) -> str:
    """What the first element looks like, for a file that does not say it."""
    start = stream.tell()
    head = stream.read(6)
    stream.seek(start)
    explicit = head[4:6].isalpha() and head[4:6].isupper()
    if len(head) < 6:
        raise BadFileFormat("The file is too short")
    group = struct.unpack("<H", head[:2])[0]
    if explicit:
        return EXPLICIT_BIG_ENDIAN if group > 0xFF and group & 0xFF == 0 else EXPLICIT_LITTLE_ENDIAN
    return IMPLICIT_LITTLE_ENDIAN


@dataclass(frozen=True, slots=True)
class _Pixels:
    """Where the pixel data and its value stand."""

    tag: int
    tag_offset: int
    offset: int
    length: int
    vr: str

    @property
    def defined_length(self) -> int | None:
        """The length, if it is defined."""
        return None if self.length == UNDEFINED else self.length


def _read_dataset(stream: BinaryIO, size: int, syntax: str) -> tuple[Dataset, _Pixels | None]:
    from pydicom import Dataset

    implicit = syntax == IMPLICIT_LITTLE_ENDIAN
    little = syntax != EXPLICIT_BIG_ENDIAN
    elements: dict[BaseTag, DataElement | RawDataElement] = {}
    for element in _elements(stream, implicit, little):
        elements.setdefault(element.tag, element)  # of two with one tag, Orthanc takes the first
    dataset = Dataset(elements)
    dataset.set_original_encoding(implicit, little)
    return dataset, _pixels(stream, size, implicit, little)


def _elements(stream: BinaryIO, implicit: bool, little: bool) -> Iterator[DataElement | RawDataElement]:
    """The elements up to the pixel data, checked to be whole."""
    from pydicom.filereader import data_element_generator

    def at_pixels(tag: int, _vr: str | None, _length: int) -> bool:
        return tag in PIXEL_DATA_TAGS

    for element in data_element_generator(stream, implicit, little, stop_when=at_pixels):
        length = getattr(element, "length", UNDEFINED)
        if length != UNDEFINED and len(element.value or b"") != length:
            raise BadFileFormat("The file is cut off")
        yield element


def _pixels(stream: BinaryIO, size: int, implicit: bool, little: bool) -> _Pixels | None:
    head = stream.read(12)
    if not head:
        return None
    order = "<" if little else ">"
    if implicit:
        vr, length, header_bytes = "OW", struct.unpack(f"{order}I", head[4:8])[0], 8
    else:
        vr, length, header_bytes = head[4:6].decode("ascii"), struct.unpack(f"{order}I", head[8:12])[0], 12
    offset = stream.tell() - len(head) + header_bytes
    stream.seek(offset)
    if length != UNDEFINED and offset + length > size:
        raise BadFileFormat("The pixel data is cut off")
    group, element = struct.unpack(f"{order}HH", head[:4])
    return _Pixels(group << 16 | element, offset - header_bytes, offset, length, vr)


def _first_frame_end(stream: BinaryIO, size: int, dataset: Dataset, pixels: _Pixels) -> int | None:
    from pydicom import Dataset

    from chalicelib.dicom.rendering import frame_length_bytes
    from chalicelib.domain.errors import UnsupportedMediaType

    if pixels.length == UNDEFINED:
        return _first_fragment_end(stream, pixels.offset)
    try:
        # On a dataset of its own: pydicom converts an element that is asked for, in place.
        tags = [tag for tag in list(dataset.keys()) if tag >> 16 == 0x28]
        image = Dataset({tag: dataset.get_item(tag) for tag in tags})
        return min(pixels.offset + frame_length_bytes(image), size)
    except UnsupportedMediaType:
        return None


def _first_fragment_end(stream: BinaryIO, offset: int) -> int | None:
    """The end of the first fragment behind the basic offset table (PS3.5, section A.4), if it can be read here."""
    end = offset
    for _ in range(2):
        stream.seek(end)
        head = stream.read(8)
        if len(head) < 8:
            return None
        end += 8 + int(struct.unpack("<I", head[4:])[0])
    return end


def _read_deflated(stream: BinaryIO, size: int, file_meta: FileMetaDataset) -> Header:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    data = inflater.decompress(stream.read(), MAX_INFLATED_BYTES)
    if inflater.unconsumed_tail:
        raise BadFileFormat("The file inflates to too much")
    inflated = BytesIO(data)
    dataset, pixels = _read_dataset(inflated, len(data), EXPLICIT_LITTLE_ENDIAN)
    return Header(
        dataset=dataset,
        file_meta=file_meta,
        transfer_syntax=DEFLATED_LITTLE_ENDIAN,
        header_length_bytes=size,
        pixel_data_tag_bytes=None,
        pixel_data_offset_bytes=None,
        first_frame_end_bytes=None,
        pixel_data_vr=pixels.vr if pixels else "",
        pixel_data_tag=pixels.tag if pixels else None,
        pixel_data_length_bytes=pixels.defined_length if pixels else None,
        pixel_data=data[pixels.offset :] if pixels else b"",
    )
