"""Rows read anew from the files: what an older version wrote becomes what an upload writes now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.domain.errors import BadFileFormat, UnknownResource
from chalicelib.domain.jobs import JobState
from chalicelib.domain.levels import Level
from chalicelib.services.jobs.work import LEASE_SECONDS
from chalicelib.storage.dynamodb.items import document, unpacked
from tests.maintenance.damage import items
from tests.maintenance.test_rebuild import file, fill, shown
from tests.support.checker import problems
from tests.support.faults import Killed
from tests.support.local_world import local_world
from tests.support.world import World


@pytest.fixture
def world() -> Iterator[World]:
    with local_world() as made:
        fill(made)
        yield made


def age(world: World) -> None:
    """Make the rows those of a version that kept fewer tags and other look-ups, and knew no offsets."""
    writes, index = world.services.ingest._means.writes, world.services.checker._rows._index
    for item in items(world):
        kind = item["pk"]["S"].split("#")[1]
        if kind == "x":
            world.dynamodb.delete_item(
                TableName=world.resources.index, Key={"pk": item["pk"], "sk": item["sk"]}
            )
        if kind == "i" or (kind == "r" and item["sk"]["S"] == "!"):
            body = unpacked(item["d"])
            body["t"] = {name: value for name, value in body["t"].items() if "UID" in name}
            body["m"].pop("SopClassUid", None)
            world.dynamodb.put_item(
                TableName=world.resources.index,
                Item={**item, "d": document(body)},
            )
    for row in index.rows():
        for item in writes.leading_to(row):
            world.dynamodb.put_item(TableName=world.resources.index, Item=item)


def top(world: World, number: int = 0) -> dict[Level, str]:
    found = world.services.ingest.store(file(number)).identifiers
    return {level: found[level] for level in Level}


def test_everything_is_as_if_it_came_now(world: World) -> None:
    before = shown(world)
    age(world)
    assert shown(world) != before
    assert world.services.reconstructions.everything() is None
    assert shown(world) == before
    assert problems(world) == []
    assert list(world.services.checker.run()) == []


@pytest.mark.parametrize("level", Level)
def test_a_resource_alone(world: World, level: Level) -> None:
    before = shown(world)
    age(world)
    aged = shown(world)
    identifiers = top(world)
    services = world.services
    assert services.reconstructions.resource(level, identifiers[level], this_level_alone=False) is None
    after = shown(world)
    for other in Level:  # what is above is reconstructed if it is the first below
        if other >= level:
            assert after[identifiers[other]] == before[identifiers[other]]
    unrelated = top(world, 1)[Level.PATIENT]
    assert after[unrelated] == aged[unrelated]


@pytest.mark.parametrize("level", [Level.PATIENT, Level.STUDY, Level.SERIES])
def test_a_level_alone_leaves_the_others(world: World, level: Level) -> None:
    before = shown(world)
    age(world)
    aged = shown(world)
    identifiers = top(world)
    world.services.reconstructions.resource(level, identifiers[level], this_level_alone=True)
    after = shown(world)
    assert after[identifiers[level]] == before[identifiers[level]]
    for other in set(Level) - {level}:
        assert after[identifiers[other]] == aged[identifiers[other]]


def test_what_is_right_is_not_written(world: World) -> None:
    state = [item for item in sorted(map(str, items(world))) if "#job" not in item]
    world.services.reconstructions.resource(Level.STUDY, top(world)[Level.STUDY], this_level_alone=False)
    assert [item for item in sorted(map(str, items(world))) if "#job" not in item] == state


def test_a_killed_reconstruction_goes_on(world: World) -> None:
    before = shown(world)
    age(world)
    world.calls.reset()
    world.calls.kill_after(30)
    with pytest.raises(Killed):
        world.services.reconstructions.everything()
    world.calls.reset()
    world.clock.advance(LEASE_SECONDS + 1)
    while world.services.job_runner.run_next():
        continue
    (job,) = world.services.jobs.all()
    assert (job.state, job.progress) == (JobState.SUCCESS, 100)
    assert shown(world) == before


def test_a_spoiled_file_keeps_its_entry(world: World) -> None:
    before = shown(world)
    instance = world.services.reading.instance(top(world)[Level.INSTANCE])
    world.s3.put_object(Bucket=world.resources.files, Key=instance.file.key, Body=b"no DICOM any more")
    assert world.services.reconstructions.everything() is None
    assert shown(world) == before
    with pytest.raises(BadFileFormat):
        world.services.reconstructions.resource(Level.INSTANCE, instance.id, this_level_alone=False)


def test_annotations_are_kept(world: World) -> None:
    instance = top(world)[Level.INSTANCE]
    world.services.labels.add(Level.INSTANCE, instance, "urgent")
    age(world)
    world.services.reconstructions.everything()
    assert world.services.reading.instance(instance).annotations.labels == ("urgent",)
    assert problems(world) == []


@pytest.mark.parametrize("level", Level)
def test_an_unknown_resource(world: World, level: Level) -> None:
    for alone in (False, True):
        with pytest.raises(UnknownResource):
            world.services.reconstructions.resource(level, "unknown", this_level_alone=alone)


def test_an_instance_costs_a_ranged_read_and_a_write_for_each_row_that_changes(world: World) -> None:
    age(world)
    identifiers = top(world)
    world.calls.reset()
    world.services.reconstructions.resource(
        Level.INSTANCE, identifiers[Level.INSTANCE], this_level_alone=False
    )
    names: list[Any] = list(world.calls.names)
    assert names.count("GetObject") == 1
    assert names.count("TransactWriteItems") == 4
    assert len(names) <= 10
