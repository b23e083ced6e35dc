"""Set elements of a dataset to the bytes that a file has of them, whatever its character set."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom import Dataset


def put(dataset: Dataset, tag: int, vr: str, value: bytes | list[Dataset]) -> None:
    """Set an element to bytes in the dataset's byte order, without padding, or to the items of a sequence."""
    from pydicom import Sequence
    from pydicom.dataelem import DataElement, RawDataElement
    from pydicom.tag import Tag

    if isinstance(value, list):
        dataset[tag] = DataElement(tag, vr, Sequence(value))
    else:
        is_implicit, is_little_endian = dataset.original_encoding
        dataset[tag] = RawDataElement(
            Tag(tag), vr, len(value), value, 0, bool(is_implicit), bool(is_little_endian)
        )


def put_number(dataset: Dataset, tag: int, value: int) -> None:
    """Set an element of VR US."""
    _, is_little_endian = dataset.original_encoding
    put(dataset, tag, "US", value.to_bytes(2, "little" if is_little_endian else "big"))
