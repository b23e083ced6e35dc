"""What a transcoded file holds, whoever wrote it: its elements and its pixels, decoded."""

from __future__ import annotations

import hashlib
import io
from typing import Any

from pydicom import DataElement, Dataset, dcmread

from chalicelib.dicom.file_parts import take_apart
from chalicelib.dicom.transcoding import transcode

EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
_VOLATILE = frozenset(["DerivationDescription", "LossyImageCompressionRatio"])
"""The codec's own words and figures."""


def transcoded_content(data: bytes) -> dict[str, Any]:
    """The transfer syntax, the elements, and the native pixels: their digest, or their length after a loss."""
    dataset = dcmread(io.BytesIO(data))
    is_lossy = "SourceImageSequence" in dataset
    native = take_apart(transcode(data, EXPLICIT_LITTLE_ENDIAN).file).pixels
    value = native.value if native else b""
    return {
        "syntax": str(dataset.file_meta.TransferSyntaxUID),
        "pixels": len(value) if is_lossy else hashlib.sha256(value).hexdigest()[:32],
        "elements": _elements(dataset, is_lossy=is_lossy),
    }


def _elements(dataset: Dataset, *, is_lossy: bool) -> dict[str, Any]:
    return {
        f"{element.tag:08X}": _value(element, is_lossy=is_lossy)
        for element in dataset
        if element.tag.element and element.tag.group != 0x7FE0
    }


def _value(element: DataElement, *, is_lossy: bool) -> Any:
    if element.VR == "SQ":
        return ["SQ", [_elements(item, is_lossy=is_lossy) for item in element.value]]
    if element.keyword in _VOLATILE or (is_lossy and element.keyword == "SOPInstanceUID"):
        return [str(element.VR), "<other>"]
    return [str(element.VR), hashlib.sha256(str(element.value).encode()).hexdigest()[:8]]
