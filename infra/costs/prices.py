"""The list prices that the calculation goes by: `prices.json`, a set for each region, with the month it was known in.

Without taxes, free tiers, discounts and commitments. None is looked up: check them against AWS's price pages.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("prices.json")
REGION = "us-east-1"

Tiers = tuple[tuple[float, float], ...]
"""Up to which quantity a month (infinity at the end) how many USD a unit costs."""


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices of one region in USD; `doubtful` names those that were known with less certainty."""

    region: str
    known: str
    doubtful: frozenset[str]
    tiers: Mapping[str, Tiers]

    def cost(self, name: str, quantity: float) -> float:
        """USD for a month's quantity of what has this price."""
        total, begin = 0.0, 0.0
        for end, usd in self.tiers[name]:
            if quantity <= begin:
                break
            total += (min(quantity, end) - begin) * usd
            begin = end
        return total


def regions() -> list[str]:
    """The regions that there are prices of."""
    return sorted(_read())


def load(region: str = REGION) -> Prices:
    """The prices of a region; raises KeyError if there are none."""
    found = _read()[region]
    tiers = {name: _tiers(given) for name, given in found["usd"].items()}
    return Prices(region, found["known"], frozenset(found["doubtful"]), tiers)


def _read() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(FILE.read_text())
    return read


def _tiers(given: float | list[list[float | None]]) -> Tiers:
    if isinstance(given, int | float):
        return ((float("inf"), float(given)),)
    return tuple((float("inf") if end is None else end, float(usd or 0)) for end, usd in given)
