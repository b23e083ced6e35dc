"""What the calculation of costs says of an operation is what the code does, call by call."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.domain.levels import Level
from chalicelib.services import sweep
from chalicelib.storage.dynamodb import log
from infra.costs import operations as op
from infra.costs.operations import Kept, Operation
from tests.benchmarks.images import SMALL, image
from tests.infra.measured import difference, fill, kept, measure, of, receive, take, upload
from tests.support.local_world import local_world
from tests.support.world import World

SHARDS_OF_REMINDERS = 17  # which an idle sweep asks as well

STUDY_OF_TEN = {
    0x00080052: "STUDY",
    0x00080020: "19900101-19900110",
    0x00080050: "",
    0x00080061: "",
    0x00100010: "",
    0x00100020: "",
    0x0020000D: "",
    0x00201206: "",
    0x00201208: "",
}


@pytest.fixture
def world() -> Iterator[World]:
    with local_world() as world:
        upload(world, 0)
        world.settle()
        upload(world, 1)  # its ancestors are not stable any more
        yield world


def timeless(operation: Operation) -> Operation:
    return replace(operation, depth=0, cpu_ms=0)


def plus(*operations: Operation) -> Operation:
    more = sum(operation.write_units for operation in operations[1:])
    return timeless(replace(operations[0], write_units=operations[0].write_units + more))


def test_an_upload(world: World) -> None:
    assert of(upload(world, 2)) == timeless(op.UPLOAD)
    assert of(upload(world, 3, 1)) == plus(op.UPLOAD, op.NEW_SERIES)
    assert of(upload(world, 4, 2, 2)) == plus(op.UPLOAD, op.NEW_SERIES, op.NEW_STUDY)
    assert of(upload(world, 5, 3, 3, 3)) == plus(op.UPLOAD, op.NEW_SERIES, op.NEW_STUDY, op.NEW_PATIENT)
    assert of(upload(world, 5, 3, 3, 3)) == timeless(op.DUPLICATE)


def test_what_the_tables_keep(world: World) -> None:
    found = []
    for number, parents in enumerate([(0,), (1,), (2, 2), (3, 3, 3)], start=2):
        before = kept(world)
        upload(world, number, *parents)
        found.append(difference(kept(world), before))
    steps = [found[0], *(minus(after, before) for before, after in itertools.pairwise(found))]
    told = [op.KEPT_INSTANCE, op.KEPT_SERIES, op.KEPT_STUDY, op.KEPT_PATIENT]
    assert [step.log_bytes for step in steps] == [one.log_bytes for one in told]
    # A row's size goes by the digits that happen to be in it, since it is compressed.
    assert [step.index_bytes for step in steps] == pytest.approx([one.index_bytes for one in told], abs=12)


def minus(one: Kept, other: Kept) -> Kept:
    return Kept(one.index_bytes - other.index_bytes, one.log_bytes - other.log_bytes)


def test_an_object_that_the_listener_received(world: World, tmp_path: Path) -> None:
    assert of(receive(world, 2, tmp_path)) == timeless(op.UPLOAD)


def test_an_object_of_the_inbox(world: World) -> None:
    found = take(world, 2)
    assert of(found) == timeless(op.INBOX)
    assert found.names.count("DeleteObject") == 1  # which costs nothing


def test_reads(world: World) -> None:
    instance = world.services.listing.page(Level.INSTANCE, 0, 1)[0]
    read = measure(world, lambda: world.services.browse.get(Level.INSTANCE, instance))
    assert of(read) == timeless(op.GET_RESOURCE)
    assert of(measure(world, lambda: read_file(world, instance))) == timeless(op.GET_FILE)


def read_file(world: World, instance: str) -> bytes:
    reading = world.services.reading
    data: bytes = reading.file(reading.instance(instance))
    return data


def test_a_query_for_ten_studies(world: World) -> None:
    for study in range(12):
        fill(world, 2, 100 + 10 * study, study, study, study)
    query = world.services.network.query
    found = measure(world, lambda: len(list(query.answers(STUDY_OF_TEN))))
    assert of(found) == timeless(op.FIND)


def test_a_sweep_that_finds_nothing_to_do(world: World) -> None:
    world.settle(hours=5)

    sweep = world.services.schedule.run
    for _ in range(10):  # the check of files passes one hour at a time
        sweep()
    world.clock.advance(60)
    assert of(measure(world, sweep)) == timeless(op.IDLE_SWEEP)


@pytest.mark.parametrize(("count", "series"), [(200, 1), (200, 40), (1000, 10)])
def test_following_the_log_and_settling(world: World, count: int, series: int) -> None:
    for one in range(series):
        fill(world, 1, 10_000 + one, one, one, one)
    while not world.services.sweeper.follow():
        pass
    for number in range(count):
        world.clock.advance(0.01)
        parent = number % series
        fill(world, 1, 20_000 + number, parent, parent, parent)
    found = of(measure(world, world.services.sweeper.follow))
    resources = 3 * series
    times = (
        (op.FOLLOW_ENTRY, count),
        (op.FOLLOW_WINDOW, count // op.WINDOW_ENTRIES),
        (op.FOLLOW_BATCH, 1),
        (op.TOUCH, resources),
    )
    for field in ("read_units", "write_units", "dynamodb_calls"):
        told = sum(getattr(operation, field) * number for operation, number in times)
        assert getattr(found, field) == pytest.approx(told, abs=3), field
    world.clock.advance(200)
    settled = of(measure(world, world.services.sweeper.judge))
    assert settled.write_units == resources * op.SETTLE.write_units + 1
    assert settled.read_units == pytest.approx(SHARDS_OF_REMINDERS + resources * op.SETTLE.read_units, abs=6)


def test_an_entry_that_leaves_the_log(world: World) -> None:
    fill(world, log.TRIM, 10_000)
    while not world.services.sweeper.follow():
        pass
    before = world.services.log.head().last
    world.services.changes.clear()
    found = of(measure(world, world.services.sweeper._trim))
    assert before > log.TRIM == world.services.log.head().trimmed
    for field in ("read_units", "write_units", "dynamodb_calls"):
        assert getattr(found, field) / log.TRIM == pytest.approx(getattr(op.TRIM, field), rel=0.05), field
    in_turn = found.dynamodb_calls - (log.TRIM - log.TRIM_PART) / 1000 * 50
    assert in_turn / log.TRIM == pytest.approx(op.TRIM.depth, rel=0.05)


def test_a_batch_is_that_of_the_sweep() -> None:
    assert sweep.BATCH == op.BATCH_ENTRIES
    assert log.WINDOW == op.WINDOW_ENTRIES


def test_the_check_of_files(world: World) -> None:
    world.settle(hours=5)
    fill(world, 200, 1000)
    world.clock.advance(3 * 3600)
    idle = op.IDLE_SWEEP.read_units
    while not world.services.sweeper.follow():
        pass
    world.services.sweeper.judge()
    while not world.services.sweeper.follow():
        pass
    found = of(measure(world, world.services.orphans.remove))
    while found.read_units < 100:
        found = of(measure(world, world.services.orphans.remove))
    assert found.read_units == pytest.approx(200 * op.ORPHAN_CHECK.read_units, abs=idle)
    assert found.dynamodb_calls == pytest.approx(200 * op.ORPHAN_CHECK.dynamodb_calls, abs=2)
    assert found.s3_puts == 1


def test_a_delete(world: World) -> None:
    count = 300
    fill(world, count, 1000, 5, 5, 5)
    while not world.services.sweeper.follow():
        pass
    identifiers = world.services.ingest.store(image(SMALL, 1000, 5, 5, 5)).identifiers
    first = of(measure(world, lambda: world.services.delete.delete(Level.STUDY, identifiers[Level.STUDY])))
    world.clock.advance(120)
    rest = of(measure(world, world.services.sweeper.tick))
    # The count of units goes by the keys of what is deleted; none of it has a second KB.
    assert (first.write_units + rest.write_units) / count == pytest.approx(op.DELETE.write_units, rel=0.1)
    assert (first.read_units + rest.read_units) / count == pytest.approx(op.DELETE.read_units, rel=0.25)
    assert (first.dynamodb_calls + rest.dynamodb_calls) / count == pytest.approx(
        op.DELETE.dynamodb_calls, rel=0.25
    )
