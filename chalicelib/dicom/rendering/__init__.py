"""One frame of a DICOM image as Orthanc's ``/instances/{id}/preview`` shows it: 8 bits, gray levels stretched.

Orthanc 1.12.7 is the model, down to what it does not show: any image that it cannot decode is answered by 415,
which is `UnsupportedMediaType` here, whatever the reason. Importing this package loads neither numpy nor Pillow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.dicom.rendering.encapsulation import extract_first_frame
from chalicelib.dicom.rendering.layout import frame_length_bytes, read_layout
from chalicelib.domain.errors import NotAcceptable

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["MEDIA_TYPES", "extract_first_frame", "frame_length_bytes", "preview"]

PNG, JPEG, PAM = "image/png", "image/jpeg", "image/x-portable-arbitrarymap"
MEDIA_TYPES = (PNG, JPEG, PAM)
"""What `preview` can make, in Orthanc's order of preference."""


def preview(
    dataset: Dataset,
    transfer_syntax: str,
    frame: bytes,
    media_type: str = PNG,
    *,
    quality: int = 90,
    pixel_data_vr: str = "OW",
) -> bytes:
    """Render one frame.

    Parameters
    ----------
    dataset
        The header; its pixel data is not looked at.
    transfer_syntax
        UID of the transfer syntax of `dataset` and `frame`. Deflated ones are to be inflated before.
    frame
        Native: at least `frame_length_bytes` bytes, from the frame's first one on. RLE Lossless: the fragment,
        as `extract_first_frame` gives it.
    media_type
        One of `MEDIA_TYPES`.
    quality
        Of a JPEG, 1 to 100.
    pixel_data_vr
        ``OB`` or ``OW``; matters for big endian only, where words are swapped and bytes are not.

    Raises
    ------
    NotAcceptable
        `media_type` is another one.
    UnsupportedMediaType
        There is no image here that Orthanc would show, or its data is too short or malformed.
    """
    if media_type not in MEDIA_TYPES:
        raise NotAcceptable
    layout = read_layout(dataset)

    from chalicelib.dicom.rendering.decoders import decode
    from chalicelib.dicom.rendering.encoders import encode_jpeg, encode_pam, encode_png
    from chalicelib.dicom.rendering.levels import to_8_bits

    samples = decode(layout, transfer_syntax, frame, pixel_data_vr)
    raster = to_8_bits(layout, dataset, transfer_syntax, samples)
    if media_type == JPEG:
        return encode_jpeg(raster, quality)
    return encode_pam(raster) if media_type == PAM else encode_png(raster)
