"""The order of answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from chalicelib.services.annotation_names import Names
from chalicelib.services.find.query import Order, OrderType
from chalicelib.services.metadata import metadata_of

if TYPE_CHECKING:
    from chalicelib.services.find.find import Candidate

_Key = tuple[bool, float, str]


def ordered(candidates: Iterable[Candidate], orders: Sequence[Order], names: Names) -> list[Candidate]:
    """The candidates in an order, the first key ruling; what lacks a value comes first, last if descending."""
    found = list(candidates)
    for order in reversed(orders):
        found.sort(key=_key_of(order, names), reverse=order.descending)
    return found


def _key_of(order: Order, names: Names) -> Callable[[Candidate], _Key]:
    def key(candidate: Candidate) -> _Key:
        values = metadata_of(candidate.row, names) if order.type.is_metadata else candidate.tags
        value = values.get(order.key)
        if value is None:
            return (False, 0.0, "")
        if order.type in (OrderType.TAG, OrderType.METADATA):
            return (True, 0.0, value.upper())
        return (True, _number(value), "")

    return key


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return 0.0
