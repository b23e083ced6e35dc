"""Many who handle the same event at once, on an emulator with real threads, take the object in once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from chalicelib.domain.outcomes import Stored
from infra.local.stack import emulator
from tests.support.checker import problems
from tests.support.ministack_world import ministack_world
from tests.upload.files import archive, ct, dicom, mr

THREADS = 8


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with emulator(Path(tmp_path_factory.mktemp("emulator"))) as url:
        yield url


@pytest.mark.parametrize("rule", ["Never", "Always"])
@pytest.mark.parametrize(
    ("data", "instances"),
    [(ct(), 1), (archive(("ct", ct()), ("mr", mr()), ("rt", dicom("rtplan.dcm"))), 3)],
    ids=["file", "archive"],
)
def test_an_object_is_taken_in_once(endpoint: str, rule: str, data: bytes, instances: int) -> None:
    with ministack_world(endpoint, overwrite_instances=rule) as world:
        services = world.services
        bucket = services.settings.inbox_bucket
        placed = count_placed(services)
        for n in range(3):
            key = f"inbox/{n}"
            world.s3.put_object(Bucket=bucket, Key=key, Body=data)
            placed.clear()
            take_from_all_sides(services, key)
            assert placed.count("Success") == (0 if n and rule == "Never" else instances)
            told = [o.status for o in services.inbox.lookup(key).outcomes if isinstance(o, Stored)]
            repeated = "AlreadyStored" if rule == "Never" else "Success"
            assert told == [repeated if n else "Success"] * instances
        assert world.s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
        assert new_instances(world) == instances  # those of an overwritten one left the log with it
        world.settle()
        assert problems(world) == []


def count_placed(services: Any) -> list[str]:
    """What becomes of every file that is placed from now on."""
    placed: list[str] = []
    place = services.ingest.place

    def noted(*arguments: Any) -> Stored:
        stored: Stored = place(*arguments)
        placed.append(stored.status)
        return stored

    services.ingest.place = noted
    return placed


def take_from_all_sides(services: Any, key: str) -> None:
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(lambda _n: services.inbox.take(key), range(THREADS)))


def new_instances(world: Any) -> int:
    world.clock.advance(100)
    page = world.services.changes.page(0, 1000)
    return [change.type for change in page.changes].count("NewInstance")
