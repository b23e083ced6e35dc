"""One frame of a DICOM image as Orthanc's ``/instances/{id}/preview`` and its likes show it.

Orthanc 1.12.7 is the model: an image that cannot be shown is answered by 415, which is `UnsupportedMediaType` here,
whatever the reason. Importing this package loads neither numpy nor Pillow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.dicom.rendering.encapsulation import extract_first_frame
from chalicelib.dicom.rendering.layout import frame_length_bytes, read_layout
from chalicelib.domain.errors import NotAcceptable

if TYPE_CHECKING:
    from pydicom import Dataset

    from chalicelib.dicom.rendering.decoders import Samples
    from chalicelib.dicom.rendering.forms import View
    from chalicelib.dicom.rendering.layout import PixelLayout

__all__ = ["MEDIA_TYPES", "as_matlab", "extract_first_frame", "frame_length_bytes", "render"]

PNG, JPEG, PAM = "image/png", "image/jpeg", "image/x-portable-arbitrarymap"
MEDIA_TYPES = (PNG, JPEG, PAM)
"""What `render` can make, in Orthanc's order of preference."""


def render(
    dataset: Dataset,
    transfer_syntax: str,
    frame: bytes,
    media_type: str = PNG,
    *,
    form: str = "preview",
    view: View | None = None,
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
        Native: at least `frame_length_bytes` bytes, from the frame's first one on. Else its code stream, the
        fragments put together.
    media_type
        One of `MEDIA_TYPES`.
    form
        The value of a `forms.Form`.
    view
        Window and size of a rendered picture.
    quality
        Of a JPEG, 1 to 100.
    pixel_data_vr
        ``OB`` or ``OW``; matters for big endian only, where words are swapped and bytes are not.

    Raises
    ------
    NotAcceptable
        `media_type` is another one, or a JPEG of 16 bits.
    UnsupportedMediaType
        There is no image here that can be shown in this form, or its data is too short or malformed.
    """
    from chalicelib.dicom.rendering.encoders import encode_jpeg, encode_pam, encode_png
    from chalicelib.dicom.rendering.forms import Form, View, shown

    wanted = Form(form)
    is_wide = wanted in (Form.UINT16, Form.INT16)
    if media_type not in MEDIA_TYPES or (is_wide and media_type == JPEG):
        raise NotAcceptable
    layout, samples = decode_frame(dataset, transfer_syntax, frame, pixel_data_vr)
    raster = shown(wanted, layout, dataset, transfer_syntax, samples, view or View())
    if media_type == JPEG:
        return encode_jpeg(raster, quality)
    return encode_pam(raster) if media_type == PAM else encode_png(raster)


def decode_frame(
    dataset: Dataset, transfer_syntax: str, frame: bytes, pixel_data_vr: str
) -> tuple[PixelLayout, Samples]:
    """The layout and the samples of a frame; parameters and errors as `render` has them."""
    layout = read_layout(dataset)
    from chalicelib.dicom.rendering.decoders import decode

    return layout, decode(layout, transfer_syntax, frame, pixel_data_vr)


def as_matlab(dataset: Dataset, transfer_syntax: str, frame: bytes, pixel_data_vr: str) -> str:
    """The samples of a frame as a text for Matlab; palettes are looked up."""
    from chalicelib.dicom.rendering.forms import matlab
    from chalicelib.dicom.rendering.levels import to_8_bits

    layout, samples = decode_frame(dataset, transfer_syntax, frame, pixel_data_vr)
    return matlab(to_8_bits(layout, dataset, transfer_syntax, samples) if layout.is_palette else samples)
