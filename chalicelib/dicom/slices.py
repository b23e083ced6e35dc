"""Put the slices of a series in order, as Orthanc's `/series/{id}/ordered-slices` does.

By their positions along the normal of their plane (PS3.3 C.7.6.2.1.1) if they lie in parallel planes, each in its own;
else by their numbers in the series.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from chalicelib.domain.errors import UnorderedSlices

_Vector = tuple[float, float, float]
_SAME_PLACE = 1e-9
"""Millimetres."""
_PARALLEL = 1e-3
"""How far the cosine of two normals may be from 1."""


@dataclass(frozen=True, slots=True)
class Slice:
    """An instance of a series; the texts are Image Position and Image Orientation, empty if it has none."""

    identifier: str
    position: str
    orientation: str
    index_in_series: int | None
    frames: int = 1


@dataclass(frozen=True, slots=True)
class OrderedSlices:
    """Slices in their order, and whether they are a volume."""

    slices: tuple[Slice, ...]
    is_volume: bool


def order_slices(slices: Sequence[Slice]) -> OrderedSlices:
    """Put slices in order.

    Raises
    ------
    UnorderedSlices
        There are several, and neither their positions nor their numbers tell.
    """
    if len(slices) > 1:
        by_position = _by_position(slices)
        if by_position is not None:
            return OrderedSlices(by_position, is_volume=True)
        if any(one.index_in_series is None for one in slices):
            raise UnorderedSlices
    in_order = sorted(slices, key=lambda one: (one.index_in_series or 0, one.identifier))
    return OrderedSlices(tuple(in_order), is_volume=False)


def _by_position(slices: Sequence[Slice]) -> tuple[Slice, ...] | None:
    """The slices along their normal; None if they are not parallel, or two are in one place."""
    normals = [_normal(one.orientation) for one in slices]
    first = normals[0]
    if first is None or not all(normal and _are_parallel(first, normal) for normal in normals):
        return None
    positions = [_numbers(one.position, 3) for one in slices]
    distances = [_dot(first, position) for position in positions if position]
    if len(distances) < len(slices):
        return None
    along = sorted(zip(distances, slices, strict=True), key=lambda item: (item[0], item[1].identifier))
    if any(after - before < _SAME_PLACE for (before, _), (after, _) in pairwise(along)):
        return None
    return tuple(one for _, one in along)


def _normal(orientation: str) -> _Vector | None:
    cosines = _numbers(orientation, 6)
    if cosines is None:
        return None
    (a, b, c), (d, e, f) = cosines[:3], cosines[3:]
    normal = (b * f - c * e, c * d - a * f, a * e - b * d)
    length = math.hypot(*normal)
    return None if length < _PARALLEL else (normal[0] / length, normal[1] / length, normal[2] / length)


def _are_parallel(one: Sequence[float], other: Sequence[float]) -> bool:
    return abs(_dot(one, other)) > 1 - _PARALLEL


def _dot(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def _numbers(text: str, count: int) -> list[float] | None:
    """The numbers of a value of DS, if it is as many."""
    try:
        numbers = list(_finite(text))
    except ValueError:
        return None
    return numbers if len(numbers) == count else None


def _finite(text: str) -> Iterator[float]:
    for part in text.split("\\"):
        number = float(part)
        if not math.isfinite(number):
            raise ValueError
        yield number
