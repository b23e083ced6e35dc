"""How tags are shown."""

from __future__ import annotations

from enum import StrEnum


class TagFormat(StrEnum):
    """How tags are named: by keyword, by number, or by number with name and type."""

    HUMAN = "human"
    SHORT = "short"
    FULL = "full"
