"""A difference between the answers of Nacre and of Orthanc, and conditions on exchanges."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tests.conformance.exchanges import Exchange
from tests.conformance.hospital import LEVELS

Condition = Callable[[Exchange], bool]


class Kind(StrEnum):
    """What a difference is."""

    CHOSEN = "different"
    NOT_YET = "not yet"


@dataclass(frozen=True)
class Difference:
    """Fields of some routes that differ, in those exchanges for which the condition holds."""

    kind: Kind
    reason: str
    routes: Sequence[str]
    fields: Sequence[str]
    when: Condition = lambda _exchange: True
    scenarios: Sequence[str] = ()
    """The scenarios in which they differ; all if empty."""

    def applies(self, scenario: str, exchange: Exchange) -> bool:
        """Whether the fields differ in an exchange, given what Orthanc answered."""
        return (
            exchange.route in self.routes
            and (not self.scenarios or scenario in self.scenarios)
            and self.when(exchange)
        )


def at_all_levels(template: str) -> list[str]:
    """A route of each level, for `{level}`."""
    return [template.replace("{level}", level) for level in LEVELS]


def asks(*parts: str) -> Condition:
    """The request has one of some texts."""
    return lambda exchange: any(part in exchange.request for part in parts)


def says(text: str) -> Condition:
    """Orthanc's `Details` start with a text."""
    return lambda exchange: (
        isinstance(exchange.body, dict) and exchange.body.get("Details", "").startswith(text)
    )


def fails(exchange: Exchange) -> bool:
    """Orthanc fails."""
    return exchange.status == 500
