"""What a transcoded file holds, whoever wrote it: its elements and its pixels, decoded."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from typing import Any

from pydicom import DataElement, Dataset, dcmread

from chalicelib.dicom.file_parts import take_apart
from chalicelib.dicom.transcoding import transcode

Form = Callable[[str], str]
"""How values are kept."""
LONGEST_VALUE = 100
_NEW_UID = re.compile(r"(2\.25|1\.2\.276\.0\.7230010\.3\.1)\.[0-9.]+")
"""UIDs that Nacre and Orthanc make."""
EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
_VOLATILE = frozenset(["DerivationDescription", "LossyImageCompressionRatio"])
"""The codec's own words and figures."""


def transcoded_content(data: bytes, *, shows_values: bool = False) -> dict[str, Any]:
    """The transfer syntax, the elements, and the native pixels: their digest, or their length after a loss.

    Values are digests, unless they are to be shown; then new UIDs are a mark.
    """
    dataset = dcmread(io.BytesIO(data))
    is_lossy = "SourceImageSequence" in dataset
    native = take_apart(transcode(data, EXPLICIT_LITTLE_ENDIAN).file).pixels
    value = native.value if native else b""
    return {
        "syntax": str(dataset.file_meta.TransferSyntaxUID),
        "pixels": len(value) if is_lossy else hashlib.sha256(value).hexdigest()[:32],
        "elements": _elements(dataset, _shown if shows_values else _digest, is_lossy=is_lossy),
    }


def _elements(dataset: Dataset, form: Form, *, is_lossy: bool) -> dict[str, Any]:
    return {
        f"{element.tag:08X}": _value(element, form, is_lossy=is_lossy)
        for element in dataset
        if element.tag.element and element.tag.group != 0x7FE0
    }


def _value(element: DataElement, form: Form, *, is_lossy: bool) -> Any:
    if element.VR == "SQ":
        return ["SQ", [_elements(item, form, is_lossy=is_lossy) for item in element.value]]
    if element.keyword in _VOLATILE or (is_lossy and element.keyword == "SOPInstanceUID"):
        return [str(element.VR), "<other>"]
    return [str(element.VR), form(str(element.value))]


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _shown(value: str) -> str:
    if _NEW_UID.fullmatch(value):
        return "<new>"
    return value if len(value) <= LONGEST_VALUE else f"{len(value)} letters {_digest(value)}"
