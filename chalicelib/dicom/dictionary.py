"""The data dictionary: names and VRs of tags as Orthanc has them, which are those of DCMTK.

DCMTK's names are the keywords of PS3.6, with ``RETIRED_`` before those of retired elements.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from chalicelib.dicom.private_tags import find_private_tag
from chalicelib.domain.errors import UnknownDicomTag

UNKNOWN = "Unknown Tag & Data"
_RETIRED = "RETIRED_"
_STILL_CURRENT = "OtherPatientIDs"  # retired in 2017, and Orthanc indexes it
_OTHER_NAMES = {
    0x003A0320: "SummarizedFilterLookupTableSequence",
    0x003A0325: "AnalogFilterTypeCodeSequence",
    0x30040012: "DoseValue",
}
"""Where DCMTK's edition of PS3.6 is another one than pydicom's."""
_COMPRESSION_GROUPS = (0x1000, 0x1010)
"""Groups of ACR-NEMA 2.0 whose every element has a meaning to pydicom and none to DCMTK."""

_HEXADECIMAL = re.compile(r"([0-9a-fA-F]{4})[-,]?([0-9a-fA-F]{4})")


class Entry(NamedTuple):
    """What is known of a tag."""

    vr: str
    """Two letters, or a choice as in PS3.6, such as ``US or SS``."""
    name: str


_UNKNOWN_ENTRY = Entry("UN", UNKNOWN)


class Dictionary:
    """The standard and private tags, and those that the configuration adds.

    Parameters
    ----------
    additions
        As the configuration's `Dictionary`: by tag (``"0014,1020"``) a list of VR, name, least and greatest
        multiplicity, and for a private tag its private creator.
    """

    def __init__(self, additions: Mapping[str, Sequence[str | int]] | None = None) -> None:
        self._additions: dict[tuple[int, str], Entry] = {}
        for text, (vr, name, *more) in (additions or {}).items():
            creator = str(more[2]) if len(more) > 2 else ""
            self._additions[parse_tag(text), creator] = Entry(str(vr), str(name))

    def find(self, tag: int, creator: str) -> Entry:
        """What is known of a tag; `creator` is the private creator of its block, if it has one."""
        if self._additions:
            added = self._additions.get((tag, creator)) or self._additions.get((tag, ""))
            if added is not None:
                return added
        return _find_private(tag, creator) if tag & 0x10000 else _find_public(tag)

    def parse(self, text: str) -> int:
        """As `parse_tag`, with the names that the configuration adds."""
        for (tag, _), entry in self._additions.items():
            if entry.name == text:
                return tag
        return parse_tag(text)


STANDARD = Dictionary()
"""The dictionary without additions."""


def parse_tag(text: str) -> int:
    """The tag that ``0008,0018``, ``0008-0018``, ``00080018`` or ``SOPInstanceUID`` names.

    Raises
    ------
    UnknownDicomTag
        It names none.
    """
    match = _HEXADECIMAL.fullmatch(text)
    if match:
        return int(match[1] + match[2], 16)
    from pydicom.datadict import tag_for_keyword

    keyword = text.removeprefix(_RETIRED)
    tag = tag_for_keyword(keyword) if keyword else None  # to pydicom, a blank is the keyword of some
    if tag is None:
        raise UnknownDicomTag(text[:64])
    return tag


@lru_cache(maxsize=8192)
def _find_public(tag: int) -> Entry:
    from pydicom.datadict import get_entry

    group, element = tag >> 16, tag & 0xFFFF
    if element == 0 and group not in (0, 2):
        return Entry("UL", "GenericGroupLength")
    try:
        vr, _, _, retired, keyword = get_entry(tag)
    except KeyError:
        return _UNKNOWN_ENTRY
    if not keyword or group in _COMPRESSION_GROUPS:
        return _UNKNOWN_ENTRY
    name = _OTHER_NAMES.get(tag)
    if name is None:
        name = f"{_RETIRED}{keyword}" if retired and keyword != _STILL_CURRENT else keyword
    return Entry(vr, name)


def _find_private(tag: int, creator: str) -> Entry:
    group, element = tag >> 16, tag & 0xFFFF
    prefix = "Illegal" if group < 8 else ""  # the groups 1, 3, 5 and 7 are nobody's (PS3.5, section 7.8)
    if element == 0:
        return Entry("UL", f"{prefix or 'Private'}GroupLength")
    if is_private_creator(tag):
        return Entry("LO", f"{prefix}PrivateCreator")
    found = find_private_tag(creator, group, element) if creator else None
    return Entry(found.vr, found.name) if found else _UNKNOWN_ENTRY


def is_private_creator(tag: int) -> bool:
    """Whether the element reserves a block of private elements (PS3.5 7.8.1)."""
    return bool(tag & 0x10000) and 0x10 <= tag & 0xFFFF <= 0xFF
