"""The private tags that are known by their private creator (PS3.5 7.8), from a table beside this module."""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

_TABLE = Path(__file__).parent / "data" / "private_tags.txt"


class PrivateTag(NamedTuple):
    """What a manufacturer has published about an element of its own."""

    vr: str
    name: str


def find_private_tag(creator: str, group: int, element: int) -> PrivateTag | None:
    """The entry of an element in the block that `creator` has reserved, or None."""
    tags = _tags_of(creator)
    return tags.get((group, element & 0xFF)) or tags.get((group, element))


@lru_cache(maxsize=256)
def _tags_of(creator: str) -> dict[tuple[int, int], PrivateTag]:
    """The tags of a creator by group and element."""
    tags: dict[tuple[int, int], PrivateTag] = {}
    for line in _blocks().get(creator, "").splitlines():
        groups, element, vr, name = line.split(" ")
        first, last = (int(end, 16) for end in (groups.split("-") * 2)[:2])
        for group in range(first, last + 1, 2):
            tags[group, int(element, 16)] = PrivateTag(vr, name)
    return tags


@cache
def _blocks() -> dict[str, str]:
    """The lines of each creator; they are taken apart only when a file has elements of that creator."""
    blocks = _TABLE.read_text(encoding="ascii").split("\n\n")
    return {creator: lines for creator, _, lines in (block.partition("\n") for block in blocks)}
