"""All that is recorded about a store as a whole, by topic.

A topic is a module with a `TITLE`, its `SCENARIOS` (by name: what is played, and Orthanc's options of the server
it is played on) and its `DIFFERENCES`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from tests.conformance import (
    annotations,
    archives,
    commitment,
    find,
    images,
    modification,
    network,
    peers,
    reconstruct,
    slices,
    store,
    system,
    transcoding,
)
from tests.conformance.difference import Difference
from tests.conformance.differences import DIFFERENCES as OF_FILES_AND_STORE
from tests.conformance.exchanges import Exchange
from tests.conformance.session import Session

Scenario = tuple[Callable[[Session], None], dict[str, object]]


class Topic(Protocol):
    """What a module of scenarios has."""

    TITLE: str
    SCENARIOS: dict[str, Scenario]
    DIFFERENCES: list[Difference]


TOPICS: dict[str, Topic] = {
    "store": store,
    "find": find,
    "annotations": annotations,
    "archives": archives,
    "images": images,
    "transcoding": transcoding,
    "modification": modification,
    "network": network,
    "peers": peers,
    "commitment": commitment,
    "reconstruct": reconstruct,
    "slices": slices,
    "system": system,
}
SCENARIOS = {
    f"{topic}/{name}": it for topic, module in TOPICS.items() for name, it in module.SCENARIOS.items()
}
DIFFERENCES: Sequence[Difference] = [
    *OF_FILES_AND_STORE,
    *(difference for module in TOPICS.values() for difference in module.DIFFERENCES),
]


def differences_in(scenario: str, exchange: Exchange) -> list[Difference]:
    """The differences to be found in an exchange."""
    return [difference for difference in DIFFERENCES if difference.applies(scenario, exchange)]
