"""The whole way from a file in one transfer syntax to a file in another."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.dicom.file_parts import SOP_INSTANCE_UID, FileParts, PixelElement, take_apart
from chalicelib.dicom.file_writer import put_together
from chalicelib.dicom.raw_elements import put, put_number
from chalicelib.dicom.reader import NATIVE
from chalicelib.dicom.rendering.layout import (
    PHOTOMETRIC_INTERPRETATION,
    PLANAR_CONFIGURATION,
    PixelLayout,
    image_layout,
)
from chalicelib.dicom.scanner import PIXEL_DATA
from chalicelib.dicom.transcoding.derivation import note_lossy_compression
from chalicelib.dicom.transcoding.syntaxes import LOSSY_METHODS, WRITABLE, check_transfer_syntax
from chalicelib.domain.errors import UnsupportedMediaType

DEFAULT_QUALITY = 90
SEQUENCE_DELIMITER = b"\xfe\xff\xdd\xe0\0\0\0\0"


@dataclass(frozen=True, slots=True)
class Transcoded:
    """A file in the transfer syntax that was asked for."""

    file: bytes
    sop_instance_uid: str


def transcode(file: bytes, transfer_syntax: str, quality: int = DEFAULT_QUALITY) -> Transcoded:
    """A file in another transfer syntax; the same bytes if it is in that already.

    All values but the pixels stay as they are. Lossy compression makes another instance of it, with a UID of its
    own that follows from the old one.

    Parameters
    ----------
    quality
        Of lossy compression, 1 to 100; others are taken for the nearest of these.

    Raises
    ------
    ParameterOutOfRange
        There is no such transfer syntax.
    BadFileFormat
        It is not a DICOM file, or a malformed one.
    UnsupportedMediaType
        The pixels cannot be decoded, or not be stored in that transfer syntax.
    PayloadTooLarge
        They need too much memory.
    """
    check_transfer_syntax(transfer_syntax)
    parts = take_apart(file)
    if parts.transfer_syntax == transfer_syntax:
        return Transcoded(file, _uid(parts))
    if transfer_syntax not in WRITABLE:
        raise UnsupportedMediaType("This transfer syntax cannot be written")
    if parts.pixels is not None and parts.pixels.value:
        if parts.pixels.is_encapsulated:
            from chalicelib.dicom.transcoding.native import decompressed

            parts.pixels = decompressed(file, parts)
        if transfer_syntax not in NATIVE:
            parts.pixels = _compressed(parts, parts.pixels, transfer_syntax, min(max(quality, 1), 100))
    return Transcoded(put_together(parts, transfer_syntax), _uid(parts))


def _uid(parts: FileParts) -> str:
    return parts.bytes_of(SOP_INSTANCE_UID).decode("latin-1")


def _compressed(parts: FileParts, pixels: PixelElement, transfer_syntax: str, quality: int) -> PixelElement:
    from pydicom.encaps import encapsulate

    from chalicelib.dicom.transcoding.encoders import find_encoder
    from chalicelib.dicom.transcoding.native import native_frames

    if pixels.tag != PIXEL_DATA:
        raise UnsupportedMediaType("Floating point pixels can only be stored uncompressed")
    layout = image_layout(parts.dataset)
    if layout.samples not in {1, 3} or layout.allocated not in {8, 16}:
        raise UnsupportedMediaType("Images of this layout can only be stored uncompressed")
    frames = list(native_frames(parts, pixels, layout))
    largest = max(int(frame.max()) for frame in frames)
    encoder = find_encoder(transfer_syntax, layout, _precision(layout, largest))
    try:
        streams = [encoder.encode(frame, quality) for frame in frames]
    # Each library has errors of its own; pyjpegls, for one, gives up on images of few pixels.
    except (RuntimeError, ValueError) as error:
        raise UnsupportedMediaType("The image cannot be stored in this transfer syntax") from error
    value = encapsulate(streams) + SEQUENCE_DELIMITER
    if encoder.photometric != layout.photometric:
        put(parts.dataset, PHOTOMETRIC_INTERPRETATION, "CS", encoder.photometric.encode())
    if layout.samples > 1:
        put_number(parts.dataset, PLANAR_CONFIGURATION, 0)
    if transfer_syntax in LOSSY_METHODS:
        ratio = sum(frame.nbytes for frame in frames) / sum(map(len, streams))
        note_lossy_compression(parts, transfer_syntax, quality, ratio)
    return PixelElement(PIXEL_DATA, "OB", value, is_encapsulated=True)


def _precision(layout: PixelLayout, largest: int) -> int:
    """Bits of a sample to encode: those that are stored, or all where there is something above them.

    That is the sign of negative samples, or an overlay.
    """
    return layout.allocated if largest >> layout.stored else layout.stored
