"""The names in an archive, as Orthanc 1.12 gives them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


def clean(text: str) -> str:
    """The letters, digits, dots, underscores and single blanks of a text, in ASCII; ``^`` counts as a blank."""
    kept = (" " if c == "^" else c for c in text if c in "^._ " or (c.isascii() and c.isalnum()))
    return " ".join("".join(kept).split())


def file_name(modality: str, number: int) -> str:
    """The name of the `number`-th instance of a series (from 1): two letters of the modality and six digits."""
    prefix = modality.upper()[:2]
    return f"{prefix}{number:0{8 - len(prefix)}d}.dcm"


@dataclass(slots=True)
class Folder:
    """A folder in the making: no two in it have one name."""

    path: str
    _used: Counter[str] = field(default_factory=Counter)

    def folder(self, name: str, otherwise: str) -> Folder:
        """A folder below; `otherwise` is its name if nothing of `name` can be kept."""
        cleaned = clean(name) or otherwise
        self._used[cleaned] += 1
        times = self._used[cleaned]
        unique = cleaned if times == 1 else f"{cleaned}-{times}"
        return Folder(f"{self.path}{unique}/")
