"""Where an element is: ``PatientName``, ``RequestAttributesSequence[0].ScheduledProcedureStepID``, ``...[*]...``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.dicom.dictionary import STANDARD, Dictionary
from chalicelib.dicom.elements import find_element
from chalicelib.dicom.raw_elements import put
from chalicelib.domain.errors import ParameterOutOfRange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom import Dataset

ALL = -1
"""The index of every item."""
_STEP = re.compile(r"(.*)\[(.*)\]")
_GROUP_AND_ELEMENT = re.compile(r"\(([0-9a-fA-F]{4}),([0-9a-fA-F]{4})\)")


@dataclass(frozen=True, slots=True)
class TagPath:
    """An element of a file or of the items of its sequences."""

    steps: tuple[tuple[int, int], ...]
    """Sequences from outside in, with the index of the item from 0, or `ALL`."""
    tag: int

    @property
    def root(self) -> int | None:
        """The tag, if it is one of the file itself."""
        return None if self.steps else self.tag

    def datasets(self, dataset: Dataset) -> Iterator[Dataset]:
        """The datasets of a file that may have the element: itself, or items. An item that is not there has none."""
        yield from _descend(dataset, self.steps)


def parse_path(text: str, dictionary: Dictionary) -> TagPath:
    """The path that a text names.

    Raises
    ------
    UnknownDicomTag
        A part of it is no tag.
    ParameterOutOfRange
        A sequence before the last part lacks the index of an item, or has a wrong one.
    """
    *above, last = text.split(".")
    return TagPath(tuple(_step(part, dictionary) for part in above), _tag(last, dictionary))


def _step(part: str, dictionary: Dictionary) -> tuple[int, int]:
    match = _STEP.fullmatch(part)
    if match is None:
        raise ParameterOutOfRange("Parent path doesn't contain an index")
    name, index = match.groups()
    if index == "*":
        return _tag(name, dictionary), ALL
    if not re.fullmatch(r"-?[0-9]{1,9}", index):
        raise ParameterOutOfRange(f"Not a valid index in parent path: [{index[:16]}]")
    if int(index) < 0:
        raise ParameterOutOfRange(f"Negative index in parent path: {index}")
    return _tag(name, dictionary), int(index)


def _tag(text: str, dictionary: Dictionary) -> int:
    match = _GROUP_AND_ELEMENT.fullmatch(text)
    return int(match[1] + match[2], 16) if match else dictionary.parse(text)


def _descend(dataset: Dataset, steps: tuple[tuple[int, int], ...]) -> Iterator[Dataset]:
    if not steps:
        yield dataset
        return
    (tag, index), *rest = steps
    items = items_of(dataset, tag)
    for item in items if index == ALL else items[index : index + 1]:
        yield from _descend(item, tuple(rest))


def items_of(dataset: Dataset, tag: int) -> list[Dataset]:
    """The items of a sequence, such that changes of them are changes of the file; none if it is no sequence."""
    element = find_element(dataset, tag, STANDARD)
    if element is None or element.items is None:
        return []
    items = list(element.items)
    for item in items:
        if item.original_encoding == (None, None):
            item.set_original_encoding(*dataset.original_encoding)
    put(dataset, tag, "SQ", items)
    return items
