"""What the sweep makes of the changes log: stability and completeness."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.levels import Level
from chalicelib.services import sweep
from chalicelib.storage.dynamodb import log
from chalicelib.storage.dynamodb.items import kind_of
from chalicelib.storage.dynamodb.keys import key_of, place_of
from tests.support.checker import problems
from tests.support.faults import Killed, Send
from tests.support.local_world import local_world
from tests.support.world import World, described

STABLE = ["StableSeries", "StableStudy", "StablePatient"]


@pytest.fixture
def world() -> Iterator[World]:
    with local_world(stable_age="60") as world:
        yield world


def _changes(world: World, since: int = 0) -> list[Any]:
    return list(world.services.changes.page(since, 1000).changes)


def _after(world: World, seconds: float, since: int = 0) -> list[str]:
    world.clock.advance(seconds)
    world.services.sweeper.tick()
    return [change.type for change in _changes(world, since) if not change.type.startswith("New")]


def test_resources_become_stable_once_from_the_series_upward(world: World) -> None:
    world.store(described())
    assert _after(world, 59) == []
    assert _after(world, 2) == STABLE
    assert _after(world, 3600) == STABLE
    for level, identifier in zip(Level, described().identifiers[:3], strict=False):
        assert world.services.browse.get(level, identifier).resource.is_stable


def test_what_arrives_puts_stability_off(world: World) -> None:
    world.store(described(instance="1"))
    world.clock.advance(40)
    world.store(described(instance="2"))
    assert _after(world, 30) == []
    assert _after(world, 31) == STABLE


def test_a_new_instance_makes_a_stable_resource_unstable_and_stable_again(world: World) -> None:
    world.store(described(instance="1"))
    assert _after(world, 61) == STABLE
    world.store(described(instance="2"))
    series = described().identifiers[Level.SERIES]
    assert not world.services.browse.get(Level.SERIES, series).resource.is_stable
    assert _after(world, 30) == STABLE
    assert _after(world, 40) == STABLE + STABLE


def test_a_new_series_leaves_its_stable_sisters_stable(world: World) -> None:
    world.store(described(series="1"))
    assert _after(world, 61) == STABLE
    world.store(described(series="2"))
    old = described(series="1").identifiers[Level.SERIES]
    assert world.services.browse.get(Level.SERIES, old).resource.is_stable
    assert _after(world, 62) == STABLE + STABLE
    assert [c.id for c in _changes(world) if c.type == "StableSeries"] == [
        described(series=n).identifiers[Level.SERIES] for n in "12"
    ]


def test_many_resources_that_are_due_at_once_are_judged_in_order(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though they lie in several shards, each with more than is read at once."""
    monkeypatch.setattr(sweep, "DUE_PAGE", 2)
    count = 40
    for n in range(count):
        world.store(described(str(n), str(n)))
    assert Counter(pk for pk, _ in _reminders(world)).most_common()[-1][1] > sweep.DUE_PAGE
    world.clock.advance(61)
    world.services.sweeper.run(45)
    stable = [change.type for change in _changes(world) if not change.type.startswith("New")]
    assert stable == ["StableSeries"] * count + ["StableStudy"] * count + ["StablePatient"] * count
    assert _reminders(world) == []


def test_one_tick_judges_a_part_and_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "DUE_PAGE", 2)
    for n in range(40):
        world.store(described(str(n), str(n)))
    world.services.sweeper.follow()
    world.clock.advance(61)
    assert world.services.sweeper.judge()
    assert 0 < len(_reminders(world)) < 120


def test_reminders_lie_where_their_identifiers_tell(world: World) -> None:
    for n in range(40):
        world.store(described(str(n), str(n)))
    reminders = _reminders(world)
    assert {pk for pk, _ in reminders} == {f"default#due#{digit}" for digit in "0123456789abcdef"}
    assert all(sk.split("#")[2][0] == pk[-1] for pk, sk in reminders)


def test_reminders_of_older_versions_are_judged_put_off_and_removed(world: World) -> None:
    """They are in one partition, where new ones are not written any more."""
    for patient in ("1", "2", "3"):
        world.store(described(patient, patient))
    _make_old(world)
    world.clock.advance(40)
    world.store(described("2", "2", "1", "2"))
    world.services.delete.delete(Level.PATIENT, described("3", "3").identifiers[Level.PATIENT])
    assert _after(world, 21) == STABLE
    assert _after(world, 40) == STABLE * 2
    assert _reminders(world) == []


def test_no_study_is_told_stable_before_its_series_if_the_sweep_dies(world: World) -> None:
    """What is due is told in the order of its time, and written level by level."""
    for patient in "12":
        world.store(described(patient, patient))
        world.clock.advance(10)
    world.services.sweeper.follow()
    world.clock.advance(70)
    world.calls.reset()
    world.services.sweeper.judge()
    told = [change.type for change in _changes(world)][-6:]
    assert told == STABLE * 2
    written = [r for name, r in world.calls.requests if name == "TransactWriteItems"]
    kinds = [request["TransactItems"][-1]["Put"]["Item"]["k"]["S"] for request in written]
    assert kinds == [kind for kind in STABLE for _ in "12"]


def test_shards_are_read_and_resources_settled_side_by_side() -> None:
    with ThreadPoolExecutor(17) as pool, local_world(pool, stable_age="60") as world:
        for n in range(5):
            world.store(described(str(n), str(n)))
        world.services.sweeper.follow()
        world.clock.advance(61)
        meetings = {
            "Query": threading.Barrier(17, timeout=20),
            "TransactWriteItems": threading.Barrier(5, timeout=20),
        }

        def meet(_number: int, name: str, request: AWSPreparedRequest, send: Send) -> AWSResponse:
            if name in meetings:
                meetings[name].wait()
            return send(request)

        world.calls.spoil(meet)
        assert not world.services.sweeper.judge()
        world.calls.reset()
        assert [change.type for change in _changes(world)][-15:] == [
            kind for kind in STABLE for _ in range(5)
        ]


def test_a_sweep_removes_what_a_delete_of_the_log_hid_until_nothing_is_left(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "TRIM", 10)
    for n in range(40):
        world.store(described(str(n), str(n)))
    world.services.sweeper.follow()
    world.services.changes.clear()
    world.services.sweeper.tick()
    assert world.services.log.head().trimmed == 10
    world.services.sweeper.run(45)
    assert world.services.log.head().trimmed == 160


def test_a_sweep_whose_time_is_over_leaves_the_rest_to_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "TRIM", 10)
    for n in range(40):
        world.store(described(str(n), str(n)))
    world.services.sweeper.follow()
    world.services.changes.clear()

    def slow(_number: int, name: str, request: AWSPreparedRequest, send: Send) -> AWSResponse:
        world.clock.advance(10 if name == "BatchWriteItem" else 0)
        return send(request)

    world.calls.spoil(slow)
    world.services.sweeper.run(45)
    assert 40 <= world.services.log.head().trimmed <= 60


def _reminders(world: World) -> list[tuple[str, str]]:
    items = world.dynamodb.scan(TableName=world.resources.index)["Items"]
    return [place_of(item) for item in items if kind_of(item) == "due"]


def _make_old(world: World) -> None:
    """Put the reminders to where older versions had them."""
    for item in world.dynamodb.scan(TableName=world.resources.index)["Items"]:
        if kind_of(item) == "due":
            world.dynamodb.delete_item(TableName=world.resources.index, Key=key_of(item))
            old = item | {"pk": {"S": "default#due"}}
            world.dynamodb.put_item(TableName=world.resources.index, Item=old)


def test_a_series_is_completed_by_its_last_instance_once(world: World) -> None:
    def store(n: int) -> None:
        world.store(described(instance=str(n), expected_instances=3, index_in_series=n))

    store(1)
    store(2)
    assert _after(world, 1) == []
    store(3)
    assert _after(world, 1) == ["CompletedSeries"]
    assert _after(world, 1) == ["CompletedSeries"]


def test_a_series_that_loses_an_instance_and_gets_it_back_is_completed_again(world: World) -> None:
    """As Orthanc tells it."""
    for n in (1, 2):
        world.store(described(instance=str(n), expected_instances=2, index_in_series=n))
    assert _after(world, 1) == ["CompletedSeries"]
    world.services.delete.delete(Level.INSTANCE, described(instance="2").identifiers[Level.INSTANCE])
    assert _after(world, 1) == ["CompletedSeries"]
    world.store(described(instance="2", expected_instances=2, index_in_series=2))
    assert _after(world, 1) == ["CompletedSeries"] * 2
    world.store(described(instance="3", expected_instances=2, index_in_series=3))
    assert _after(world, 1) == ["CompletedSeries"] * 2


def test_sweepers_at_once_say_everything_once() -> None:
    with ThreadPoolExecutor(16) as pool, local_world(pool, stable_age="60") as world:
        for n in range(8):
            world.store(described("P", "1", str(n), "1", expected_instances=1, index_in_series=1))
        world.clock.advance(61)
        world.calls.reset()
        world.calls.contend()
        with ThreadPoolExecutor(4) as sweepers:
            for future in [sweepers.submit(world.services.sweeper.tick) for _ in range(4)]:
                future.result()
        world.settle()
        assert problems(world) == []
        changes = [(change.type, change.id) for change in _changes(world)]
        assert len(changes) == len(set(changes)) == 8 * 4 + 2 * 2


def test_statistics_are_right_before_and_after_a_sweep(world: World) -> None:
    for n in range(5):
        world.store(described(instance=str(n)))
    world.services.delete.delete(Level.INSTANCE, described(instance="3").identifiers[Level.INSTANCE])
    for _ in range(2):
        tally = world.services.tallies.current()
        assert [tally.total(level) for level in Level] == [1, 1, 1, 4]
        world.services.sweeper.tick()


def test_a_delete_that_cannot_be_finished_does_not_hold_up_another(world: World) -> None:
    broken, other = described("A"), described("B")
    for description in (broken, other):
        world.store(description)
        world.calls.reset()
        world.calls.kill_after(2)
        with pytest.raises(Killed):
            world.services.delete.delete(Level.PATIENT, description.identifiers[Level.PATIENT])
        world.calls.reset()
    world.clock.advance(120)
    refused = world.services.files.delete
    blocked = world.services.reading.instance(broken.identifiers[3]).file.key

    def delete(keys: list[str]) -> None:
        if blocked in keys:
            raise Unavailable
        refused(keys)

    world.services.files.delete = delete
    assert world.services.delete.finish_abandoned(60) == 1
    world.services.files.delete = refused
    world.settle()
    assert problems(world) == []
    assert world.services.listing.all(Level.INSTANCE) == []


def test_a_batch_writes_each_ancestor_once_and_side_by_side() -> None:
    """However many instances came below them, and not one after the other."""
    with ThreadPoolExecutor(6) as pool, local_world(pool) as world:
        for series in "12":
            world.store(described(series, series, series, "1"))
        world.services.sweeper.follow()
        world.clock.advance(1)
        for series in "12":
            for number in range(150):
                world.store(described(series, series, series, f"{number + 2}"))
        meeting = threading.Barrier(6, timeout=20)
        written = []

        def meet(_number: int, name: str, request: AWSPreparedRequest, send: Send) -> AWSResponse:
            if name == "TransactWriteItems":
                written.append(request.body)
                meeting.wait()
            return send(request)

        world.calls.spoil(meet)
        world.services.sweeper.follow()
        assert len(written) == len(set(written)) == 6
        world.calls.reset()
        for series in "12":
            for level, identifier in zip(
                Level, described(series, series, series).identifiers[:3], strict=False
            ):
                assert world.services.browse.get(level, identifier).resource.last_update == world.clock.now
