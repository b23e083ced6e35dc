"""The index rebuilt from the bucket alone: what it was before, whatever was lost and wherever a rebuild died."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.domain.annotations import Annotations
from chalicelib.domain.errors import UnknownResource
from chalicelib.domain.levels import Level
from chalicelib.services import rebuild
from chalicelib.services.description import Description
from tests.maintenance.damage import items, lose_index, remove
from tests.support.checker import problems
from tests.support.faults import Killed
from tests.support.local_world import local_world
from tests.support.world import World, described, file_of


@pytest.fixture
def world() -> Iterator[World]:
    with local_world() as made:
        yield made


def described_file(number: int) -> Description:
    """A file of one of two patients, with three series each."""
    patient = number % 2
    return described(f"P{patient}", f"{patient}", f"{number % 3}", f"{number}")


def file(number: int) -> bytes:
    """Its bytes."""
    return file_of(described_file(number))


def fill(world: World, count: int = 6) -> None:
    """Instances of two patients, some of one series."""
    for number in range(count):
        world.services.ingest.store(file(number))
    world.services.sweeper.run(10)


def shown(world: World) -> dict[str, Any]:
    """All that the API says of a store, but for times, changes and where a file came from."""
    browse, found = world.services.browse, {}
    for level in Level:
        for shard in "0123456789abcdef":
            for identifier in world.services.listing._index.list_shard(level, shard):
                node = browse.get(level, identifier)
                row = node if not hasattr(node, "resource") else node.resource
                found[identifier] = (row.tags, sorted(_children(node)), getattr(row, "sop_instance_uid", ""))
                found[identifier] += (_annotations(world, row.annotations),)
                if level is Level.INSTANCE:
                    file, kept = row.file, dict(row.metadata)
                    for volatile in ("ReceptionDate", "Origin", "RemoteIP", "HttpUsername", "RemoteAET"):
                        kept.pop(volatile, None)
                    found[identifier] += (file, kept)
    tally = world.services.tallies.current()
    return found | {"counts": [tally.total(level) for level in Level], "size": tally.size}


def _annotations(world: World, annotations: Annotations) -> Any:
    """What users see of annotations, with the bodies of the attachments."""
    bodies = {
        number: (one.revision, one.is_compressed, world.services.files.get(one.key))
        for number, one in annotations.attachments.items()
    }
    return annotations.labels, dict(annotations.metadata), bodies, annotations.is_protected


def _children(node: Any) -> list[str]:
    return [child.id for child in node.children] if hasattr(node, "children") else []


def wrong(world: World) -> list[str]:
    """What disagrees; the log of before still tells of resources that have other numbers now."""
    return [problem for problem in problems(world) if not problem.endswith("of nothing")]


@pytest.mark.parametrize("and_log", [False, True])
def test_a_lost_index_is_what_it_was(world: World, and_log: bool) -> None:
    fill(world)
    before = shown(world)
    lose_index(world, and_log=and_log)
    done = world.services.rebuild.run()
    world.services.sweeper.run(10)
    assert (done.files, done.added, done.refused) == (6, 6, 0)
    assert shown(world) == before
    assert wrong(world) == []
    assert not and_log or problems(world) == []


def test_what_is_there_is_left_alone(world: World) -> None:
    fill(world)
    before = sorted(map(str, items(world)))
    done = world.services.rebuild.run()
    assert (done.files, done.added, done.corrected_statistics) == (6, 0, False)
    assert sorted(item for item in map(str, items(world)) if "orphans" not in item) == [
        item for item in before if "orphans" not in item
    ]


def test_wherever_a_rebuild_dies_the_next_one_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild, "BATCH", 2)
    position, is_done = 0, False
    while not is_done:
        with local_world() as world:
            fill(world, 4)
            before = shown(world)
            lose_index(world)
            world.calls.reset()
            world.calls.kill_after(position)
            try:
                world.services.rebuild.run()
                is_done = True
            except Killed:
                is_done = False
            world.calls.reset()
            # Numbers that were reserved and not used are sealed as time passes.
            world.services.rebuild._recount._sleep = world.clock.advance
            world.services.rebuild.run()
            world.services.sweeper.run(10)
            assert shown(world) == before
            assert wrong(world) == []
        position += 7
    assert position > 28


def test_a_later_run_goes_on_where_one_died(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild, "BATCH", 2)
    fill(world)
    lose_index(world)

    class Stop(Exception):
        pass

    def stop(progress: rebuild.Progress) -> None:
        if progress.files == 4:
            raise Stop

    with pytest.raises(Stop):
        world.services.rebuild.run(stop)
    assert world.services.rebuild.run().files == 2
    assert world.services.rebuild.run().files == 6


def test_what_is_no_file_of_the_store_is_told_and_stops_nothing(world: World) -> None:
    fill(world, 2)
    good = next(iter(world.s3.list_objects_v2(Bucket=world.resources.files)["Contents"]))["Key"]
    hour = good.rsplit("/", 1)[0]
    whole = world.s3.get_object(Bucket=world.resources.files, Key=good)["Body"].read()
    name = "0" * 8 + "-" + "-".join(["1" * 8] * 4)
    uuid = "00000000-0000-0000-0000-00000000000"
    dicom_type = {"ContentType": "application/dicom"}
    spoiled = {
        f"{hour}/{name}.{uuid}1": (b"no DICOM", dicom_type),
        f"{hour}/{name}.{uuid}2": (whole[:500], dicom_type),
        f"{hour}/{name}.{uuid}3": (whole, dicom_type),  # of another instance than the key says
        f"{hour}/{name}.{uuid}4": (b"", dicom_type),
        f"{hour}/notes.txt": (b"by a person", {}),
    }
    for key, (data, kind) in spoiled.items():
        world.s3.put_object(Bucket=world.resources.files, Key=key, Body=data, **kind)
    world.s3.put_object(Bucket=world.resources.files, Key=f"{hour}/{name}.{uuid}5", Body=b"attached")
    lose_index(world)
    done = world.services.rebuild.run()
    assert (done.added, done.attachments, done.refused) == (2, 1, 5)
    assert {refusal.key for refusal in done.refusals} == spoiled.keys()


def test_of_two_files_of_an_instance_the_first_keeps_its_place(world: World) -> None:
    fill(world, 1)
    (first,) = world.s3.list_objects_v2(Bucket=world.resources.files)["Contents"]
    other = first["Key"].rsplit(".", 1)[0] + ".ffffffff-ffff-ffff-ffff-ffffffffffff"
    data = world.s3.get_object(Bucket=world.resources.files, Key=first["Key"])["Body"].read()
    world.s3.put_object(Bucket=world.resources.files, Key=other, Body=data, ContentType="application/dicom")
    lose_index(world)
    done = world.services.rebuild.run()
    assert (done.added, done.kept) == (1, 1)
    assert len(world.s3.list_objects_v2(Bucket=world.resources.files)["Contents"]) == 2


@given(st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_damaged_index_is_made_whole(data: st.DataObject) -> None:
    """Uploads and deletes, then rows are lost at random: the rebuild and the check make it what it was."""
    with local_world() as world:
        numbers = data.draw(st.lists(st.integers(0, 7), min_size=2, max_size=8, unique=True))
        stored = []
        for number in numbers:
            sent = file(number)
            stored.append(world.services.ingest.store(sent).identifiers)
        for identifiers in data.draw(st.lists(st.sampled_from(stored), max_size=2)):
            level = data.draw(st.sampled_from(list(Level)))
            with suppress(UnknownResource):
                world.services.delete.delete(level, identifiers[level])
        annotated = st.tuples(st.sampled_from(stored), st.sampled_from(list(Level)), st.sampled_from("abc"))
        for identifiers, level, label in data.draw(st.lists(annotated, max_size=5)):
            with suppress(UnknownResource):
                world.services.labels.add(level, identifiers[level], label)
        world.services.sweeper.run(10)
        before = shown(world)
        whole = items(world)
        world.clock.advance(3600)
        for item in data.draw(st.lists(st.sampled_from(whole), max_size=6)) if whole else []:
            if not item["pk"]["S"].endswith(("#stats", "#orphans")):
                remove(world, item)
        world.services.rebuild.run()
        list(world.services.checker.run(mend=True))
        world.services.sweeper.run(10)
        assert list(world.services.checker.run()) == []
        assert shown(world) == before
