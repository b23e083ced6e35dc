"""What becomes of an object that is found in the bucket of files and that no row names."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


@dataclass(frozen=True, slots=True)
class Refusal:
    """An object that got no entry: its key and why, without anything of its content."""

    key: str
    reason: str


class Adoption(Enum):
    """What became of one that is what its key says."""

    ADDED = auto()
    KEPT = auto()
    """The resource has another file, or other annotations."""
    ATTACHMENT = auto()
    LEAVING = auto()
