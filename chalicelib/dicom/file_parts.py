"""A DICOM file taken apart, to be changed and put together again, its values untouched where nothing asks for more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.dicom.dictionary import STANDARD
from chalicelib.dicom.elements import find_element
from chalicelib.dicom.frames import frame_count, read_frame
from chalicelib.dicom.pixel_data import PixelData
from chalicelib.dicom.reader import EXPLICIT_BIG_ENDIAN, Header, read_header

if TYPE_CHECKING:
    from pydicom import Dataset

PREAMBLE_BYTES = 128
MEDIA_STORAGE_SOP_CLASS_UID = 0x00020002
MEDIA_STORAGE_SOP_INSTANCE_UID = 0x00020003
SOP_CLASS_UID = 0x00080016
SOP_INSTANCE_UID = 0x00080018


@dataclass(slots=True)
class PixelElement:
    """The pixel data of a file."""

    tag: int
    vr: str
    value: bytes
    """Native: in the file's byte order. Encapsulated: the items, the offset table first, and the delimiter."""
    is_encapsulated: bool


@dataclass(slots=True)
class FileParts:
    """What a file consists of."""

    transfer_syntax: str
    """Of the values in the other fields."""
    preamble: bytes
    dataset: Dataset
    """All before the pixel data; its elements may be changed, added and removed."""
    pixels: PixelElement | None
    following: Dataset
    """All behind the pixel data."""
    media_class_uid: bytes = b""
    """What the file's meta information has, for a dataset without a SOP Class UID."""

    @property
    def is_little_endian(self) -> bool:
        """The byte order of the values."""
        return self.transfer_syntax != EXPLICIT_BIG_ENDIAN

    def bytes_of(self, tag: int) -> bytes:
        """The bytes of a text of the dataset, without padding; empty if it is missing."""
        element = find_element(self.dataset, tag, STANDARD)
        return element.value.strip(b" \0") if element is not None else b""


def take_apart(file: bytes) -> FileParts:
    """Take a file apart.

    Raises
    ------
    BadFileFormat
        It is not a DICOM file, or a malformed one.
    """
    from pydicom import Dataset

    header = read_header(file, len(file))
    pixels, following = None, Dataset()
    if header.pixel_data_tag is not None:
        data = _pixel_data(header, file)
        start = header.pixel_data_offset_bytes
        value = header.pixel_data[: data.end] if start is None else file[start : start + data.end]
        is_encapsulated = header.pixel_data_length_bytes is None
        pixels = PixelElement(header.pixel_data_tag, header.pixel_data_vr, value, is_encapsulated)
        following = data.following()
    meta_class = header.file_meta.get_item(MEDIA_STORAGE_SOP_CLASS_UID)
    has_preamble = file[PREAMBLE_BYTES : PREAMBLE_BYTES + 4] == b"DICM"
    return FileParts(
        transfer_syntax=header.transfer_syntax,
        preamble=file[:PREAMBLE_BYTES] if has_preamble else bytes(PREAMBLE_BYTES),
        dataset=header.dataset,
        pixels=pixels,
        following=following,
        media_class_uid=_raw(meta_class),
    )


def encoded_frames(file: bytes) -> Iterator[bytes]:
    """The code streams of a file's frames; raises `UnsupportedMediaType` if it is not known where they are."""
    header = read_header(file, len(file))
    pixel_data = _pixel_data(header, file)
    return (read_frame(header, pixel_data, number) for number in range(frame_count(header)))


def _pixel_data(header: Header, file: bytes) -> PixelData:
    return PixelData(
        header, len(file), lambda start, end: file[start:end], len(file) + len(header.pixel_data)
    )


def _raw(element: object) -> bytes:
    value = getattr(element, "value", None)
    return value.strip(b" \0") if isinstance(value, bytes) else b""
