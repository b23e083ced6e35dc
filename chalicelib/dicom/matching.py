r"""Attribute matching of queries (PS3.4, section C.2.2.2), in Orthanc's reading.

Values are compared as texts. A query that is empty matches anything, a ``-`` in a date or time makes a range, ``\``
separates the values of a list, and ``*`` and ``?`` are wildcards where the VR allows them; the first of these rules
that applies does. Letter case is ignored by Unicode's rules unless asked for; accents always matter.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from chalicelib.domain.errors import ParameterOutOfRange

RANGE_VRS = frozenset(["DA", "DT", "TM"])
WILDCARD_VRS = frozenset(["AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UN", "UR", "UT"])
MAXIMUM_WILDCARDS = 32


class Kind(Enum):
    """How a value is compared."""

    LIST = "list"
    RANGE = "range"
    WILDCARD = "wildcard"


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on a value.

    `values` are those of a list (one, if a single value is asked for), both ends of a range, an empty one for an
    open end, or the one pattern.
    """

    kind: Kind
    values: tuple[str, ...]
    case_sensitive: bool = False

    def matches(self, value: str | None) -> bool:
        """Whether a value is one that was asked for; a missing one never is."""
        if value is None:
            return False
        folded = self._fold(value)
        if self.kind is Kind.LIST:
            return any(folded == self._fold(wanted) for wanted in self.values)
        if self.kind is Kind.RANGE:
            low, high = self.values
            return low <= folded and (not high or folded <= high)
        return pattern_matcher(self._fold(self.values[0]))(folded)

    def matches_any(self, values: str) -> bool:
        """Whether one of the values of a multi-valued element is one that was asked for."""
        return any(self.matches(value) for value in values.split("\\"))

    def _fold(self, text: str) -> str:
        return text if self.case_sensitive else text.upper()

    @property
    def prefix(self) -> str:
        """What every value that matches a pattern begins with, in any case."""
        return re.split(r"[*?]", self.values[0], maxsplit=1)[0]


def condition_of(vr: str, text: str, *, case_sensitive: bool = False, tag: str = "") -> Condition | None:
    """The condition that a query's text sets on an element of a VR; None if any value will do, or none at all.

    Raises
    ------
    ParameterOutOfRange
        The VR has no wildcards, or there are too many; `tag` says of which tag.
    """
    if not text:
        return None
    if vr in RANGE_VRS and text.count("-") == 1:
        low, high = text.upper().split("-")
        return Condition(Kind.RANGE, (low, high), case_sensitive)
    if "\\" in text:
        return Condition(Kind.LIST, tuple(text.split("\\")), case_sensitive)
    if "*" in text or "?" in text:
        if vr not in WILDCARD_VRS:
            raise ParameterOutOfRange(f"Wildcards are not allowed on tag {tag}")
        if len(re.findall(r"[*]+", text)) > MAXIMUM_WILDCARDS:
            raise ParameterOutOfRange(f"Too many wildcards on tag {tag}")
        return Condition(Kind.WILDCARD, (text,), case_sensitive)
    return Condition(Kind.LIST, (text,), case_sensitive)


@lru_cache(maxsize=256)
def pattern_matcher(pattern: str) -> Callable[[str], bool]:
    """Says whether a text matches a pattern of ``*`` and ``?``, in time that is bounded by their lengths' product.

    Each ``*`` but the last takes as little as possible and never gives back, which loses no match.
    """
    pieces = [re.escape(piece).replace(r"\?", ".") for piece in re.split(r"\*+", pattern)]
    if len(pieces) == 1:
        return _of(pieces[0])
    first, *middle, last = pieces
    lazy = "".join(f"(?>.*?{piece})" for piece in middle)
    return _of(f"{first}{lazy}.*{last}")


def _of(expression: str) -> Callable[[str], bool]:
    compiled = re.compile(expression, re.DOTALL)
    return lambda text: compiled.fullmatch(text) is not None
