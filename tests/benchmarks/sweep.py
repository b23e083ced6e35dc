"""The CPU of the sweep's work, with AWS stubbed by replaying its answers: for `infra/costs/operations.py`."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from chalicelib.bootstrap.foundations import POOL_THREADS
from tests.benchmarks.costs import ROUNDS, Recording, Replaying
from tests.benchmarks.images import SMALL, image
from tests.support.local_world import local_world, unsigned
from tests.support.world import World

RESOURCES = 300  # a third of each level
ENTRIES = 1000


def configure(parser: argparse.ArgumentParser) -> None:
    """Say how this is called."""
    parser.description = __doc__
    parser.set_defaults(run=run)


def run(_arguments: argparse.Namespace) -> None:
    """Measure and print a table."""
    print("| work | of | CPU, ms each |\n|---|---:|---:|")
    for name, count, measure in (
        ("a sweep that finds nothing to do", 1, _idle),
        ("a resource becomes stable", RESOURCES, _settling),
        ("an entry is removed after `DELETE /changes`", ENTRIES, _trimming),
    ):
        with ThreadPoolExecutor(POOL_THREADS) as pool, local_world(pool) as world:
            world.dynamodb.meta.events.unregister("choose-signer.dynamodb", unsigned)  # on AWS all are signed
            print(f"| {name} | {count} | {measure(world) / count:.3f} |", flush=True)
            world.dynamodb.meta.events.register("choose-signer.dynamodb", unsigned)


def _idle(world: World) -> float:
    world.settle(hours=5)

    sweep = world.services.schedule.run
    for _ in range(10):  # the check of files passes one hour at a time
        sweep()
    world.clock.advance(60)
    return _cpu_ms(world, sweep)


def _settling(world: World) -> float:
    for number in range(RESOURCES // 3):
        world.services.ingest.store(image(SMALL, number, number, number, number))
    world.services.sweeper.follow()
    world.clock.advance(3600)
    return _cpu_ms(world, world.services.sweeper.judge)


def _trimming(world: World) -> float:
    number = 0
    while world.services.log.head().last < ENTRIES:
        number += 1
        world.services.ingest.store(image(SMALL, number))
    world.services.changes.clear()
    return _cpu_ms(world, lambda: world.services.log.trim(ENTRIES))


def _cpu_ms(world: World, work: Callable[[], Any]) -> float:
    """Once in earnest, then of our own CPU the median."""
    with Recording(world) as recorded:
        work()
    found = []
    for _ in range(ROUNDS):
        with Replaying(world, recorded):
            began = time.process_time()
            work()
            found.append((time.process_time() - began) * 1000)
    return statistics.median(found)
