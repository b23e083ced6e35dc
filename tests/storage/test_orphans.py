"""Files without an index entry: the few that a crash leaves are set aside, and a lost index moves nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.domain.levels import Level
from chalicelib.services import orphans
from chalicelib.services.orphans import AGE_HOURS, FEW, LATE_HOURS, TooManyOrphans
from tests.support.local_world import local_world
from tests.support.world import World, described

HOUR = 3600


@pytest.fixture
def world() -> Iterator[World]:
    with local_world() as made:
        yield made


def keys(world: World, folder: str = "files") -> list[str]:
    found = world.s3.list_objects_v2(Bucket=world.resources.files, Prefix=f"default/{folder}/")
    return [entry["Key"] for entry in found.get("Contents", [])]


def leave(world: World, count: int = 1) -> list[str]:
    """Files whose uploads died."""
    names = [
        world.services.files.name(
            described(f"O{n}").identifiers[Level.INSTANCE], str(uuid4()), world.clock.now
        )
        for n in range(count)
    ]
    for name in names:
        world.s3.put_object(Bucket=world.resources.files, Key=name.key, Body=b"x")
    return [name.key for name in names]


def lose(world: World, *, all_but: str = "nothing") -> None:
    """Lose the index, but for the items whose partition ends with `all_but`."""
    for page in world.dynamodb.get_paginator("scan").paginate(TableName=world.resources.index):
        for item in page["Items"]:
            if not item["pk"]["S"].endswith(all_but):
                world.dynamodb.delete_item(
                    TableName=world.resources.index, Key={name: item[name] for name in ("pk", "sk")}
                )


def pass_hours(world: World, hours: int) -> list[Exception]:
    """Let time pass, a tick each quarter of an hour, as a store that runs; what the ticks complained of."""
    complaints: list[Exception] = []
    for _ in range(hours * 4):
        world.clock.advance(HOUR / 4)
        try:
            world.services.sweeper.tick()
        except TooManyOrphans as error:
            complaints.append(error)
    return complaints


def test_what_a_crash_left_is_set_aside_after_two_hours_and_can_be_had_back(world: World) -> None:
    world.store(described())
    (kept,) = keys(world)
    (left,) = leave(world)
    pass_hours(world, AGE_HOURS - 1)
    assert sorted(keys(world)) == sorted([kept, left])
    pass_hours(world, 2)
    assert keys(world) == [kept]
    assert keys(world, "aside") == [left.replace("/files/", "/aside/")]
    listing = world.services.orphans._listing
    listing.bring_back(list(listing.aside()), world.services.orphans._pool)
    assert sorted(keys(world)) == sorted([kept, left])
    assert world.services.files.get(left) == b"x"


def test_many_files_are_checked_in_portions(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orphans, "PORTION", 4)
    world.store(described())
    (kept,) = keys(world)
    leave(world, 9)
    counts = []
    world.clock.advance(AGE_HOURS * HOUR)
    for _ in range(4):
        world.services.sweeper.tick()
        counts.append(len(keys(world)))
    assert counts == sorted(counts, reverse=True)
    assert counts[0] >= 6
    assert keys(world) == [kept]


def test_a_run_goes_on_until_an_hour_is_checked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orphans, "PORTION", 4)
    world.store(described())
    kept = keys(world)
    leave(world, 9)
    world.clock.advance(AGE_HOURS * HOUR)
    while not world.services.sweeper.follow():
        pass
    world.services.sweeper.run(45)
    assert keys(world) == kept


def test_attachments_are_in_use_at_every_level(world: World) -> None:
    world.store(described())
    for level, identifier in zip(Level, described().identifiers, strict=True):
        world.services.attachments.put(level, identifier, "1024", b"body", None)
    before = keys(world)
    assert pass_hours(world, 4) == []
    assert keys(world) == before


@pytest.mark.parametrize("count", [1, 5, FEW + 4])
def test_a_lost_index_moves_no_file(world: World, count: int) -> None:
    """However few there are: an index that has just begun does not know what is older than itself."""
    for n in range(count):
        world.store(described(instance=str(n)))
    before = keys(world)
    lose(world)
    pass_hours(world, LATE_HOURS + 2 * AGE_HOURS)
    assert keys(world) == before


def test_after_a_lost_index_what_came_later_is_checked_again(world: World) -> None:
    world.store(described())
    before = keys(world)
    lose(world)
    pass_hours(world, 2)
    leave(world)
    world.store(described("Later"))
    pass_hours(world, 4)
    assert len(keys(world)) == 2
    assert set(before) < set(keys(world))


def test_an_index_that_lost_its_rows_and_not_its_place_moves_no_file(world: World) -> None:
    for n in range(FEW + 1):
        world.store(described(instance=str(n)))
    before = keys(world)
    lose(world, all_but="#orphans")
    complaints = pass_hours(world, 4)
    assert len(complaints) == 1
    assert str(FEW + 1) in str(complaints[0])
    assert keys(world) == before


def test_an_index_put_back_from_a_backup_does_not_judge_what_came_since(world: World) -> None:
    world.store(described())
    pass_hours(world, 1)
    backup = world.dynamodb.scan(TableName=world.resources.index)["Items"]
    stored = [world.store(described(instance=str(n))) for n in range(2, 7)]
    assert len(stored) == 5
    pass_hours(world, LATE_HOURS + AGE_HOURS + 2)
    before = keys(world)
    assert len(before) == 6
    lose(world)
    for item in backup:
        world.dynamodb.put_item(TableName=world.resources.index, Item=item)
    assert pass_hours(world, 4) == []
    assert keys(world) == before


def test_what_others_put_into_the_bucket_is_left_alone(world: World) -> None:
    hour = world.services.files.name("x", "y", world.clock.now).key.rsplit("/", 1)[0]
    foreign = [f"{hour}/readme.txt", f"{hour}/a/b", f"{hour}/x.y", "default/files/odd"]
    for key in foreign:
        world.s3.put_object(Bucket=world.resources.files, Key=key, Body=b"x")
    assert pass_hours(world, 4) == []
    assert sorted(keys(world)) == sorted(foreign)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.integers(0, 40), lost=st.integers(0, 40), crashes=st.integers(0, 3))
def test_a_share_of_an_hour_is_all_that_may_go(rows: int, lost: int, crashes: int) -> None:
    """Whatever is missing: either few files are set aside, or none; and none is destroyed."""
    with local_world() as world:
        stored = [world.store(described(instance=str(n))) for n in range(rows)]
        leave(world, crashes)
        before = keys(world)
        for one in stored[:lost]:
            key: Any = world.services.orphans._index.keys.instance(one.instance_id)
            world.dynamodb.delete_item(TableName=world.resources.index, Key=key)
        unknown = min(lost, rows) + crashes
        complaints = pass_hours(world, 4)
        aside = keys(world, "aside")
        is_allowed = unknown <= max(FEW, orphans.SHARE * len(before))
        assert (len(aside), len(complaints)) == ((unknown, 0) if is_allowed else (0, 1))
        assert len(aside) + len(keys(world)) == len(before)
