"""What each operation may cost in AWS calls, however large the store is: counted, never timed."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from chalicelib.domain.levels import Level
from chalicelib.storage.dynamodb.items import document, unpacked
from tests.benchmarks.capacity import usage
from tests.support.faults import Send, Spoil
from tests.support.local_world import local_world
from tests.support.world import World, described


@pytest.fixture
def world() -> Iterator[World]:
    with local_world() as world:
        yield world


def _calls(world: World, run: Any, spoil: Spoil | None = None) -> list[str]:
    world.calls.reset()
    if spoil:
        world.calls.spoil(spoil)
    run()
    return list(world.calls.names)


def test_a_first_instance_takes_four_calls(world: World) -> None:
    calls = _calls(world, lambda: world.store(described()))
    assert calls[0] == "BatchGetItem"
    assert set(calls[1:3]) == {"PutObject", "UpdateItem"}
    assert calls[3:] == ["TransactWriteItems"]


def test_an_instance_of_a_known_series_takes_four_calls_and_a_duplicate_one(world: World) -> None:
    world.store(described(instance="1"))
    assert len(_calls(world, lambda: world.store(described(instance="2")))) == 4
    assert _calls(world, lambda: world.store(described(instance="2"))) == ["BatchGetItem"]


def test_an_ingest_is_three_calls_deep() -> None:
    """The file and the reservation are on their way at the same time, or the barrier breaks."""
    with ThreadPoolExecutor(4) as pool, local_world(pool) as world:
        beside = threading.Barrier(2, timeout=20)

        def meet(_number: int, name: str, request: AWSPreparedRequest, send: Send) -> AWSResponse:
            if name in ("PutObject", "UpdateItem"):
                beside.wait()
            return send(request)

        assert len(_calls(world, lambda: world.store(described()), meet)) == 4


@pytest.mark.parametrize("level", list(Level))
def test_a_resource_is_read_in_one_call(world: World, level: Level) -> None:
    world.store(described())
    identifier = described().identifiers[level]
    assert len(_calls(world, lambda: world.services.browse.get(level, identifier))) == 1


def test_a_page_of_changes_takes_two_calls(world: World) -> None:
    for n in range(40):
        world.store(described(str(n)))
    changes = world.services.changes
    assert len(_calls(world, lambda: changes.page(0, 100))) == 2
    assert len(_calls(world, lambda: changes.page(57, 100))) == 2
    assert len(_calls(world, lambda: changes.page(160, 100))) == 2
    assert len(_calls(world, changes.clear)) <= 5


def test_a_large_series_is_deleted_in_batches(world: World) -> None:
    count = 250
    for n in range(count):
        world.store(described(instance=str(n + 1)))
    identifier = described().identifiers[Level.SERIES]
    calls = Counter(_calls(world, lambda: world.services.delete.delete(Level.SERIES, identifier)))
    above = 3  # the series, its study and its patient
    assert calls["TransactWriteItems"] <= count / 24 + 1 + above
    assert calls["BatchWriteItem"] <= count / 24 / 25 + 1
    assert calls["DeleteObjects"] == 1
    assert calls["UpdateItem"] <= 1 + above
    assert calls.total() <= count / 24 + 30


SERIES_SIZE = 10
OPERATIONS = {
    "an instance": lambda w, one: w.services.browse.get(Level.INSTANCE, one[Level.INSTANCE]),
    "a series": lambda w, one: w.services.browse.get(Level.SERIES, one[Level.SERIES]),
    "a patient": lambda w, one: w.services.browse.get(Level.PATIENT, one[Level.PATIENT]),
    "first page of instances": lambda w, _: w.services.listing.page(Level.INSTANCE, 0, 5),
    "a page of changes": lambda w, _: w.services.changes.page(0, 100),
    "the end of the changes": lambda w, _: w.services.changes.page(w.services.log.head().last, 100),
    "the last change": lambda w, _: w.services.changes.last(),
    "statistics": lambda w, _: w.services.tallies.current(),
    "a duplicate": lambda w, _: w.store(described("0", "1", "1", "1")),
    "an instance more": lambda w, _: w.store(described("0", "1", "1", "77")),
    "a look-up": lambda w, _: w.services.browse.lookup("1.2.1.1.77"),
    "an instance less": lambda w, _: w.services.delete.delete(
        Level.INSTANCE, described("0", "1", "1", "77").identifiers[Level.INSTANCE]
    ),
}


def test_neither_calls_nor_items_grow_with_the_store(world: World) -> None:
    for n in range(SERIES_SIZE):
        world.store(described("0", "1", "1", str(n + 1)))
    template = [(table, item) for table in ("index", "log") for item in _scan(world, table)]
    identifiers = {i for n in range(SERIES_SIZE) for i in described("0", "1", "1", str(n + 1)).identifiers}
    costs = []
    filled = 1
    for instances in (100, 5000):
        for copy in range(filled, instances // SERIES_SIZE):
            changed = {identifier: _other(identifier, copy) for identifier in identifiers}
            _write(world, [_copied(world, table, item, copy, changed) for table, item in template])
        filled = instances // SERIES_SIZE
        _count(world, filled)
        costs.append({name: _cost(world, operation) for name, operation in OPERATIONS.items()})
        _count(world, filled)
    assert costs[0] == costs[1]


def _scan(world: World, table: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = world.dynamodb.scan(TableName=getattr(world.resources, table))["Items"]
    kept = [item for item in items if not {"head", "due"} & set(item["pk"]["S"].split("#"))]
    # As older versions wrote them: in what is compressed no identifier can be replaced.
    return [item | ({"d": document(unpacked(item["d"]))} if "d" in item else {}) for item in kept]


def _copied(
    world: World, table: str, item: dict[str, Any], copy: int, changed: dict[str, str]
) -> tuple[str, dict[str, Any]]:
    """An item as it would be had the same series come from another patient, right after the others."""
    written = json.dumps(item)
    for identifier, other in changed.items():
        written = written.replace(identifier, other)
    made = json.loads(written)
    if table == "log":
        number = int(item["n"]["N"]) + copy * (SERIES_SIZE + 3)
        made |= {"pk": {"S": f"{item['pk']['S'].rsplit('#', 1)[0]}#{number}"}, "n": {"N": str(number)}}
    elif item["pk"]["S"].split("#")[1] in ("i", "l"):
        shard = made["sk"]["S"][0]
        made["pk"]["S"] = f"{item['pk']['S'].rsplit('#', 1)[0]}#{shard}"
    return getattr(world.resources, table), made


def _other(identifier: str, copy: int) -> str:
    digest = hashlib.sha1(f"{identifier}{copy}".encode()).hexdigest()
    return "-".join(digest[start : start + 8] for start in range(0, 40, 8))


def _write(world: World, made: list[tuple[str, dict[str, Any]]]) -> None:
    for start in range(0, len(made), 25):
        requests: dict[str, list[Any]] = {}
        for table, item in made[start : start + 25]:
            requests.setdefault(table, []).append({"PutRequest": {"Item": item}})
        world.dynamodb.batch_write_item(RequestItems=requests)


def _count(world: World, series: int) -> None:
    """Bring the counter of the log and the statistics up to what was copied, as sweeps would have."""
    log = world.services.log
    missing = series * (SERIES_SIZE + 3) - log.head().last
    if missing > 0:
        log.reserve(missing)
    while not world.services.sweeper.follow():
        pass


def _cost(world: World, operation: Any) -> tuple[int, int]:
    world.calls.reset()
    operation(world, described("0", "1", "1", "1").identifiers)
    used = usage(list(world.calls.requests), list(world.calls.answers))
    return used.calls, used.items_read
