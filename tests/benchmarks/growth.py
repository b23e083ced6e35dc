"""How the cost of an operation grows with the store: AWS calls, items and bytes, and CPU time beside a control.

The emulator is in the same process, so that its work is in the time, and the work of other processes is not.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from chalicelib.domain.levels import Level
from tests.benchmarks.capacity import usage
from tests.benchmarks.images import image
from tests.benchmarks.operations import application
from tests.benchmarks.searches import searches
from tests.support.client import Answer, Client
from tests.support.local_world import local_world
from tests.support.world import World

SIDE = 8
PER_SERIES, PER_STUDY, PER_PATIENT = 10, 20, 40
ROUNDS = 30
CONTROL = "system (control)"


@dataclass(frozen=True)
class Sample:
    """What one operation took in a store of one size. CPU time in milliseconds, emulator included."""

    calls: int
    items: int
    bytes: int
    milliseconds: float


def configure(parser: argparse.ArgumentParser) -> None:
    """Say how this is called."""
    parser.description = __doc__
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[1_000, 20_000], help="instances in the store"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Fill one store step by step, measure at each size, and print a table."""
    sizes = sorted(arguments.sizes)
    samples: dict[str, list[Sample]] = {}
    with local_world() as world:
        client = Client(application(world))
        filled = 0
        for size in sizes:
            _fill(world, filled, size)
            filled = size
            for name, sample in _measure(world, client, size):
                samples.setdefault(name, []).append(sample)
    print(f"| operation | calls, items, bytes at {' and '.join(map(str, sizes))} | CPU, ms | growth of CPU |")
    print("|---|---|---|---:|")
    for name, row in samples.items():
        counted = " and ".join(f"{s.calls}, {s.items}, {s.bytes:,}" for s in row)
        times = " and ".join(f"{s.milliseconds:.2f}" for s in row)
        print(f"| {name} | {counted} | {times} | {row[-1].milliseconds / row[0].milliseconds:.2f} |")


def _fill(world: World, begin: int, end: int) -> None:
    for number in range(begin, end):
        world.services.ingest.store(_image(number))
        if number % 1000 == 0:
            sys.stderr.write(f"\rfilled {number} of {end}")
    sys.stderr.write("\r")
    world.clock.advance(1)
    while world.services.tallies.load().cursor < world.services.log.head().last:
        world.services.sweeper.follow()


def _image(number: int) -> bytes:
    return image(SIDE, number, number // PER_SERIES, number // PER_STUDY, number // PER_PATIENT)


def _measure(world: World, client: Client, size: int) -> Iterator[tuple[str, Sample]]:
    middle = world.services.ingest.store(_image(size // 2)).identifiers
    last = world.services.log.head().last
    urls = {
        CONTROL: "/system",
        "an instance": f"/instances/{middle[Level.INSTANCE]}",
        "a series": f"/series/{middle[Level.SERIES]}",
        "a patient": f"/patients/{middle[Level.PATIENT]}",
        "tags": f"/instances/{middle[Level.INSTANCE]}/tags",
        "preview": f"/instances/{middle[Level.INSTANCE]}/preview",
        "frame 0, raw": f"/instances/{middle[Level.INSTANCE]}/frames/0/raw",
        "slices of a series": f"/series/{middle[Level.SERIES]}/ordered-slices",
        "archive of a study": f"/studies/{middle[Level.STUDY]}/archive",
        "list of 20 at the beginning": "/instances?since=0&limit=20",
        "list of 20 in the middle": f"/instances?since={size // 2}&limit=20",
        "list of 20 close to the end": f"/instances?since={size - 30}&limit=20",
        "changes from the middle": f"/changes?since={last // 2}&limit=100",
        "the last change": "/changes?last",
        "statistics": "/statistics",
    }
    for name, url in urls.items():
        yield name, _sample(world, partial(client.get, url))
    for name, body in searches().items():
        yield name, _sample(world, partial(client.post, "/tools/find", body))
    yield "upload into a known series", _sample_uploads(world, client, size)


def _sample(world: World, ask: Callable[[], Answer]) -> Sample:
    ask()
    world.clock.advance(120)  # what is remembered for a minute is forgotten
    world.calls.reset()
    assert ask().status == 200
    used = usage(list(world.calls.requests), list(world.calls.answers))
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        ask()
        times.append((time.process_time() - began) * 1000)
    return Sample(used.calls, used.items_read, used.bytes_read, statistics.median(times))


def _sample_uploads(world: World, client: Client, size: int) -> Sample:
    world.calls.reset()
    times = []
    for number in range(ROUNDS):
        data = image(SIDE, 5_000_000 + size + number, 0, 0, 0)
        began = time.process_time()
        assert client.post("/instances", data).status == 200
        times.append((time.process_time() - began) * 1000)
    used = usage(list(world.calls.requests), list(world.calls.answers))
    return Sample(
        used.calls // ROUNDS, used.items_read // ROUNDS, used.bytes_read // ROUNDS, statistics.median(times)
    )
