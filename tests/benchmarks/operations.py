"""The operations that are measured: each a request to the API, in a store that has what it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.application import Application, make_app
from chalicelib.domain.levels import Level
from chalicelib.observability import open_telemetry
from tests.benchmarks.images import LARGE, SMALL, image
from tests.support.world import World

SIBLINGS = 50
"""Instances in the series that is read."""


Request = tuple[str, str, bytes]
"""Method, URL, body."""


@dataclass(frozen=True)
class Operation:
    """One request. `depth` is how many of its AWS calls follow one another."""

    name: str
    depth: int
    request: Callable[[int], Request]
    """The n-th request, another one for each n where that matters."""


def application(world: World) -> Application:
    """The API over a world's services."""
    return make_app(world.services, open_telemetry("ERROR"))


def prepare(send: Callable[[str, str, bytes], object]) -> None:
    """Fill a store, by a function that sends a request, with what the operations read."""
    for number in range(SIBLINGS):
        send("POST", "/instances", image(SMALL, number))
    send("POST", "/instances", image(LARGE, SIBLINGS))


def operations(world: World) -> list[Operation]:
    """All operations, over a store that was prepared."""
    instance = world.services.ingest.store(image(LARGE, SIBLINGS)).identifiers
    at = f"/instances/{instance[Level.INSTANCE]}"
    get = _get
    return [
        Operation("upload of 0.5 MB, series known", 3, _upload(LARGE, new_study=False)),
        Operation("upload of 11 kB, series known", 3, _upload(SMALL, new_study=False)),
        Operation("upload of 11 kB, first of a study", 3, _upload(SMALL, new_study=True)),
        Operation("upload of a duplicate", 1, lambda _: ("POST", "/instances", image(SMALL, 0))),
        get("GET of an instance", 1, at),
        get(f"GET of a series of {SIBLINGS + 1}", 1, f"/series/{instance[Level.SERIES]}"),
        get("GET of its file, 0.5 MB", 2, f"{at}/file"),
        get("GET of its tags", 2, f"{at}/tags"),
        get("GET of one element", 2, f"{at}/content/0010-0010"),
        get("GET of its preview, 512x512", 2, f"{at}/preview"),
        get("list of 10 at offset 20", 2, "/instances?since=20&limit=10"),
        get("changes, a page of 50", 2, "/changes?since=3&limit=50"),
        get("statistics", 2, "/statistics"),
        get("system, without AWS", 0, "/system"),
    ]


def _get(name: str, depth: int, url: str) -> Operation:
    return Operation(name, depth, lambda _: ("GET", url, b""))


def _upload(side: int, *, new_study: bool) -> Callable[[int], Request]:
    def request(number: int) -> Request:
        fresh = 1_000_000 + side * 100_000 + number + 50_000 * new_study
        parent = fresh if new_study else 0
        return "POST", "/instances", image(side, fresh, parent, parent)

    return request
