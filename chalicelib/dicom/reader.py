"""Read a DICOM file up to its pixel data, in bounded time and memory, whatever the bytes are.

The elements stay as they are in the file until somebody asks for one. Files are taken as Orthanc takes them: with
or without preamble (PS3.10, section 7.1), of any transfer syntax; nothing that is cut off.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from io import SEEK_END, BytesIO
from typing import TYPE_CHECKING, BinaryIO

from chalicelib.dicom.scanner import PIXEL_DATA, STANDARD_VRS, UNDEFINED, Scanner
from chalicelib.domain.errors import BadFileFormat, UnsupportedMediaType

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.dataelem import DataElement, RawDataElement
    from pydicom.dataset import FileMetaDataset
    from pydicom.tag import BaseTag

IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
DEFLATED_LITTLE_ENDIAN = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG_ENDIAN = "1.2.840.10008.1.2.2"
NATIVE = frozenset(
    (IMPLICIT_LITTLE_ENDIAN, EXPLICIT_LITTLE_ENDIAN, DEFLATED_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN)
)
MAX_INFLATED_BYTES = 256 * 1024 * 1024
"""Of a deflated dataset. Reading one takes twice as much memory, and one that was refused may still be held."""

TRANSFER_SYNTAX_UID = 0x00020010
NUMBER_OF_FRAMES = 0x00280008
_GROUP_LENGTH_HEAD = b"\2\0\0\0UL\4\0"


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

    If the source is the whole file, what follows the header is checked, too: pixel data that is cut off, or anything
    malformed behind it, is refused.

    Parameters
    ----------
    source
        The file, or as much of its beginning as `header_length_bytes` says.
    size
        The size of the whole file, in bytes.

    Raises
    ------
    BadFileFormat
        The bytes are not a DICOM file, or one that is cut off, or nested too deeply.
    """
    if not size:
        raise BadFileFormat("Received an empty DICOM file")
    stream = BytesIO(source) if isinstance(source, bytes) else source
    try:
        return _read(stream, size)
    except BadFileFormat as error:  # the cause tells more; clients of Orthanc know this text
        raise BadFileFormat(f"Cannot parse an invalid DICOM file (size: {size} bytes)") from error


def _read(stream: BinaryIO, size: int) -> Header:
    is_whole = stream.seek(0, SEEK_END) >= size
    file_meta = _read_file_meta(stream, size)
    if not file_meta and stream.tell() >= size:
        raise BadFileFormat("Nothing follows the preamble")
    syntax = _transfer_syntax(file_meta, stream)
    if syntax == DEFLATED_LITTLE_ENDIAN:
        return _read_deflated(stream, size, file_meta)
    dataset, pixels = _read_dataset(stream, size, syntax, is_whole=is_whole)
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
        pixel_data_length_bytes=pixels.length if pixels else None,
    )


def _read_file_meta(stream: BinaryIO, size: int) -> FileMetaDataset:
    """The elements of group 2, always explicit little endian (PS3.10, section 7.1).

    As many as the group length says, even where it is wrong; without one, until another group comes.
    """
    from pydicom.dataset import FileMetaDataset

    stream.seek(0)
    start = 132 if stream.read(132)[128:] == b"DICM" else 0
    stream.seek(start)
    head = stream.read(12)
    if start and len(head) == 12 and head[4:6] not in STANDARD_VRS:
        raise BadFileFormat("The meta information has no value representations")
    stream.seek(start)
    if head[:2] != b"\2\0":
        return FileMetaDataset()
    has_length = head[:8] == _GROUP_LENGTH_HEAD
    end = min(size, start + 12 + _group_length(head)) if has_length else size
    elements: dict[BaseTag, DataElement | RawDataElement] = {}
    for element in Scanner(stream, end, is_implicit=False, is_little_endian=True).elements():
        if element.tag >> 16 == 2:
            elements.setdefault(element.tag, element)
        if not has_length and not _is_at_meta(stream):
            break
    return FileMetaDataset(elements)


def _group_length(head: bytes) -> int:
    length = int.from_bytes(head[8:], "little")
    return 0 if length == UNDEFINED else length


def _is_at_meta(stream: BinaryIO) -> bool:
    start = stream.tell()
    group = stream.read(2)
    stream.seek(start)
    return group == b"\2\0"


def _transfer_syntax(file_meta: FileMetaDataset, stream: BinaryIO) -> str:
    """The transfer syntax that the file names, or else the one that its first element looks like."""
    from pydicom.config import IGNORE
    from pydicom.uid import UID

    element = file_meta.get_item(TRANSFER_SYNTAX_UID) if TRANSFER_SYNTAX_UID in file_meta else None
    value = element.value if element is not None else b""
    named = value.rstrip(b" \0").decode("ascii", "replace") if isinstance(value, bytes) else ""
    if named in NATIVE or UID(named, IGNORE).is_transfer_syntax:
        return named
    start = stream.tell()
    head = stream.read(6)
    stream.seek(start)
    if head[4:6] not in STANDARD_VRS:
        return IMPLICIT_LITTLE_ENDIAN
    return EXPLICIT_BIG_ENDIAN if head[0] == 0 and head[1] > 0 else EXPLICIT_LITTLE_ENDIAN


@dataclass(frozen=True, slots=True)
class _Pixels:
    """Where the pixel data and its value stand."""

    tag: int
    tag_offset: int
    offset: int
    length: int | None
    """None if it is undefined."""
    vr: str


def _read_dataset(
    stream: BinaryIO, size: int, syntax: str, *, is_whole: bool
) -> tuple[Dataset, _Pixels | None]:
    from pydicom import Dataset

    implicit = syntax == IMPLICIT_LITTLE_ENDIAN
    little = syntax != EXPLICIT_BIG_ENDIAN
    scanner = Scanner(stream, size, is_implicit=implicit, is_little_endian=little)
    elements: dict[BaseTag, DataElement | RawDataElement] = {}
    for element in scanner.elements():
        elements.setdefault(element.tag, element)  # of two with one tag, Orthanc takes the first
    dataset = Dataset(elements)
    dataset.set_original_encoding(implicit, little)
    start = stream.tell()
    if start >= size:
        return dataset, None
    tag, vr, length = scanner.head(implicit)
    pixels = _Pixels(tag, start, stream.tell(), None if length == UNDEFINED else length, vr or "OW")
    _check_pixels(pixels, size, syntax)
    if is_whole:
        stream.seek(start)
        _check_rest(scanner, stream, size)
    return dataset, pixels


def _check_pixels(pixels: _Pixels, size: int, syntax: str) -> None:
    """Refuse, as Orthanc does, pixel data of a form that the transfer syntax or the VR rules out."""
    if pixels.length is None:
        if pixels.tag != PIXEL_DATA or pixels.vr not in ("OB", "OW"):
            raise BadFileFormat("Only OB and OW can be encapsulated")
    elif pixels.offset + pixels.length > size:
        raise BadFileFormat("The pixel data is cut off")
    elif pixels.tag == PIXEL_DATA and syntax not in NATIVE:
        raise BadFileFormat("The pixel data is not encapsulated")


def _check_rest(scanner: Scanner, stream: BinaryIO, size: int) -> None:
    """Go through all that the pixel data begins."""
    while stream.tell() < size:
        scanner.skip_pixel_data()
        for _ in scanner.elements():
            pass


def _first_frame_end(stream: BinaryIO, size: int, dataset: Dataset, pixels: _Pixels) -> int | None:
    """Where the first frame ends; None if that cannot be said, or at the end of the file."""
    if pixels.length is None:
        return _first_encapsulated_end(stream, size, dataset, pixels.offset)
    end = pixels.offset + pixels.length
    if NUMBER_OF_FRAMES not in dataset:
        return end
    from chalicelib.dicom.rendering import frame_length_bytes

    try:
        return min(pixels.offset + frame_length_bytes(image_module(dataset)), end)
    except UnsupportedMediaType:
        return None


def image_module(dataset: Dataset) -> Dataset:
    """Group 28 as a dataset of its own: pydicom converts an element that is asked for, in place."""
    from pydicom import Dataset

    return Dataset({tag: dataset.get_item(tag) for tag in list(dataset.keys()) if tag >> 16 == 0x28})


def _first_encapsulated_end(stream: BinaryIO, size: int, dataset: Dataset, offset: int) -> int | None:
    """The end of the first frame as the basic offset table tells it, else that of the first fragment (PS3.5 A.4)."""
    if NUMBER_OF_FRAMES not in dataset:
        return None
    stream.seek(offset)
    table_length = int.from_bytes(stream.read(8)[4:], "little")
    first = offset + 8 + table_length
    if table_length >= 8:
        second = int.from_bytes(stream.read(8)[4:], "little")
        end = first + second
    else:
        stream.seek(first)
        end = first + 8 + int.from_bytes(stream.read(8)[4:], "little")
    return end if first < end <= size else None


def _read_deflated(stream: BinaryIO, size: int, file_meta: FileMetaDataset) -> Header:
    """Inflate a dataset, which stands without zlib's own header (PS3.5 A.5), and read it."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = inflater.decompress(stream.read(), MAX_INFLATED_BYTES)
    except zlib.error as error:
        raise BadFileFormat("The deflated dataset is malformed") from error
    if not inflater.eof:
        raise BadFileFormat("The deflated dataset is cut off, or inflates to too much")
    dataset, pixels = _read_dataset(BytesIO(data), len(data), EXPLICIT_LITTLE_ENDIAN, is_whole=True)
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
        pixel_data_length_bytes=pixels.length if pixels else None,
        pixel_data=data[pixels.offset :] if pixels else b"",
    )
