"""Modified copies: whole whatever dies, and nothing deleted that has no copy."""

from __future__ import annotations

import io
from typing import Any

import pytest
from pydicom import dcmread

from chalicelib.domain.errors import BadRequest
from chalicelib.domain.jobs import Job, JobState
from chalicelib.domain.levels import Level
from chalicelib.services.jobs.work import LEASE_SECONDS
from tests.support.checker import problems
from tests.support.faults import Killed
from tests.support.local_world import local_world
from tests.support.world import World, described, file_of

KEEP_ALL = {"Keep": ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"], "Force": True}
RENAME = {"Replace": {"PatientName": "NEW^NAME"}}


def fill(world: World, count: int = 12) -> tuple[str, ...]:
    """A study of three series; returns the identifiers of its first instance's levels."""
    stored = [
        world.services.ingest.store(file_of(described("P", "1", str(number % 3), str(number)))).identifiers
        for number in range(count)
    ]
    return stored[0]


def submit(
    world: World, identifiers: tuple[str, ...], fields: dict[str, Any], level: Level = Level.STUDY
) -> Job:
    return world.services.modifications.submit(level, identifiers[level], fields, {"Origin": "RestApi"})


def work(world: World) -> None:
    while world.services.job_runner.run_next():
        continue


def instances(world: World, level: Level, identifier: str) -> list[Any]:
    found = world.services.browse.descendants(level, identifier, Level.INSTANCE)
    return list(world.services.browse.get_many(Level.INSTANCE, found))


def datasets(world: World, rows: list[Any]) -> list[Any]:
    return [dcmread(io.BytesIO(world.services.reading.file(row))) for row in rows]


def structure(rows: list[Any]) -> list[list[str]]:
    """Which instances are together in a series, by what they were made from."""
    together: dict[str, list[str]] = {}
    for row in rows:
        together.setdefault(row.series_id, []).append(row.metadata.get("ModifiedFrom", row.id))
    return sorted(sorted(group) for group in together.values())


def test_a_study_is_copied_as_it_was_but_for_what_was_asked() -> None:
    with local_world() as world:
        source = fill(world)
        job = submit(world, source, RENAME)
        work(world)
        done = world.services.jobs.get(job.id)
        copies = instances(world, Level.STUDY, done.content["ID"])
        assert (done.state, done.content["FailedInstancesCount"]) == (JobState.SUCCESS, 0)
        assert done.content["ID"] != source[Level.STUDY]
        assert structure(copies) == structure(instances(world, Level.STUDY, source[Level.STUDY]))
        assert {str(one.PatientName) for one in datasets(world, copies)} == {"NEW^NAME"}
        assert world.services.browse.get(Level.STUDY, done.content["ID"]).resource.metadata == {
            "ModifiedFrom": source[Level.STUDY]
        }
        world.settle()
        assert problems(world) == []


@pytest.mark.parametrize("keeps", [True, False])
def test_a_killed_worker_leaves_one_whole_copy(keeps: bool) -> None:
    """Whatever call it dies after, the next goes on; no instance is copied twice, and none is lost."""
    with local_world() as world:
        source = fill(world)
        expected = structure(instances(world, Level.STUDY, source[Level.STUDY]))
        submit(world, source, {**RENAME, "KeepSource": True})
        world.calls.reset()
        work(world)
        calls = len(world.calls.names)
    for position in range(2, calls + (0 if keeps else 90), 5):
        with local_world() as world:
            source = fill(world)
            job = submit(world, source, {**RENAME, "KeepSource": keeps})
            world.calls.reset()
            world.calls.kill_after(position)
            try:
                work(world)
            except Killed:
                world.calls.reset()
                world.clock.advance(LEASE_SECONDS + 1)
                work(world)
            world.calls.reset()
            done = world.services.jobs.get(job.id)
            assert done.state is JobState.SUCCESS, position
            assert structure(instances(world, Level.STUDY, done.content["ID"])) == expected, position
            patient = instances(world, Level.PATIENT, source[Level.PATIENT])
            assert len(patient) == (24 if keeps else 12), position
            world.settle()
            assert problems(world) == [], position


def test_sources_that_could_not_be_modified_are_not_deleted() -> None:
    with local_world() as world:
        source = fill(world, 5)
        broken = instances(world, Level.STUDY, source[Level.STUDY])[2]
        world.s3.delete_object(Bucket=world.services.settings.files_bucket, Key=broken.file.key)
        job = submit(world, source, {**RENAME, "KeepSource": False, "Permissive": True})
        work(world)
        done = world.services.jobs.get(job.id)
        assert (done.state, done.content["FailedInstancesCount"]) == (JobState.SUCCESS, 1)
        assert [row.id for row in instances(world, Level.STUDY, source[Level.STUDY])] == [broken.id]
        assert len(instances(world, Level.STUDY, done.content["ID"])) == 4


@pytest.mark.parametrize("overwrite", ["Never", "Always"])
def test_of_sources_that_become_one_instance_only_one_is_deleted(overwrite: str) -> None:
    with local_world(overwrite_instances=overwrite) as world:
        source = fill(world, 12)
        fields = {"Replace": {"SOPInstanceUID": "1.7"}, "Force": True, "KeepSource": False}
        job = submit(world, source, fields)
        work(world)
        assert world.services.jobs.get(job.id).state is JobState.SUCCESS
        copies = instances(world, Level.STUDY, world.services.jobs.get(job.id).content["ID"])
        left = instances(world, Level.STUDY, source[Level.STUDY])
        assert (len(copies), len(left)) == (3, 9)  # one for each series
        assert not {copy.metadata["ModifiedFrom"] for copy in copies} & {row.id for row in left}


def test_without_permissive_one_failure_ends_the_job_and_nothing_is_deleted() -> None:
    with local_world() as world:
        source = fill(world, 5)
        broken = instances(world, Level.STUDY, source[Level.STUDY])[2]
        world.s3.delete_object(Bucket=world.services.settings.files_bucket, Key=broken.file.key)
        job = submit(world, source, {**RENAME, "KeepSource": False})
        work(world)
        assert world.services.jobs.get(job.id).state is JobState.FAILURE
        assert len(instances(world, Level.STUDY, source[Level.STUDY])) == 5


def test_an_instance_that_comes_later_is_not_deleted_with_the_sources() -> None:
    with local_world() as world:
        source = fill(world, 3)
        submit(world, source, {**RENAME, "KeepSource": False})
        late = world.services.ingest.store(file_of(described("P", "1", "0", "99")))
        work(world)
        assert [row.id for row in instances(world, Level.STUDY, source[Level.STUDY])] == [late.instance_id]


def test_copies_take_the_place_of_their_sources_where_instances_are_overwritten() -> None:
    with local_world(overwrite_instances="Always") as world:
        source = fill(world, 5)
        job = submit(world, source, {**KEEP_ALL, "Replace": {"StudyDescription": "new"}})
        work(world)
        assert world.services.jobs.get(job.id).content["ID"] == source[Level.STUDY]
        rows = instances(world, Level.STUDY, source[Level.STUDY])
        assert {one.StudyDescription for one in datasets(world, rows)} == {"new"}
        assert (
            world.services.browse.get(Level.STUDY, source[Level.STUDY]).resource.tags["StudyDescription"]
            == "new"
        )
        world.settle()
        assert problems(world) == []


@pytest.mark.parametrize("level", [Level.PATIENT, Level.STUDY, Level.SERIES])
def test_what_would_be_lost_or_changed_by_nothing_is_refused(level: Level) -> None:
    kept = {Level.PATIENT: 3, Level.STUDY: 3, Level.SERIES: 2}[level]
    fields: dict[str, Any] = {"Keep": KEEP_ALL["Keep"][3 - kept :], "Force": True}  # type: ignore[index]
    with local_world() as world:
        source = fill(world, 3)
        with pytest.raises(BadRequest, match="OverwriteInstances"):
            submit(world, source, fields, level)
    with local_world(overwrite_instances="Always") as world:
        source = fill(world, 3)
        with pytest.raises(BadRequest, match="KeepSource"):
            submit(world, source, {**fields, "KeepSource": False}, level)
        assert world.services.jobs.all() == []


def test_a_failed_job_begun_anew_completes_its_copy() -> None:
    with local_world() as world:
        source = fill(world, 5)
        rows = instances(world, Level.STUDY, source[Level.STUDY])
        bucket, key = world.services.settings.files_bucket, rows[2].file.key
        body = world.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        world.s3.delete_object(Bucket=bucket, Key=key)
        job = submit(world, source, RENAME)
        work(world)
        world.s3.put_object(Bucket=bucket, Key=key, Body=body)
        world.services.jobs.resubmit(job.id)
        work(world)
        done = world.services.jobs.get(job.id)
        assert done.state is JobState.SUCCESS
        assert structure(instances(world, Level.STUDY, done.content["ID"])) == structure(rows)
        assert len(instances(world, Level.PATIENT, source[Level.PATIENT])) == 10


def test_a_modified_instance_takes_two_calls() -> None:
    with local_world() as world:
        source = fill(world, 1)
        world.calls.reset()
        world.services.modifications.instance(source[Level.INSTANCE], RENAME)
        assert world.calls.names == ["GetItem", "GetObject"]
