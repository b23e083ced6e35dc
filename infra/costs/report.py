"""The calculation put together: USD a month by service, as a table or as JSON."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.costs import alternatives, nacre
from infra.costs.alternatives import Assumptions
from infra.costs.nacre import Line
from infra.costs.prices import Prices
from infra.costs.workload import Workload


@dataclass(frozen=True, slots=True)
class Bill:
    """What one month costs in USD."""

    month: float
    lines: tuple[tuple[Line, float], ...]

    @property
    def services(self) -> dict[str, float]:
        """By service, the dearest first."""
        found: dict[str, float] = defaultdict(float)
        for line, usd in self.lines:
            found[line.service] += usd
        return dict(sorted(found.items(), key=lambda pair: -pair[1]))

    @property
    def total(self) -> float:
        """All in all."""
        return sum(usd for _, usd in self.lines)


def bill(load: Workload, month: float, prices: Prices) -> Bill:
    """What the store costs in a month of the archive's life, the first being 1."""
    return _bill(nacre.lines(load, month), month, prices)


Products = Mapping[str, Callable[[float], list[Line]]]


def products(load: Workload, assumed: Assumptions = Assumptions()) -> Products:  # noqa: B008 - frozen
    """The store and what it is compared with: from a month to its lines."""
    standby = Assumptions(standby=True)
    in_s3 = Assumptions(archive_in_s3=True)
    return {
        "Nacre": lambda month: nacre.lines(load, month),
        "HealthImaging": lambda month: alternatives.healthimaging(load, month, assumed),
        "Orthanc, EBS": lambda month: alternatives.orthanc(load, month, assumed),
        "Orthanc, EBS, standby": lambda month: alternatives.orthanc(load, month, standby),
        "Orthanc, S3": lambda month: alternatives.orthanc(load, month, in_s3),
    }


def months(load: Workload) -> list[float]:
    """The months that are shown: the first, the twelfth, the last before anything is deleted, and the one after."""
    last = load.retention_months
    return sorted({1.0, 12.0, last, last + 1})


def bills(load: Workload, prices: Prices, asked: Sequence[float]) -> dict[str, list[Bill]]:
    """Of each product, for the months asked for."""
    return {
        name: [_bill(lines(month), month, prices) for month in asked]
        for name, lines in products(load).items()
    }


def as_json(load: Workload, prices: Prices, asked: Sequence[float]) -> dict[str, Any]:
    """All of it."""
    return {
        "region": prices.region,
        "prices_known_in": prices.known,
        "doubtful_prices": sorted(prices.doubtful),
        "products": {
            name: [_bill_as_json(one) for one in found] for name, found in bills(load, prices, asked).items()
        },
    }


def table(found: Sequence[Bill]) -> list[str]:
    """Services down, months across, in Markdown."""
    services = list(dict.fromkeys(service for one in reversed(found) for service in one.services))
    lines = [
        f"| USD a month | {' | '.join(month_name(one.month) for one in found)} |",
        f"|---|{'---:|' * len(found)}",
    ]
    for service in services:
        lines.append(_row(service, [one.services.get(service, 0.0) for one in found]))
    lines.append(_row("**all**", [one.total for one in found]))
    return lines


def comparison(found: Mapping[str, Sequence[Bill]]) -> list[str]:
    """Products down, months across, in Markdown."""
    first = next(iter(found.values()))
    lines = [
        f"| USD a month | {' | '.join(month_name(one.month) for one in first)} |",
        f"|---|{'---:|' * len(first)}",
    ]
    return lines + [_row(name, [one.total for one in several]) for name, several in found.items()]


def money(usd: float) -> str:
    """As a table shows it."""
    if usd == 0:
        return "-"
    return f"{usd:,.0f}" if usd >= 100 else f"{usd:.2f}"


def month_name(month: float) -> str:
    """As a table's heading has it."""
    return f"month {month:g}" if month == int(month) else f"month {month:.0f}"


def _row(name: str, amounts: Sequence[float]) -> str:
    return f"| {name} | {' | '.join(map(money, amounts))} |"


def _bill(lines: Sequence[Line], month: float, prices: Prices) -> Bill:
    return Bill(month, tuple((line, prices.cost(line.price, line.quantity)) for line in lines))


def _bill_as_json(one: Bill) -> dict[str, Any]:
    return {
        "month": one.month,
        "total_usd": one.total,
        "services_usd": one.services,
        "lines": [
            {
                "service": line.service,
                "what": line.what,
                "quantity": line.quantity,
                "price": line.price,
                "usd": usd,
            }
            for line, usd in one.lines
        ],
    }
