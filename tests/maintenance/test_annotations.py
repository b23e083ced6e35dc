"""Annotations after a lost index: they come back from their copies in the bucket, the newest of them, and only once."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from chalicelib.domain.levels import Level
from chalicelib.services import rebuild
from chalicelib.services.check.files import YOUNG_SECONDS
from chalicelib.services.check.findings import Kind
from chalicelib.storage.s3.annotation_copies import SUFFIX
from tests.maintenance.damage import items, lose_index, objects, remove
from tests.maintenance.test_rebuild import described_file, file, fill, shown, wrong
from tests.support.checker import problems
from tests.support.faults import Killed
from tests.support.local_world import local_world
from tests.support.world import World


@pytest.fixture
def world() -> Iterator[World]:
    with local_world() as made:
        fill(made, 4)
        yield made


def identifiers(number: int = 0) -> tuple[str, ...]:
    """The patient, study, series and instance of a file."""
    return described_file(number).identifiers


IDS = identifiers()
STUDY = IDS[Level.STUDY]


def annotate(world: World) -> None:
    """All kinds of annotations on all levels, some of them changed and taken away again."""
    services = world.services
    for level in Level:
        id_ = IDS[level]
        services.labels.add(level, id_, "gone")
        services.labels.add(level, id_, "urgent")
        services.labels.remove(level, id_, "gone")
        services.metadata.put(level, id_, "1024", b"first", None)
        services.metadata.put(level, id_, "1024", b"\xff\xe4 \xc3\xa4", None)
        services.attachments.put(level, id_, "1025", b"body %d" % level, None)
        services.attachments.put(level, id_, "1026", b"deleted", None)
        services.attachments.delete(level, id_, "1026", None)
        services.attachments.compress(level, id_, "1025", is_wanted=True)
    services.protection.set(IDS[Level.PATIENT], is_protected=True)


def label(world: World, text: str) -> None:
    world.services.labels.add(Level.STUDY, STUDY, text)


def labels(world: World) -> tuple[str, ...]:
    return world.services.labels.of(Level.STUDY, STUDY)


def copies(world: World) -> list[str]:
    """The copies that lie where the store keeps its files."""
    return [key for key in objects(world) if key.endswith(SUFFIX) and "/files/" in key]


def kept(world: World, key: str) -> bytes:
    return world.services.files.get(key)


def put_back(world: World, key: str, data: bytes) -> None:
    world.s3.put_object(Bucket=world.resources.files, Key=key, Body=data, ContentType="application/json")


@pytest.mark.parametrize("and_log", [False, True])
def test_they_are_what_they_were(world: World, and_log: bool) -> None:
    annotate(world)
    before = shown(world)
    lose_index(world, and_log=and_log)
    done = world.services.rebuild.run()
    world.services.sweeper.run(10)
    assert (done.annotated, done.attachments, done.refused) == (4, 4, 0)
    assert shown(world) == before
    assert world.services.labels.all() == ["urgent"]
    assert wrong(world) == []
    assert list(world.services.checker.run()) == []
    again = world.services.rebuild.run(anew=True)
    assert (again.annotated, again.refused) == (0, 0)
    assert shown(world) == before


def test_they_survive_a_second_loss(world: World) -> None:
    annotate(world)
    before = shown(world)
    for text in ("again", "once-more"):
        lose_index(world, and_log=True)
        world.services.rebuild.run()
        label(world, text)
    world.services.labels.remove(Level.STUDY, STUDY, "again")
    world.services.labels.remove(Level.STUDY, STUDY, "once-more")
    lose_index(world, and_log=True)
    world.services.rebuild.run()
    assert shown(world) == before


def test_a_resource_whose_files_came_after_its_annotations_has_them(world: World) -> None:
    """The first file of the study goes; the others are of a later hour than the copy."""
    label(world, "urgent")
    world.clock.advance(3 * 3600)
    world.services.ingest.store(file(6))
    assert identifiers(6)[Level.STUDY] == STUDY
    for number in (0, 1, 2, 3):
        world.services.delete.delete(Level.INSTANCE, identifiers(number)[Level.INSTANCE])
    assert min(objects(world)).endswith(SUFFIX)
    lose_index(world)
    world.services.rebuild.run()
    assert labels(world) == ("urgent",)


def test_of_several_copies_the_newest_counts(world: World) -> None:
    """The process died after each change, before the copy of the former annotations was removed."""
    left = {}
    for text in ("a", "b", "c"):
        label(world, text)
        world.clock.advance(3600)
        (key,) = copies(world)
        left[key] = kept(world, key)
    for key, data in left.items():
        put_back(world, key, data)
    lose_index(world)
    assert world.services.rebuild.run().annotated == 1
    assert labels(world) == ("a", "b", "c")
    assert len(copies(world)) == 1
    assert wrong(world) == []


def test_a_living_row_is_never_put_back(world: World) -> None:
    label(world, "a")
    (old,) = copies(world)
    data = kept(world, old)
    label(world, "b")
    put_back(world, old, data)
    world.services.rebuild.run()
    assert labels(world) == ("a", "b")
    assert old not in objects(world)


def test_what_belongs_to_an_earlier_life_is_not_mixed_in(world: World) -> None:
    label(world, "earlier")
    label(world, "earlier-still")
    (old,) = copies(world)
    data = kept(world, old)
    world.services.delete.delete(Level.STUDY, STUDY)
    world.services.ingest.store(file(0))
    label(world, "now")
    put_back(world, old, data)
    assert world.services.rebuild.run().annotated == 0
    assert labels(world) == ("now",)


def test_a_store_that_was_put_back_from_a_backup_gets_what_came_since(world: World) -> None:
    label(world, "before")
    backup = items(world)
    label(world, "since")
    lose_index(world)
    for item in backup:
        world.dynamodb.put_item(TableName=world.resources.index, Item=item)
    world.services.rebuild.run()
    assert labels(world) == ("before", "since")
    assert wrong(world) == []


def test_a_deleted_resource_leaves_no_copy(world: World) -> None:
    annotate(world)
    world.services.delete.delete(Level.PATIENT, IDS[Level.PATIENT])
    world.services.sweeper.run(10)
    assert copies(world) == []
    lose_index(world)
    world.services.rebuild.run()
    world.services.ingest.store(file(0))
    assert labels(world) == ()


def test_a_copy_of_nothing_is_told_and_stays(world: World) -> None:
    label(world, "urgent")
    (key,) = copies(world)
    data = json.loads(kept(world, key))
    nobody = "-".join(["12345678"] * 5)
    elsewhere = key.replace(STUDY, nobody)
    put_back(world, elsewhere, json.dumps({**data, "id": nobody}).encode())
    spoiled = (
        key.replace(".", ".0", 1).replace("0", "1", 1) if False else key.replace(STUDY, nobody[:-1] + "9")
    )
    put_back(world, spoiled, b"[" * 100_000)
    other = key.replace(STUDY, nobody[:-1] + "7")
    put_back(world, other, json.dumps(data).encode())
    done = world.services.rebuild.run()
    assert {refusal.key for refusal in done.refusals} == {elsewhere, spoiled, other}
    assert "urgent" not in str(done.refusals)
    assert {elsewhere, spoiled, other} <= {*objects(world)}


@pytest.mark.parametrize("position", range(0, 60, 3))
def test_wherever_a_rebuild_dies_the_next_one_brings_them_back(
    monkeypatch: pytest.MonkeyPatch, position: int
) -> None:
    monkeypatch.setattr(rebuild, "BATCH", 2)
    with local_world() as world:
        fill(world, 3)
        annotate(world)
        before = shown(world)
        lose_index(world)
        world.calls.reset()
        world.calls.kill_after(position)
        with pytest.raises(Killed):
            world.services.rebuild.run()
        world.calls.reset()
        world.services.rebuild._recount._sleep = world.clock.advance
        world.services.rebuild.run()
        world.services.sweeper.run(10)
        assert shown(world) == before
        world.clock.advance(YOUNG_SECONDS + 1)
        list(world.services.checker.run(mend=True))
        assert wrong(world) == []
        assert len(copies(world)) == 4


def test_a_lost_copy_is_found_and_written_again(world: World) -> None:
    annotate(world)
    before = shown(world)
    lost = [key for key in copies(world) if STUDY in key]
    world.services.files.delete(lost)
    world.clock.advance(YOUNG_SECONDS + 1)
    (found,) = world.services.checker.run()
    assert (found.kind, found.subject) == (Kind.WITHOUT_COPY, STUDY)
    assert [finding.mended for finding in world.services.checker.run(mend=True)] == [True]
    assert list(world.services.checker.run()) == []
    assert problems(world) == []
    lose_index(world)
    world.services.rebuild.run()
    assert shown(world) == before


def test_a_check_mends_a_lost_row_with_its_annotations(world: World) -> None:
    annotate(world)
    world.services.sweeper.run(10)
    before = shown(world)
    world.clock.advance(YOUNG_SECONDS + 1)
    for item in items(world):
        if item["pk"]["S"].split("#")[1] == "i" and item["sk"]["S"] == IDS[Level.INSTANCE]:
            remove(world, item)
    found = list(world.services.checker.run(mend=True))
    assert Kind.FILE_WITHOUT_ENTRY in {finding.kind for finding in found}
    world.services.sweeper.run(10)
    assert list(world.services.checker.run()) == []
    assert shown(world) == before
