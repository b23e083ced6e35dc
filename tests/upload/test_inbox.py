"""What is put into the inbox is taken in once, or rejected with the reason, and never loads its bytes."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

import pytest

from chalicelib.domain.errors import Unavailable, UnknownResource
from chalicelib.domain.levels import Level
from chalicelib.domain.outcomes import Intake, Refused, Stored
from chalicelib.services import archives
from chalicelib.services.inbox import MAX_FAILURES
from tests.support.local_world import local_world
from tests.support.world import World
from tests.upload.files import CT_ID, MR_ID, archive, ct, mr
from tests.upload.inbox_world import changes, objects, put, put_in_parts

NEW = ["NewInstance", "NewSeries", "NewStudy", "NewPatient"]


def statuses(intake: Intake) -> list[str]:
    return [o.status if isinstance(o, Stored) else o.message for o in intake.outcomes]


def stored_file(world: World, identifier: str) -> bytes:
    return world.services.reading.file(world.services.reading.instance(identifier))


def test_an_object_is_stored_noted_and_removed() -> None:
    with local_world() as world:
        key = put(world, "a folder/ct+1 é.dcm", ct())
        world.calls.reset()
        world.services.inbox.take(key)
        assert sorted(world.calls.names) == sorted(
            ["GetObject", "BatchGetItem", "UpdateItem", "CopyObject", "TransactWriteItems", "DeleteObject"]
        )
        assert stored_file(world, CT_ID) == ct()
        instance = world.services.reading.instance(CT_ID)
        assert instance.file.md5 == hashlib.md5(ct()).hexdigest()
        assert instance.metadata["Origin"] == "Plugins"
        assert objects(world) == []
        intake = world.services.inbox.lookup(key)
        assert statuses(intake) == ["Success"]
        assert changes(world) == NEW


def test_a_repeated_event_changes_nothing() -> None:
    with local_world() as world:
        key = put(world, "ct", ct())
        for _ in range(3):
            world.services.inbox.take(key)
        assert statuses(world.services.inbox.lookup(key)) == ["Success"]
        assert changes(world) == NEW


def test_the_same_file_under_another_name_is_already_stored() -> None:
    with local_world() as world:
        for name in ("one", "two"):
            world.services.inbox.take(put(world, name, ct()))
        assert statuses(world.services.inbox.lookup("inbox/one")) == ["Success"]
        assert statuses(world.services.inbox.lookup("inbox/two")) == ["AlreadyStored"]
        assert objects(world) == []


@pytest.mark.parametrize("rule", ["Never", "Always", "IfChanged"])
@pytest.mark.parametrize("position", range(5))
def test_two_who_handle_one_object_at_once_take_it_in_once(rule: str, position: int) -> None:
    """A second event is handled in full between any two calls that the first one makes."""
    with local_world(overwrite_instances=rule) as world:
        key = put(world, "ct", ct())
        world.calls.reset()

        first = []

        def interrupted(number: int, _name: str, request: Any, send: Any) -> Any:
            answer = send(request)
            if number == position:
                world.calls.reset()
                world.services.inbox.take(key)
                first.append(world.services.reading.instance(CT_ID).file.key)
            return answer

        world.calls.spoil(interrupted)
        world.services.inbox.take(key)
        world.calls.reset()
        assert statuses(world.services.inbox.lookup(key)) == ["Success"]
        assert [world.services.reading.instance(CT_ID).file.key] == first
        assert changes(world) == NEW
        assert objects(world) == []
        assert stored_file(world, CT_ID) == ct()


def test_an_object_that_comes_again_after_a_delete_is_stored_again() -> None:
    with local_world() as world:
        world.services.inbox.take(put(world, "ct", ct()))
        world.services.delete.delete(Level.INSTANCE, CT_ID)
        wait_for_next_second()
        world.services.inbox.take(put(world, "ct", ct()))
        assert stored_file(world, CT_ID) == ct()


def test_an_object_replaced_while_it_is_read_is_taken_in_as_it_is_then() -> None:
    with local_world() as world:
        key = put(world, "file", ct())

        def replace(number: int, _name: str, request: Any, send: Any) -> Any:
            answer = send(request)
            if number == 0:
                world.calls.reset()
                put(world, "file", mr())
            return answer

        world.calls.reset()
        world.calls.spoil(replace)
        world.services.inbox.take(key)
        assert stored_file(world, MR_ID) == mr()
        with pytest.raises(UnknownResource):
            world.services.reading.instance(CT_ID)
        assert objects(world) == []


def test_an_object_replaced_before_it_is_removed_stays() -> None:
    with local_world() as world:
        key = put(world, "file", ct())

        def replace(_number: int, name: str, request: Any, send: Any) -> Any:
            answer = send(request)
            if name == "TransactWriteItems":
                world.calls.reset()
                put(world, "file", mr())
            return answer

        world.calls.reset()
        world.calls.spoil(replace)
        world.services.inbox.take(key)
        assert objects(world) == [key]
        world.services.inbox.take(key)
        assert stored_file(world, CT_ID) == ct()
        assert stored_file(world, MR_ID) == mr()


def test_an_object_that_is_gone_is_nothing() -> None:
    with local_world() as world:
        world.services.inbox.take("inbox/gone")
        with pytest.raises(UnknownResource):
            world.services.inbox.lookup("inbox/gone")


@pytest.mark.parametrize(
    ("data", "details"),
    [
        (b"", "Received an empty DICOM file"),
        (ct()[:2000], None),
        (b"PK\3\4 no archive", "Cannot open ZIP"),
        (archive(("document.xml", b"<xml/>")), "The archive holds no DICOM file"),
        (archive(), "The archive holds no DICOM file"),
    ],
)
def test_what_is_no_dicom_is_rejected_with_the_reason(data: bytes, details: str | None) -> None:
    with local_world() as world:
        key = put(world, "Doe/file", data)
        world.services.inbox.take(key)
        refusal = world.services.inbox.lookup(key).refusal
        assert refusal is not None
        assert refusal.orthanc_status == 15
        assert refusal.details.startswith(details or "")
        assert objects(world) == ["rejected/Doe/file", "rejected/Doe/file.reason.json"]
        bucket = world.resources.inbox
        assert world.s3.get_object(Bucket=bucket, Key="rejected/Doe/file")["Body"].read() == data
        reason = world.s3.get_object(Bucket=bucket, Key="rejected/Doe/file.reason.json")["Body"].read()
        assert json.loads(reason)["Details"] == refusal.details
        assert b"Doe" not in reason


@pytest.mark.parametrize("rule", ["Never", "IfChanged"])
def test_the_sum_of_an_object_in_parts_is_computed_where_contents_are_compared(rule: str) -> None:
    with local_world(overwrite_instances=rule) as world:
        world.services.inbox.take(put_in_parts(world, "one", ct()))
        sum_of_it = hashlib.md5(ct()).hexdigest() if rule == "IfChanged" else ""
        assert world.services.reading.instance(CT_ID).file.md5 == sum_of_it
        world.services.inbox.take(put(world, "two", ct()))
        assert statuses(world.services.inbox.lookup("inbox/two")) == ["AlreadyStored"]


def test_an_archive_is_expanded_and_each_file_noted() -> None:
    with local_world() as world:
        key = put(world, "a.zip", archive(("d/ct", ct()), ("Doe.txt", b"no"), ("mr", mr()), ("again", ct())))
        world.services.inbox.take(key)
        intake = world.services.inbox.lookup(key)
        assert statuses(intake) == ["Success", "Bad file format", "Success", "AlreadyStored"]
        assert objects(world) == []
        assert stored_file(world, CT_ID) == ct()
        assert stored_file(world, MR_ID) == mr()


def test_a_file_of_an_archive_that_is_too_large_for_the_memory_is_streamed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chalicelib.services.inbox.BATCH_BYTES", 20_000)
    with local_world() as world:
        damaged = bytearray(archive(("ct", ct()), ("mr", mr())))
        damaged[200] ^= 255
        for data in (bytes(damaged), archive(("ct", ct()), ("mr", mr()))):
            key = put(world, "a.zip", data)
            world.services.inbox.take(key)
        assert stored_file(world, CT_ID) == ct()
        assert world.services.reading.instance(CT_ID).file.md5 == hashlib.md5(ct()).hexdigest()


def test_an_archive_that_was_interrupted_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "BATCH_ENTRIES", 1)
    with local_world(overwrite_instances="Always") as world:
        key = put(world, "a.zip", archive(("ct", ct()), ("mr", mr())))
        place = world.services.ingest.place
        second = []

        def fail_at_second(*arguments: Any) -> Stored:
            second.append(1)
            if len(second) == 2:
                raise Unavailable
            return place(*arguments)

        monkeypatch.setattr(world.services.ingest, "place", fail_at_second)
        with pytest.raises(Unavailable):
            world.services.inbox.take(key)
        monkeypatch.setattr(world.services.ingest, "place", place)
        world.calls.reset()
        world.services.inbox.take(key)
        assert world.calls.names.count("PutObject") == 1
        assert statuses(world.services.inbox.lookup(key)) == ["Success", "Success"]


def test_a_bomb_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "ANY_RATIO_BYTES", 10_000_000)
    with local_world() as world:
        bomb = archive(*((str(n), bytes(3_000_000)) for n in range(4)))
        key = put(world, "bomb.zip", bomb)
        world.services.inbox.take(key)
        refusal = world.services.inbox.lookup(key).refusal
        assert refusal is not None
        assert "200 times" in refusal.details


def test_the_sweep_takes_in_what_no_event_told_of() -> None:
    with local_world() as world:
        key = put(world, "ct", ct())
        put(world, "folder/", b"")
        now = _modified(world, key)
        world.clock.now = now + 30
        assert world.services.inbox.sweep() == 0
        world.clock.now = now + 90
        assert world.services.inbox.sweep() == 1
        assert stored_file(world, CT_ID) == ct()
        assert objects(world) == ["inbox/folder/"]


def test_a_process_that_begins_takes_in_what_is_there() -> None:
    with local_world() as world:
        key = put(world, "ct", ct())
        world.clock.now = 1 + _modified(world, key)
        world.services.inbox.tick()
        assert objects(world) == []
        world.clock.advance(60)
        put(world, "mr", mr())
        world.clock.now = 1 + _modified(world, "inbox/mr")
        world.services.inbox.tick()
        assert objects(world) == ["inbox/mr"]


def test_ticks_sweep_once_a_minute() -> None:
    with local_world() as world:
        for seconds in (0, 1, 58, 1, 1):
            world.clock.advance(seconds)
            world.services.inbox.tick()
        assert world.calls.names.count("ListObjectsV2") == 2


def test_what_fails_again_and_again_is_rejected_at_last(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: Any) -> None:
        raise ZeroDivisionError

    with local_world() as world:
        key = put(world, "poison", ct())
        put(world, "ready", mr())
        world.clock.now = 4e9
        monkeypatch.setattr(world.services.inbox, "_store", fail)
        for _ in range(MAX_FAILURES - 1):
            world.services.inbox.sweep()
        assert objects(world) == [key, "inbox/ready"]
        monkeypatch.undo()
        world.services.inbox.take("inbox/ready")
        monkeypatch.setattr(world.services.inbox, "_store", fail)
        world.services.inbox.sweep()
        assert world.services.inbox.lookup(key).refusal == Refused(
            -1, "Internal error", "The object could not be processed"
        )
        assert objects(world) == ["rejected/poison", "rejected/poison.reason.json"]


def test_a_bucket_that_is_away_rejects_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: Any) -> None:
        raise Unavailable

    with local_world() as world:
        key = put(world, "ct", ct())
        monkeypatch.setattr("chalicelib.storage.s3.files.FileStore.adopt", fail)
        with pytest.raises(Unavailable):
            world.services.inbox.take(key)
        monkeypatch.undo()
        assert objects(world) == [key]
        world.services.inbox.take(key)
        assert stored_file(world, CT_ID) == ct()
        assert changes(world) == NEW


def _modified(world: World, key: str) -> float:
    found = world.s3.head_object(Bucket=world.resources.inbox, Key=key)
    return float(found["LastModified"].timestamp())


def wait_for_next_second() -> None:
    """Until an object put now has another time than one put before."""
    time.sleep(1.01 - time.time() % 1)
