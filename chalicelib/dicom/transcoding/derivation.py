"""What a file says of itself after a lossy compression (PS3.3 C.7.6.1.1.5, C.12.4); the elements are DCMTK's."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from chalicelib.dicom.file_parts import SOP_CLASS_UID, SOP_INSTANCE_UID, FileParts
from chalicelib.dicom.raw_elements import put
from chalicelib.dicom.transcoding.syntaxes import LOSSY_METHODS

if TYPE_CHECKING:
    from pydicom import Dataset

IMAGE_TYPE = 0x00080008
DERIVATION_DESCRIPTION = 0x00082111
SOURCE_IMAGE_SEQUENCE = 0x00082112
DERIVATION_CODE_SEQUENCE = 0x00089215
SMALLEST_AND_LARGEST = (0x00280106, 0x00280107)
LOSSY_IMAGE_COMPRESSION = 0x00282110
LOSSY_RATIO = 0x00282112
LOSSY_METHOD = 0x00282114

MAXIMUM_DESCRIPTION_BYTES = 1024  # ST, PS3.5 table 6.2-1


def note_lossy_compression(parts: FileParts, transfer_syntax: str, quality: int, ratio: float) -> None:
    """Make an instance of its own of a file whose pixels have been compressed with loss.

    The SOP Instance UID follows from the old one, the transfer syntax and the quality: the same compression of the
    same instance gives the same instance, so that a job may repeat it.

    Parameters
    ----------
    parts
        The file, its values little endian.
    ratio
        Bytes of the pixels before, for each byte after.
    """
    dataset = parts.dataset
    before = parts.bytes_of(SOP_INSTANCE_UID)
    sources = _sequence(
        [
            (0x00081150, "UI", parts.bytes_of(SOP_CLASS_UID)),
            (0x00081155, "UI", before),
            _code_sequence(0x0040A170, b"121320", b"Uncompressed predecessor"),
        ]
    )
    put(dataset, SOURCE_IMAGE_SEQUENCE, "SQ", sources)
    code = _code(b"113040", b"Lossy Compression")
    put(dataset, DERIVATION_CODE_SEQUENCE, "SQ", _sequence(code))
    put(dataset, SOP_INSTANCE_UID, "UI", derived_uid(before, transfer_syntax, quality))
    image_type = parts.bytes_of(IMAGE_TYPE)
    if image_type:
        put(dataset, IMAGE_TYPE, "CS", b"\\".join([b"DERIVED", *image_type.split(b"\\")[1:]]))
    put(dataset, DERIVATION_DESCRIPTION, "ST", _description(parts, transfer_syntax, quality, ratio))
    put(dataset, LOSSY_IMAGE_COMPRESSION, "CS", b"01")
    ratios, methods = parts.bytes_of(LOSSY_RATIO), parts.bytes_of(LOSSY_METHOD)
    missing = b"\\" * (len(ratios.split(b"\\")) - len(methods.split(b"\\"))) if ratios else b""
    put(dataset, LOSSY_RATIO, "DS", _appended(ratios, f"{ratio:.5g}".encode()))
    put(
        dataset,
        LOSSY_METHOD,
        "CS",
        _appended(methods + missing, LOSSY_METHODS[transfer_syntax].encode(), ratios),
    )
    for tag in SMALLEST_AND_LARGEST:
        if tag in dataset:
            del dataset[tag]


def derived_uid(uid: bytes, transfer_syntax: str, quality: int) -> bytes:
    """A UID that follows from what it was made of (PS3.5, B.2: a UUID under 2.25)."""
    text = b"\0".join([uid, transfer_syntax.encode(), str(quality).encode()])
    return b"2.25.%d" % int.from_bytes(hashlib.sha256(text).digest()[:16], "big")


def _description(parts: FileParts, transfer_syntax: str, quality: int, ratio: float) -> bytes:
    """What was done, and in brackets what the file told of before."""
    told = parts.bytes_of(DERIVATION_DESCRIPTION)
    text = b"Lossy compression, transfer syntax %s, quality %d, ratio %.5g" % (
        transfer_syntax.encode(),
        quality,
        ratio,
    )
    whole = b"%s [%s]" % (text, told) if told else text
    return whole if len(whole) <= MAXIMUM_DESCRIPTION_BYTES else text


def _appended(values: bytes, value: bytes, others: bytes = b"") -> bytes:
    return values + b"\\" + value if values or others else value


def _code_sequence(tag: int, value: bytes, meaning: bytes) -> tuple[int, str, list[Dataset]]:
    return tag, "SQ", _sequence(_code(value, meaning))


def _code(value: bytes, meaning: bytes) -> list[tuple[int, str, bytes | list[Dataset]]]:
    """A code of DICOM's own dictionary (PS3.16)."""
    return [(0x00080100, "SH", value), (0x00080102, "SH", b"DCM"), (0x00080104, "LO", meaning)]


def _sequence(elements: list[tuple[int, str, bytes | list[Dataset]]]) -> list[Dataset]:
    """A sequence of one item."""
    from pydicom import Dataset

    item = Dataset()
    item.set_original_encoding(False, True)
    for tag, vr, value in elements:
        put(item, tag, vr, value)
    return [item]
