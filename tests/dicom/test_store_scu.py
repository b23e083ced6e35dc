"""Outbound C-STORE: what is sent arrives as it is in the store, is told in the exports log, and nothing else is."""

from __future__ import annotations

import json
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import _read_file_meta_info, read_preamble
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage
from pynetdicom import AE

from chalicelib.domain.errors import BadFileFormat, InexistentItem, NetworkProtocol, UnknownResource
from chalicelib.domain.jobs import Job, JobState
from chalicelib.domain.levels import Level
from chalicelib.routes.network_requests import store_request
from chalicelib.services.network import sending, store_work
from tests.dicom.peers import free_port, receiver
from tests.dicom.scp import Scp
from tests.listener.node import Node, running_node
from tests.listener.peer import image
from tests.support.faults import Killed

FILES = ("CT_small.dcm", "JPEG2000.dcm", "MR_small_RLE.dcm", "SC_rgb_jpeg_dcmtk.dcm", "liver_1frame.dcm")


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with running_node(tmp_path / "node", log_exported_resources=True) as running:
        yield running


def add(node: Node, name: str) -> str:
    """Store one of pydicom's files; gives its identifier."""
    data = Path(str(get_testdata_file(name))).read_bytes()
    return str(node.world.services.ingest.store(data).identifiers[Level.INSTANCE])


def add_images(node: Node, count: int) -> list[str]:
    """Store images of one series."""
    found = []
    for number in range(count):
        buffer = BytesIO()
        image(InstanceNumber=str(number + 1)).save_as(buffer)
        found.append(node.world.services.ingest.store(buffer.getvalue()).identifiers[Level.INSTANCE])
    return found


def send(node: Node, resources: list[str], modality: str = "peer", **fields: Any) -> Job:
    """Have resources stored, and wait."""
    network = node.world.services.network
    body = json.dumps({"Resources": resources, **fields}).encode()
    return network.waiting.wait(network.store.create(store_request(modality, body)))


def configure(node: Node, modality: dict[str, object], name: str = "peer") -> None:
    node.world.services.modalities.put(name, modality)


def exported(node: Node) -> list[str]:
    """The instances that the exports log names."""
    node.world.clock.advance(60)
    found = []
    since, done = 0, False
    while not done:
        page = node.world.services.network.exports.page(since, 100)
        found += [export.uids["SOPInstanceUID"] for export in page.exports]
        since, done = page.last, page.done
    return found


def stored(node: Node, identifier: str) -> bytes:
    services = node.world.services
    return bytes(services.reading.file(services.reading.instance(identifier)))


def data_set(file: bytes) -> bytes:
    """A file without its meta information."""
    stream = DicomBytesIO(file)
    read_preamble(stream, force=False)
    _read_file_meta_info(stream)
    return bytes(stream.read())


def uid(node: Node, identifier: str) -> str:
    return str(node.world.services.reading.instance(identifier).sop_instance_uid)


def test_what_arrives_is_what_is_stored_byte_by_byte(node: Node, tmp_path: Path) -> None:
    with receiver(tmp_path / "in", "--bit-preserving", "+xa") as peer:
        configure(node, peer.modality())
        identifiers = [add(node, name) for name in FILES]
        job = send(node, identifiers)
    assert (job.state, job.content["FailedInstancesCount"]) == (JobState.SUCCESS, 0)
    received = {dcmread(path).SOPInstanceUID: data_set(path.read_bytes()) for path in peer.received()}
    assert received == {uid(node, one): data_set(stored(node, one)) for one in identifiers}
    assert Counter(exported(node)) == Counter(received.keys())
    assert list(node.folder.iterdir()) == []


def test_the_data_set_tells_what_is_sent_whatever_the_meta_information_says(
    node: Node, tmp_path: Path
) -> None:
    """As Orthanc 1.12.7 does; storescp refuses what is not what the request says."""
    identifiers = [add(node, "rtplan.dcm")]  # its UID in the meta information is another one
    changes: tuple[Callable[[FileMetaDataset], None], ...] = (
        lambda meta: setattr(meta, "MediaStorageSOPClassUID", MRImageStorage),
        lambda meta: delattr(meta, "MediaStorageSOPClassUID"),
        lambda meta: delattr(meta, "MediaStorageSOPInstanceUID"),
    )
    for change in changes:
        dataset, buffer = image(), BytesIO()
        change(dataset.file_meta)
        dataset.save_as(buffer)
        identifiers.append(node.world.services.ingest.store(buffer.getvalue()).identifiers[Level.INSTANCE])
    with receiver(tmp_path / "in") as peer:
        configure(node, peer.modality())
        job = send(node, identifiers)
    assert (job.state, job.error.details) == (JobState.SUCCESS, "")
    assert {dcmread(path).SOPInstanceUID for path in peer.received()} == {uid(node, i) for i in identifiers}


def test_what_the_peer_does_not_take_compressed_goes_uncompressed(node: Node, tmp_path: Path) -> None:
    with receiver(tmp_path / "in") as peer:
        configure(node, peer.modality())
        job = send(node, [add(node, name) for name in FILES])
    assert (job.state, job.content["FailedInstancesCount"]) == (JobState.SUCCESS, 0)
    received = [dcmread(path) for path in peer.received()]
    assert len(received) == len(FILES)
    assert {str(one.file_meta.TransferSyntaxUID) for one in received} <= {
        str(ExplicitVRLittleEndian),
        "1.2.840.10008.1.2",
    }
    jpeg2000 = dcmread(get_testdata_file("JPEG2000.dcm"))
    (same,) = [one for one in received if one.SOPInstanceUID == jpeg2000.SOPInstanceUID]
    assert (same.pixel_array == jpeg2000.pixel_array).all()


def test_without_transcoding_the_others_arrive(node: Node, tmp_path: Path) -> None:
    with receiver(tmp_path / "in") as peer:
        configure(node, peer.modality(AllowTranscoding=False))
        identifiers = [add(node, name) for name in ("CT_small.dcm", "JPEG2000.dcm", "liver_1frame.dcm")]
        job = send(node, identifiers, Permissive=True)
        strict = send(node, identifiers)
    assert (job.state, job.content["FailedInstancesCount"], job.progress) == (JobState.SUCCESS, 1, 100)
    assert (strict.state, strict.error.status) == (JobState.FAILURE, 2015)
    assert len(peer.received()) == 2
    assert Counter(exported(node))[uid(node, identifiers[0])] == 2


@pytest.mark.parametrize("level", list(Level))
def test_resources_of_any_level_are_sent(node: Node, tmp_path: Path, level: Level) -> None:
    with receiver(tmp_path / "in") as peer:
        configure(node, peer.modality())
        first = add_images(node, 3)[0]
        instance = node.world.services.reading.instance(first)
        job = send(node, [instance.ancestor(level)])
    expected = 1 if level is Level.INSTANCE else 3
    assert (job.content["InstancesCount"], len(peer.received())) == (expected, expected)


def test_a_resource_twice_is_sent_twice(node: Node, tmp_path: Path) -> None:
    with receiver(tmp_path / "in") as peer:
        configure(node, peer.modality())
        (one,) = add_images(node, 1)
        job = send(node, [one, one])
    assert (job.state, job.content["InstancesCount"]) == (JobState.SUCCESS, 2)


def test_what_cannot_be_sent_is_refused_at_once(node: Node) -> None:
    configure(node, {"AET": "X", "Host": "127.0.0.1", "Port": 4})
    with pytest.raises(InexistentItem):
        send(node, [], "nobody")
    with pytest.raises(BadFileFormat):
        send(node, ["nope"])
    with pytest.raises(UnknownResource):
        send(node, ["-".join(["00000000"] * 5)])


@pytest.mark.parametrize("option", ["--refuse", "--abort-during", "--abort-after"])
def test_a_peer_that_refuses_or_aborts_makes_the_job_fail(node: Node, tmp_path: Path, option: str) -> None:
    with receiver(tmp_path / "in", option) as peer:
        configure(node, peer.modality(Timeout=5))
        job = send(node, add_images(node, 3))
    assert (job.state, job.error.status) == (JobState.FAILURE, 9)
    assert exported(node) == []


def test_a_peer_that_says_nothing_makes_the_job_fail(node: Node) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        configure(node, {"AET": "X", "Host": "127.0.0.1", "Port": silent.getsockname()[1], "Timeout": 1})
        with pytest.raises(NetworkProtocol):
            node.world.services.network.requests.echo(node.world.services.network.remotes.remote("peer"))
        assert send(node, add_images(node, 1)).state is JobState.FAILURE


def test_a_peer_that_cannot_be_reached_is_not_tried_for_each_instance(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(node, {"AET": "X", "Host": "127.0.0.1", "Port": free_port()})
    tried = []
    associate = AE.associate

    def counted(*arguments: Any, **named: Any) -> Any:
        tried.append(arguments)
        return associate(*arguments, **named)

    monkeypatch.setattr(AE, "associate", counted)
    job = send(node, add_images(node, 8), Permissive=True)
    assert (job.state, job.content["FailedInstancesCount"]) == (JobState.SUCCESS, 8)
    assert len(tried) == sending.MAX_FAILURES


def test_an_answer_of_failure_is_told_with_its_status(node: Node) -> None:
    with Scp(statuses=[0x0000, 0xA700, 0xB000]) as peer:
        configure(node, peer.modality())
        identifiers = add_images(node, 3)
        job = send(node, identifiers, Permissive=True)
        assert (job.state, job.content["FailedInstancesCount"]) == (JobState.SUCCESS, 1)
        assert set(exported(node)) == {uid(node, identifiers[0]), uid(node, identifiers[2])}
        peer.statuses = [0xA700]
        failed = send(node, identifiers[:1])
    assert failed.error.details == ('C-STORE SCU to AET "RECEIVER" has failed with DIMSE status 0xA700')


def test_an_asynchronous_job_tries_again_and_sends_the_rest(node: Node) -> None:
    with Scp(statuses=[0x0000, 0xA700]) as peer:
        configure(node, peer.modality())
        identifiers = add_images(node, 4)
        job = send(node, identifiers, Synchronous=False)
        assert (job.state, job.error.status) == (JobState.RETRY, 9)
        node.world.clock.advance(700)
        assert node.world.services.network_runner.run_next()
        assert node.world.services.jobs.get(job.id).state is JobState.SUCCESS
        assert Counter(peer.received) == Counter(uid(node, one) for one in identifiers)
        assert Counter(exported(node)) == Counter(peer.received)


def test_the_request_may_change_how_the_modality_is_reached(node: Node) -> None:
    with Scp() as peer:
        configure(node, {"AET": "X", "Host": "127.0.0.1", "Port": free_port()})
        fields = {"LocalAet": "LOCAL", "CalledAet": "CALLED", "Port": peer.port}
        job = send(node, add_images(node, 1), MoveOriginatorAet="MOVER", MoveOriginatorID=7, **fields)
    assert (peer.calling, peer.called, peer.originators) == ("LOCAL", "CALLED", [("MOVER", 7)])
    assert (job.content["LocalAet"], job.content["RemoteAet"]) == ("LOCAL", "CALLED")


def test_more_kinds_of_files_than_an_association_has_contexts(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "MAX_KINDS", 2)
    with Scp() as peer:
        configure(node, peer.modality())
        job = send(node, [add(node, name) for name in FILES])
    assert (job.state, len(peer.received)) == (JobState.SUCCESS, len(FILES))


@pytest.mark.parametrize("position", range(0, 24, 2))
def test_wherever_a_worker_dies_nothing_is_lost_and_the_log_tells_what_was_sent(
    node: Node, monkeypatch: pytest.MonkeyPatch, position: int
) -> None:
    monkeypatch.setattr(store_work, "BATCH", 2)
    with Scp() as peer:
        configure(node, peer.modality())
        identifiers = add_images(node, 5)
        network = node.world.services.network
        job = network.store.create(store_request("peer", ('["' + '","'.join(identifiers) + '"]').encode()))
        node.world.calls.reset()
        node.world.calls.kill_after(position)
        with suppress(Killed):
            node.world.services.network_runner.run(job)
        node.world.calls.reset()
        node.world.clock.advance(120)
        node.world.services.network_runner.run_next()
        assert node.world.services.jobs.get(job.id).state is JobState.SUCCESS
        sent = {uid(node, one) for one in identifiers}
        assert set(peer.received) == sent == set(exported(node))
        assert Counter(exported(node)) <= Counter(peer.received)
        assert max(Counter(peer.received).values()) <= 2


def test_a_dead_destination_holds_no_other_up(node: Node) -> None:
    """Two of its jobs run at a time; the third waits, and what goes elsewhere does not."""
    configure(node, {"AET": "X", "Host": "127.0.0.1", "Port": free_port()}, "dead")
    network, runner = node.world.services.network, node.world.services.network_runner
    (one,) = add_images(node, 1)
    dead = [network.store.create(store_request("dead", one.encode())) for _ in range(3)]
    store = runner._store
    for job in dead[:2]:
        store.save(replace(job, state=JobState.RUNNING, owner="x", lease_until=node.world.clock() + 60))
    with Scp() as peer:
        configure(node, peer.modality())
        job = network.store.create(store_request("peer", one.encode()))
        assert runner.run_next()
        assert not runner.run_next()
    assert node.world.services.jobs.get(job.id).state is JobState.SUCCESS
    assert node.world.services.jobs.get(dead[2].id).state is JobState.PENDING


def test_a_file_can_be_sent_straight(node: Node, tmp_path: Path) -> None:
    data = Path(str(get_testdata_file("JPEG2000.dcm"))).read_bytes()
    with receiver(tmp_path / "in") as peer:
        configure(node, peer.modality())
        answer = node.world.services.network.store.straight("peer", data)
        with pytest.raises(BadFileFormat):
            node.world.services.network.store.straight("peer", b"nothing")
    (received,) = peer.received()
    assert dcmread(received).SOPInstanceUID == answer["SOPInstanceUID"]
    assert node.world.services.listing.all(Level.INSTANCE) == []
    assert node.world.services.jobs.all() == []
