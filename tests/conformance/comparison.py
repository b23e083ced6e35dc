"""Compare two answers field by field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.conformance.exchanges import Exchange

_MISSING = "<missing>"


@dataclass(frozen=True)
class Deviation:
    """A field in which the two answers differ: its path, with ``[]`` for any place in a list, and both values."""

    field: str
    orthanc: Any
    nacre: Any


def deviations(orthanc: Exchange, nacre: Exchange) -> list[Deviation]:
    """The fields in which two answers differ; the status alone if it differs."""
    if orthanc.status != nacre.status:
        return [Deviation("status", orthanc.status, nacre.status)]
    return list(_compare("", orthanc.answer, nacre.answer))


def _compare(path: str, one: Any, other: Any) -> Iterator[Deviation]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            below = f"{path}.{key}" if path else key
            yield from _compare(below, one.get(key, _MISSING), other.get(key, _MISSING))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for left, right in zip(one, other, strict=True):
            yield from _compare(f"{path}[]", left, right)
    elif type(one) is not type(other) or one != other:
        yield Deviation(path, one, other)
