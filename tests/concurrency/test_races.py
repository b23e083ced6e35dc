"""Threads that store and delete at once leave a consistent store, though DynamoDB refuses what collides.

Transactions are held open for a while, and writes of an item that one of them holds are refused, as AWS documents
for TransactionConflict: checks of conditions count as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib.domain.changes import ChangeType
from chalicelib.domain.errors import UnknownResource
from chalicelib.domain.levels import Level
from chalicelib.domain.outcomes import Status
from tests.support.checker import problems
from tests.support.local_world import local_world
from tests.support.world import World, described

THREADS = 16


@pytest.fixture
def world() -> Iterator[World]:
    with ThreadPoolExecutor(2 * THREADS) as pool, local_world(pool) as world:
        world.calls.contend()
        yield world


def _at_once(tasks: Sequence[Callable[[], Any]]) -> list[Any]:
    with ThreadPoolExecutor(THREADS) as threads:
        return [future.result() for future in [threads.submit(task) for task in tasks]]


def _store_all(world: World, descriptions: Sequence[Any]) -> list[Status]:
    return [stored.status for stored in _at_once([lambda d=d: world.store(d) for d in descriptions])]  # type: ignore[misc]


def _news(world: World) -> Counter[ChangeType]:
    """How often each kind of change is in the log, after the store came to rest; each is of another resource."""
    world.settle()
    assert problems(world) == []
    changes = world.services.changes.page(0, 1000).changes
    new = [(change.type, change.id) for change in changes if change.type.startswith("New")]
    assert len(set(new)) == len(new)
    return Counter(kind for kind, _ in new)


def test_the_first_instances_of_a_series_come_at_once(world: World) -> None:
    descriptions = [described("P", "1", "1", str(n)) for n in range(48)]
    assert set(_store_all(world, descriptions)) == {Status.SUCCESS}
    assert _news(world) == {"NewPatient": 1, "NewStudy": 1, "NewSeries": 1, "NewInstance": 48}


def test_the_first_series_of_a_study_come_at_once(world: World) -> None:
    descriptions = [described("P", "1", str(n), "1") for n in range(32)]
    assert set(_store_all(world, descriptions)) == {Status.SUCCESS}
    assert _news(world) == {"NewPatient": 1, "NewStudy": 1, "NewSeries": 32, "NewInstance": 32}


def test_the_studies_of_a_patient_come_at_once(world: World) -> None:
    descriptions = [described("P", str(n), "1", "1") for n in range(32)]
    assert set(_store_all(world, descriptions)) == {Status.SUCCESS}
    assert _news(world) == {"NewPatient": 1, "NewStudy": 32, "NewSeries": 32, "NewInstance": 32}


def test_an_instance_that_comes_many_times_at_once_is_stored_once(world: World) -> None:
    statuses = _store_all(world, [described()] * THREADS)
    assert Counter(statuses) == {Status.SUCCESS: 1, Status.ALREADY_STORED: THREADS - 1}
    assert _news(world) == {"NewPatient": 1, "NewStudy": 1, "NewSeries": 1, "NewInstance": 1}


def test_instances_of_a_known_series_never_collide(world: World) -> None:
    world.store(described("P", "1", "1", "99"))
    world.calls.reset()
    world.calls.contend()
    assert set(_store_all(world, [described("P", "1", "1", str(n)) for n in range(64)])) == {Status.SUCCESS}
    assert world.calls.conflicts == 0
    written = [_items(request) for name, request in world.calls.requests if name == "TransactWriteItems"]
    assert len(written) == 64
    shared = [item for item, count in Counter(i for items in written for i in items).items() if count > 1]
    assert shared == []


def _items(request: dict[str, Any]) -> set[str]:
    actions = [action for item in request["TransactItems"] for action in item.values()]
    return {
        repr([(action.get("Key") or action["Item"]).get(name) for name in ("pk", "sk")]) for action in actions
    }


@pytest.mark.parametrize("level", [Level.SERIES, Level.STUDY, Level.PATIENT])
def test_what_comes_after_a_delete_stays(world: World, level: Level) -> None:
    early = [described("P", "1", "1", f"1{n}") for n in range(24)]
    late = [described("P", "1", "1", f"2{n}") for n in range(24)]
    identifier = early[0].identifiers[level]
    world.store(early[0])

    def delete_then_store() -> None:
        world.services.delete.delete(level, identifier)
        _store_all(world, late)

    _at_once([lambda d=d: world.store(d) for d in early[1:]] + [delete_then_store])  # type: ignore[misc]
    _news(world)
    kept = set(world.services.listing.all(Level.INSTANCE))
    assert {d.identifiers[Level.INSTANCE] for d in late} <= kept


@pytest.mark.parametrize("level", list(Level))
def test_of_many_deletes_of_a_resource_one_finds_it(world: World, level: Level) -> None:
    for n in range(3):
        world.store(described("P", "1", "1", str(n)))

    def delete() -> bool:
        try:
            world.services.delete.delete(level, described("P", "1", "1", "0").identifiers[level])
        except UnknownResource:
            return False
        return True

    assert Counter(_at_once([delete] * THREADS)) == {True: 1, False: THREADS - 1}
    assert _news(world).total() == (5 if level is Level.INSTANCE else 0)


def test_deletes_of_all_instances_of_a_series_leave_nothing(world: World) -> None:
    descriptions = [described("P", "1", "1", str(n)) for n in range(32)]
    _store_all(world, descriptions)
    identifiers = [d.identifiers[Level.INSTANCE] for d in descriptions]
    _at_once([lambda i=i: world.services.delete.delete(Level.INSTANCE, i) for i in identifiers])  # type: ignore[misc]
    assert _news(world).total() == 0
    assert world.services.listing.all(Level.PATIENT) == []


def test_instances_that_come_and_go_at_once_are_all_accounted_for(world: World) -> None:
    """Each thread stores an instance and deletes it: the series goes and comes, and what is stored is never lost."""

    def come_and_go(n: int) -> None:
        description = described("P", "1", "1", str(n))
        for _ in range(3):
            assert world.store(description).status is Status.SUCCESS
            world.services.delete.delete(Level.INSTANCE, description.identifiers[Level.INSTANCE])
        assert world.store(description).status is Status.SUCCESS

    _at_once([lambda n=n: come_and_go(n) for n in range(12)])  # type: ignore[misc]
    assert _news(world)["NewInstance"] == 12
