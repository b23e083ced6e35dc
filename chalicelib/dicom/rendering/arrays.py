"""Frames as arrays for NumPy, as Orthanc gives them: gray levels rescaled in single precision, colours as RGB."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chalicelib.dicom.rendering import decode_frame
from chalicelib.dicom.rendering.forms import decimal
from chalicelib.dicom.rendering.levels import to_8_bits

if TYPE_CHECKING:
    from pydicom import Dataset


def frame_array(
    dataset: Dataset, transfer_syntax: str, frame: bytes, pixel_data_vr: str, *, rescale: bool
) -> NDArray[Any]:
    """A frame, of shape (rows, columns, 1) or (rows, columns, 3).

    Gray levels are float32 after `rescale` (PS3.3 C.11.1), else as they are stored; colours are uint8. Other
    parameters and errors are those of `chalicelib.dicom.rendering.render`.
    """
    layout, samples = decode_frame(dataset, transfer_syntax, frame, pixel_data_vr)
    if layout.is_palette or layout.samples == 3:
        colours: NDArray[Any] = to_8_bits(layout, dataset, transfer_syntax, samples)
        return colours
    gray: NDArray[Any] = samples[:, :, np.newaxis]
    if not rescale:
        return gray
    slope = np.float32(decimal(dataset, "RescaleSlope") or 1.0)
    intercept = np.float32(decimal(dataset, "RescaleIntercept") or 0.0)
    rescaled: NDArray[Any] = gray.astype(np.float32) * slope + intercept
    return rescaled


def as_npy(array: NDArray[Any], *, compress: bool) -> bytes:
    """An array as a file ``.npy``, or compressed as ``.npz`` with the array ``arr_0``."""
    written = io.BytesIO()
    ordered = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
    if compress:
        np.savez_compressed(written, ordered)
    else:
        np.save(written, ordered, allow_pickle=False)
    return written.getvalue()
