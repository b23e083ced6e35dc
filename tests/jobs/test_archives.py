"""Archives: whole or not there, however their building is interrupted."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread

from chalicelib.domain.jobs import JobState
from chalicelib.domain.levels import Level
from chalicelib.services.archive.archives import Request
from chalicelib.services.archive.names import clean, file_name
from chalicelib.services.archive.zip_stream import ZipStream, pack
from chalicelib.services.jobs.work import LEASE_SECONDS
from chalicelib.services.transcoding import Target
from tests.conformance.raw import Element, dicom, text
from tests.support.faults import Killed
from tests.support.local_world import local_world
from tests.support.world import World

BIG_ENDIAN = "1.2.840.10008.1.2.2"
PART_BYTES = 5 * 1024**2
FILES = 9
PIXELS = bytes(range(256)) * 6000  # 1.5 MB


@pytest.fixture
def world() -> Iterator[World]:
    with local_world() as made:
        yield made


def fill(world: World, count: int = FILES) -> str:
    """A study of some large instances."""
    stored = None
    for number in range(count):
        elements = [
            text(0x00080018, "UI", f"1.2.3.{number}"),
            text(0x00200013, "IS", str(number)),
            Element(0x7FE00010, "OB", PIXELS + bytes([number, 0])),
        ]
        stored = world.services.ingest.store(dicom(elements))
    assert stored is not None
    return str(stored.identifiers[Level.STUDY])


def request(world: World, study: str, **more: Any) -> Request:
    return Request(world.services.archives.of_resource(Level.STUDY, study), "a.zip", **more)


def no_compression(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.services.archive.plan.PIXELS_UNCOMPRESSED", frozenset())


def run_all(world: World) -> None:
    while world.services.job_runner.run_next():
        continue


def archive_of(world: World, job_id: str) -> zipfile.ZipFile:
    output = world.services.jobs.output(job_id, "archive")
    data = world.services.files.get(output.key)
    assert len(data) == output.size
    return zipfile.ZipFile(io.BytesIO(data))


def objects(world: World) -> set[str]:
    found = world.s3.list_objects_v2(Bucket=world.resources.files, Prefix="default/archives/")
    return {entry["Key"].rsplit("/", 1)[1] for entry in found.get("Contents", [])}


def uploads(world: World) -> int:
    return len(world.s3.list_multipart_uploads(Bucket=world.resources.files).get("Uploads", []))


@pytest.mark.parametrize("is_media", [False, True])
def test_a_job_builds_what_is_built_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch, is_media: bool
) -> None:
    no_compression(monkeypatch)
    asked = request(world, fill(world), is_media=is_media)
    at_once = world.services.archives.make(asked)
    assert isinstance(at_once, bytes)
    job = world.services.archives.submit(asked)
    run_all(world)
    assert world.services.jobs.get(job.id).state is JobState.SUCCESS
    built, direct = archive_of(world, job.id), zipfile.ZipFile(io.BytesIO(at_once))
    assert built.testzip() is None
    names = [name for name in built.namelist() if name != "DICOMDIR"]
    assert built.namelist() == direct.namelist()
    assert [built.read(name) for name in names] == [direct.read(name) for name in names]


def test_wherever_a_worker_is_killed_another_ends_the_archive(monkeypatch: pytest.MonkeyPatch) -> None:
    no_compression(monkeypatch)
    position, is_done = 0, False
    while not is_done:
        with local_world() as world:
            for work in world.services.jobs._works.values():
                work._part_bytes = PART_BYTES
            job = world.services.archives.submit(request(world, fill(world)))
            world.calls.reset()
            world.calls.kill_after(position)
            try:
                run_all(world)
                is_done = True
            except Killed:
                is_done = False
            world.calls.reset()
            world.clock.advance(LEASE_SECONDS + 1)
            run_all(world)
            archive = archive_of(world, job.id)
            assert archive.testzip() is None
            assert len(archive.namelist()) == FILES
            assert uploads(world) <= 1  # one without parts, where nobody noted its name; it expires
        position += 1
    assert position > 20


def test_a_resumed_medium_tells_of_all_files_that_were_transcoded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One file cannot be transcoded and is as it was; the directory says so of each."""
    no_compression(monkeypatch)
    for work in world.services.jobs._works.values():
        work._part_bytes = PART_BYTES
    study = fill(world)
    target = world.services.transcoding.target(BIG_ENDIAN, None)
    monkeypatch.setattr(Target, "convert", all_but("1.2.3.4", Target.convert))
    job = world.services.archives.submit(request(world, study, is_media=True, target=target))
    world.calls.reset()
    world.calls.kill_after(17)
    with pytest.raises(Killed):
        run_all(world)
    world.calls.reset()
    assert world.services.jobs.get(job.id).checkpoint["notes"]
    world.clock.advance(LEASE_SECONDS + 1)
    run_all(world)
    archive = archive_of(world, job.id)
    directory = dcmread(io.BytesIO(archive.read("DICOMDIR")))
    images = [record for record in directory.DirectoryRecordSequence if "ReferencedFileID" in record]
    assert len(images) == FILES
    for record in images:
        file = dcmread(io.BytesIO(archive.read("/".join(record.ReferencedFileID))))
        assert record.ReferencedTransferSyntaxUIDInFile == file.file_meta.TransferSyntaxUID
        assert (file.file_meta.TransferSyntaxUID == BIG_ENDIAN) == (file.SOPInstanceUID != "1.2.3.4")


def all_but(uid: str, convert: Any) -> Any:
    """Makes conversions fail of one instance."""

    def chosen(target: Target, file: bytes) -> Any:
        return None if dcmread(io.BytesIO(file)).SOPInstanceUID == uid else convert(target, file)

    return chosen


@pytest.mark.parametrize("is_media", [False, True])
def test_a_cancelled_build_leaves_what_a_new_one_needs(
    world: World, monkeypatch: pytest.MonkeyPatch, is_media: bool
) -> None:
    no_compression(monkeypatch)
    for work in world.services.jobs._works.values():
        work._part_bytes = PART_BYTES
    job = world.services.archives.submit(request(world, fill(world), is_media=is_media))
    needed = objects(world)
    world.calls.reset()
    world.calls.kill_after(15)
    with pytest.raises(Killed):
        run_all(world)
    world.calls.reset()
    world.services.jobs.cancel(job.id)
    run_all(world)
    assert (objects(world), uploads(world)) == (needed, 0)
    world.services.jobs.resubmit(job.id)
    run_all(world)
    assert archive_of(world, job.id).testzip() is None
    assert objects(world) == {"archive.zip"}


def test_deleting_a_cancelled_job_leaves_nothing(world: World) -> None:
    job = world.services.archives.submit(request(world, fill(world, 2), is_media=True))
    world.services.jobs.cancel(job.id)
    world.services.jobs.delete(job.id)
    assert objects(world) == set()


def test_deleting_a_job_removes_its_archive(world: World) -> None:
    job = world.services.archives.submit(request(world, fill(world, 2)))
    run_all(world)
    assert objects(world) == {"archive.zip"}
    world.services.jobs.delete(job.id)
    assert objects(world) == set()


def test_an_instance_that_is_deleted_meanwhile_is_left_out(world: World) -> None:
    study = fill(world, 3)
    job = world.services.archives.submit(request(world, study))
    gone = world.services.listing.all(Level.INSTANCE)[0]
    world.services.delete.delete(Level.INSTANCE, gone)
    run_all(world)
    assert len(archive_of(world, job.id).namelist()) == 2


def test_memory_does_not_grow_with_the_archive(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    no_compression(monkeypatch)
    asked = request(world, fill(world, 4))
    many = Request(list(asked.placed) * 40, "a.zip")  # 240 MB
    job = world.services.archives.submit(many)
    for keeper in (world.services.handed_out._archives, world.services.archives._notes):
        keeper._client = Forgetting(keeper._client)
    tracemalloc.start()
    run_all(world)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert world.services.jobs.get(job.id).state is JobState.SUCCESS
    assert peak < 90 * 1024**2


class Forgetting:
    """A client whose parts are not kept, for the emulator keeps them in the memory that is measured."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def upload_part(self, **_: Any) -> dict[str, str]:
        return {"ETag": '"x"'}

    def complete_multipart_upload(self, **_: Any) -> None:
        """Nothing was kept."""


@dataclass(frozen=True)
class Added:
    """A file for an archive, and how it is added."""

    data: bytes
    deflates: bool
    is_packed: bool

    def to(self, stream: ZipStream, name: str) -> None:
        if self.is_packed:
            stream.add_packed(name, pack(self.data, deflates=self.deflates))
        else:
            list(stream.add(name, [self.data], len(self.data), deflates=self.deflates))


@given(
    st.lists(st.builds(Added, st.binary(max_size=300), st.booleans(), st.booleans()), max_size=6),
    st.integers(0, 6),
)
def test_a_zip_that_is_gone_on_with_is_the_same_zip(files: list[Added], cut: int) -> None:
    whole = ZipStream()
    first = ZipStream()
    for number, file in enumerate(files):
        file.to(whole, f"f/{number}")
        if number < cut:
            file.to(first, f"f/{number}")
    whole.close()
    second = ZipStream(first.offset, first.remembered())
    for number, file in list(enumerate(files))[cut:]:
        file.to(second, f"f/{number}")
    second.close()
    made = first.take() + second.take()
    assert made == whole.take()
    archive = zipfile.ZipFile(io.BytesIO(made))
    assert archive.testzip() is None
    assert [archive.read(name) for name in archive.namelist()] == [file.data for file in files]
    assert [info.file_size for info in archive.infolist()] == [len(file.data) for file in files]


def test_large_archives_are_zip64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1000)
    stream = ZipStream()
    for number in range(4):
        list(stream.add(f"{number}", [bytes(700)] * 2, 1400, deflates=False))
    stream.close()
    data = stream.take()
    assert b"PK\6\6" in data
    assert zipfile.ZipFile(io.BytesIO(data)).testzip() is None


@given(st.text())
def test_no_name_leaves_its_folder(name: str) -> None:
    cleaned = clean(name)
    assert "/" not in cleaned
    assert "\\" not in cleaned
    assert cleaned.isascii()
    assert cleaned == clean(cleaned)


@pytest.mark.parametrize(
    ("modality", "name"),
    [("CT", "CT000001.dcm"), ("", "00000001.dcm"), ("x", "X0000001.dcm"), ("LONGER", "LO000001.dcm")],
)
def test_file_names(modality: str, name: str) -> None:
    assert file_name(modality, 1) == name
