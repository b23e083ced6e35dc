"""The exports log: pages, its end, what is cleared, and what is let go by its age."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.domain.levels import Level
from chalicelib.services.network.exports import DAY_SECONDS, LOOK_AHEAD
from tests.support.local_world import local_world
from tests.support.world import World, described


@pytest.fixture
def world() -> Iterator[World]:
    with local_world(log_exported_resources="true", exports_kept_days="10") as made:
        yield made


def export(world: World, count: int = 1, remote: str = "pacs") -> None:
    """Tell of an instance that was sent some times."""
    world.store(described())
    services = world.services
    instance = services.reading.instance(described().identifiers[Level.INSTANCE])
    for _ in range(count):
        services.reading._index.table.transact(services.network.exports.entries([instance], remote)())


def numbers(world: World, since: int = 0, limit: int = 1000) -> list[int]:
    return [one.number for one in world.services.network.exports.page(since, limit).exports]


def left(world: World) -> int:
    """How many entries the table still has, hidden or not."""
    pages = world.dynamodb.get_paginator("scan").paginate(TableName=world.resources.log)
    keys = [item["pk"]["S"] for page in pages for item in page["Items"] if "#exports#" in item["pk"]["S"]]
    assert "default#exports#head" in keys
    return len(keys) - 1


def test_pages_follow_one_another_to_the_end(world: World) -> None:
    export(world, 25)
    exports = world.services.network.exports
    assert exports.page(0, 10).done is False
    assert numbers(world, 0, 10) + numbers(world, 10, 10) + numbers(world, 20, 10) == list(range(1, 26))
    assert exports.page(20, 10).done is True
    assert (exports.page(25, 10).exports, exports.page(25, 10).last) == ((), 25)
    assert [one.number for one in exports.last().exports] == [25]


def test_an_entry_names_the_instance_and_all_above_it(world: World) -> None:
    export(world, remote="elsewhere")
    (one,) = world.services.network.exports.page(0, 10).exports
    assert (one.remote, one.instance_id) == ("elsewhere", described().identifiers[Level.INSTANCE])
    assert set(one.uids) == {"PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"}
    assert all(one.uids.values())


def test_it_is_not_kept_unless_it_is_asked_for() -> None:
    with local_world() as world:
        world.store(described())
        instance = world.services.reading.instance(described().identifiers[Level.INSTANCE])
        assert world.services.network.exports.entries([instance], "pacs")() == []


def test_a_page_costs_two_calls_however_long_the_log_is(world: World) -> None:
    export(world, 120)
    world.calls.reset()
    world.services.network.exports.page(0, 50)
    assert len(world.calls.names) == 2


def test_what_is_cleared_is_not_seen_and_numbers_go_on(world: World) -> None:
    export(world, 3)
    world.services.network.exports.clear()
    assert numbers(world) == []
    assert world.services.network.exports.last().exports == ()
    export(world)
    assert numbers(world) == [4]


def test_a_reader_does_not_pass_a_writer_who_is_late(world: World) -> None:
    exports = world.services.network.exports
    world.store(described())
    instance = world.services.reading.instance(described().identifiers[Level.INSTANCE])
    late = exports.entries([instance], "late")()
    export(world, 2)
    assert numbers(world) == []
    world.services.reading._index.table.transact(late)
    assert numbers(world) == [1, 2, 3]


def test_old_entries_go_and_young_ones_stay(world: World) -> None:
    exports = world.services.network.exports
    export(world, 5)
    world.clock.advance(9 * DAY_SECONDS)
    export(world, 2)
    exports.expire(10)
    assert numbers(world) == list(range(1, 8))
    world.clock.advance(2 * DAY_SECONDS)
    exports.expire(10)
    assert numbers(world) == [6, 7]
    assert exports.page(0, 1).exports[0].number == 6
    world.clock.advance(30 * DAY_SECONDS)
    exports.expire(10)
    assert numbers(world) == []
    exports.expire(10)  # removes what the last one has hidden
    assert left(world) == 0


def test_a_long_log_goes_step_by_step_as_the_time_allows(world: World) -> None:
    export(world, 2 * LOOK_AHEAD + 20)
    world.clock.advance(11 * DAY_SECONDS)
    exports = world.services.network.exports
    exports.expire(0)
    assert numbers(world)[0] == LOOK_AHEAD + 1
    exports.expire(10)
    assert numbers(world) == []
    assert left(world) > LOOK_AHEAD  # a reader may be on its way through what was hidden just now
    exports.expire(10)
    assert left(world) == 0


def test_many_writers_lose_nothing() -> None:
    with (
        ThreadPoolExecutor(8) as pool,
        local_world(pool, log_exported_resources="true") as world,
        ThreadPoolExecutor(4) as writers,
    ):
        world.store(described())
        world.calls.contend()
        list(writers.map(lambda _: export(world, 5), range(4)))
        world.calls.reset()
        world.clock.advance(60)
        assert len(numbers(world)) == 20


def test_what_races_with_another_writer_is_told_all_the_same(world: World) -> None:
    world.store(described())
    instance = world.services.reading.instance(described().identifiers[Level.INSTANCE])
    world.calls.reset()
    world.calls.conflict(2)
    world.services.network.exports.tell([instance], "pacs")
    assert world.calls.names[1:] == ["UpdateItem", "TransactWriteItems"] * 2
    world.calls.reset()
    world.clock.advance(60)
    assert len(numbers(world)) == 1
