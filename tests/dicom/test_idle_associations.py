"""Associations that stay open for the next C-STORE: what uses one again, what does not, and how each ends."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from pydicom.data import get_testdata_file
from pynetdicom import evt
from pynetdicom.association import Association

from chalicelib.domain.jobs import JobState
from chalicelib.domain.modalities import Remote
from chalicelib.services.network import store_work
from dicom_listener import idle_associations, reactor
from dicom_listener.idle_associations import IdleAssociations
from dicom_listener.scu import DicomScu
from tests.dicom.peers import Orthanc, free_port, receiver, running, tool
from tests.dicom.relay import relay
from tests.dicom.scp import Scp
from tests.dicom.test_store_scu import add, add_images, configure, exported, send, uid
from tests.listener.node import Node, running_node
from tests.support.stack import RunningStack

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
KIND = (CT, EXPLICIT)
LONG = 60


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with running_node(
        tmp_path / "node", dicom_association_close_delay=LONG, log_exported_resources=True
    ) as one:
        yield one


def wait_until(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def sends(node: Node, identifiers: list[str]) -> None:
    job = send(node, identifiers)
    assert (job.state, job.content["FailedInstancesCount"]) == (JobState.SUCCESS, 0)


class Watched(Scp):
    """A provider that tells how its associations ended, and has them at hand."""

    def __enter__(self) -> Watched:
        super().__enter__()
        self.ends: list[str] = []
        self.associations: list[Association] = []
        self._server.bind(evt.EVT_RELEASED, lambda _event: self.ends.append("released"))
        self._server.bind(evt.EVT_ABORTED, lambda _event: self.ends.append("aborted"))
        self._server.bind(evt.EVT_CONN_CLOSE, lambda _event: self.ends.append("closed"))
        self._server.bind(evt.EVT_ACCEPTED, lambda event: self.associations.append(event.assoc))
        return self

    def remote(self, **fields: str) -> Remote:
        return Remote("peer", "RECEIVER", "127.0.0.1", self.port, fields.get("local_aet", "NACRE"), 10)


def test_jobs_one_after_the_other_share_an_association_of_storescp(node: Node, tmp_path: Path) -> None:
    with receiver(tmp_path / "in") as peer, relay(peer.port) as wire:
        configure(node, wire.modality())
        identifiers = add_images(node, 5)
        for one in identifiers:
            sends(node, [one])
        assert (wire.connections, wire.open_connections) == (1, 1)
        assert len(peer.received()) == 5
    assert Counter(exported(node)) == Counter(uid(node, one) for one in identifiers)


def test_jobs_one_after_the_other_share_an_association_of_orthanc(node: Node, tmp_path: Path) -> None:
    with Orthanc(tmp_path / "orthanc").running() as orthanc, relay(orthanc.port) as wire:
        configure(node, wire.modality(AET="ORTHANC"))
        for one in add_images(node, 3):
            sends(node, [one])
        assert wire.connections == 1
        assert len(orthanc.request("GET", "/instances")) == 3


def test_the_legs_of_a_long_job_share_one(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_work, "LEG", 2)
    with Watched() as peer:
        configure(node, peer.modality())
        sends(node, add_images(node, 6))
        assert (len(peer.associations), len(peer.received)) == (1, 6)


def test_by_default_each_job_has_its_own(tmp_path: Path) -> None:
    """A peer that takes one association at a time is free for others as soon as the job is done."""
    with (
        running_node(tmp_path / "node") as node,
        receiver(tmp_path / "in") as peer,
        relay(peer.port) as wire,
    ):
        configure(node, wire.modality())
        for one in add_images(node, 3):
            sends(node, [one])
            wait_until(lambda: wire.open_connections == 0, seconds=3)
        assert wire.connections == 3


def test_files_of_other_kinds_have_an_association_of_their_own(node: Node, tmp_path: Path) -> None:
    """The idle one is released first: storescp takes one at a time."""
    with receiver(tmp_path / "in", "+xa") as peer, relay(peer.port) as wire:
        configure(node, wire.modality())
        image, compressed = add(node, "CT_small.dcm"), add(node, "JPEG2000.dcm")
        sends(node, [image, compressed])
        sends(node, [compressed])  # the first was opened for both
        assert wire.connections == 1
        sends(node, [add(node, "MR_small_RLE.dcm")])
        assert (wire.connections, wire.most_at_a_time) == (2, 1)
        assert len(peer.received()) == 3


def test_an_echo_does_not_wait_for_the_idle_one(node: Node, tmp_path: Path) -> None:
    with receiver(tmp_path / "in") as peer, relay(peer.port) as wire:
        configure(node, wire.modality())
        sends(node, add_images(node, 1))
        node.world.services.network.requests.echo(node.world.services.network.remotes.remote("peer"))
        wait_until(lambda: wire.open_connections == 0)
        assert (wire.connections, wire.most_at_a_time) == (2, 1)


def test_the_delay_ends_it_by_a_release(tmp_path: Path) -> None:
    with (
        running_node(tmp_path / "node", dicom_association_close_delay=1) as node,
        Watched() as peer,
    ):
        configure(node, peer.modality())
        sends(node, add_images(node, 1))
        assert len(node.scu.idle) == 1
        wait_until(lambda: "released" in peer.ends)
        assert len(node.scu.idle) == 0
        wait_until(lambda: association_threads() == 0)


def association_threads() -> int:
    """The threads of associations that are still there, on both sides."""
    return sum(isinstance(thread, Association) for thread in threading.enumerate())


def test_closing_releases_and_keeps_none_after_that(node: Node) -> None:
    with Watched() as peer:
        configure(node, peer.modality())
        first, second = add_images(node, 2)
        sends(node, [first])
        node.scu.close()
        assert len(node.scu.idle) == 0
        sends(node, [second])
        wait_until(lambda: peer.ends.count("released") == 2)
        assert "aborted" not in peer.ends


@pytest.mark.parametrize("end", ["release", "abort"])
def test_what_the_peer_ends_is_ended_here_too(node: Node, end: str) -> None:
    with Watched() as peer:
        configure(node, peer.modality())
        first, second = add_images(node, 2)
        sends(node, [first])
        getattr(peer.associations[0], end)()
        wait_until(lambda: len(node.scu.idle) == 0)
        wait_until(lambda: association_threads() == 0)
        assert peer.associations[0].is_released == (end == "release")
        sends(node, [second])
        assert (len(peer.associations), len(peer.received)) == (2, 2)


@pytest.mark.parametrize("end", ["release", "abort", "disconnect"])
def test_what_the_peer_ends_as_a_file_comes_is_sent_by_another(
    node: Node, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """Nothing is noticed before the file is on its way."""
    with Watched() as peer:
        configure(node, peer.modality())
        first, second = add_images(node, 2)
        sends(node, [first])
        with monkeypatch.context() as patch:
            patch.setattr(idle_associations, "has_news", lambda _association: False)
            threading.Thread(target=_end, args=(peer.associations[0], end)).start()
            time.sleep(0.1)
            sends(node, [second])
        assert len(peer.associations) == 2
        assert Counter(peer.received) == Counter([uid(node, first), uid(node, second)])
        assert Counter(exported(node)) == Counter(peer.received)


def _end(association: Association, end: str) -> None:
    if end == "disconnect":
        assert association.dul.socket is not None
        association.dul.socket._shutdown_socket()
    else:
        getattr(association, end)()


def test_a_peer_that_releases_just_before_us_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its request has come, and was not noticed yet."""
    scu = DicomScu(16384, idle_seconds=LONG)
    failures: list[object] = []
    monkeypatch.setattr(threading, "excepthook", failures.append)
    for module in (idle_associations, reactor):
        monkeypatch.setattr(module, "has_news", lambda _association: False)
    with Watched() as peer:
        stored_nothing(scu, peer.remote())
        threading.Thread(target=peer.associations[0].release).start()
        time.sleep(0.2)
        scu.close()
        wait_until(lambda: association_threads() == 0)
        assert peer.associations[0].is_released
        assert failures == []


def test_a_peer_that_ends_every_association_at_the_second_file_fails_after_one_more_try(node: Node) -> None:
    class Abrupt(Watched):
        def _store(self, event: evt.Event) -> int:
            if self.received:
                event.assoc.abort()
            return super()._store(event)

    with Abrupt() as peer:
        configure(node, peer.modality())
        first, second = add_images(node, 2)
        sends(node, [first])
        job = send(node, [second], Synchronous=True)
        assert job.state is JobState.FAILURE
        assert len(peer.associations) == 2


def test_orthanc_that_leaves_after_a_second(node: Node, tmp_path: Path) -> None:
    with Orthanc(tmp_path / "orthanc", DicomScpTimeout=1).running() as peer:
        configure(node, peer.modality())
        first, second = add_images(node, 2)
        sends(node, [first])
        assert len(node.scu.idle) == 1
        wait_until(lambda: len(node.scu.idle) == 0)
        sends(node, [second])
        assert len(peer.request("GET", "/instances")) == 2


def test_storescp_that_was_killed_and_is_back(node: Node, tmp_path: Path) -> None:
    port = free_port()
    command = [tool("storescp"), "--output-directory", str(tmp_path), str(port)]
    configure(node, {"AET": "RECEIVER", "Host": "127.0.0.1", "Port": port})
    first, second = add_images(node, 2)
    with running(command, port):
        sends(node, [first])
        assert len(node.scu.idle) == 1
    with running(command, port):
        sends(node, [second])
    assert len(list(tmp_path.glob("CT.*"))) == 2


def test_jobs_at_a_time_never_share_one(node: Node) -> None:
    with Watched(delay_seconds=0.05) as peer:
        configure(node, peer.modality())
        identifiers = add_images(node, 24)
        batches = [identifiers[start : start + 3] for start in range(0, 24, 3)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda batch: sends(node, batch), batches))
        assert Counter(peer.received) == Counter(uid(node, one) for one in identifiers)
        assert len(peer.associations) < len(batches)


def test_one_by_which_a_file_was_refused_is_not_kept(node: Node) -> None:
    with Watched(statuses=[0xA700]) as peer:
        configure(node, peer.modality())
        assert send(node, add_images(node, 1), Permissive=True).content["FailedInstancesCount"] == 1
        assert len(node.scu.idle) == 0
        wait_until(lambda: "released" in peer.ends)


def stored_nothing(scu: DicomScu, remote: Remote) -> None:
    with scu.storing(remote, {KIND}):
        pass


def test_another_name_of_the_caller_or_another_node_has_its_own() -> None:
    scu = DicomScu(16384, idle_seconds=LONG)
    with Watched() as one, Watched() as other:
        for remote in (one.remote(), one.remote(local_aet="OTHER"), other.remote(), one.remote()):
            stored_nothing(scu, remote)
        assert (len(one.associations), len(other.associations)) == (3, 1)
        assert one.calling == "NACRE"
        scu.close()


def test_there_are_never_more_than_so_many_and_the_oldest_goes() -> None:
    scu = DicomScu(16384)
    scu.idle = IdleAssociations(LONG, maximum=2)
    with Watched() as first, Watched() as second, Watched() as third:
        for peer in (first, second, third):
            stored_nothing(scu, peer.remote())
        assert len(scu.idle) == 2
        wait_until(lambda: first.ends[:1] == ["released"])
        assert (second.ends, third.ends) == ([], [])
        scu.close()


def test_a_stop_of_the_stack_releases_what_is_idle(tmp_path: Path) -> None:
    stack = RunningStack(tmp_path, NACRE_DICOM_ASSOCIATION_CLOSE_DELAY=str(LONG))
    file = Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()
    with Watched() as peer:
        try:
            stack.start()
            stored = requests.post(f"{stack.url}/instances", data=file, timeout=30).json()
            assert requests.put(f"{stack.url}/modalities/peer", json=peer.modality(), timeout=30).ok
            for _ in range(2):
                sent = requests.post(f"{stack.url}/modalities/peer/store", data=stored["ID"], timeout=60)
                assert sent.ok, sent.text
            assert peer.ends == []
            assert stack.stop() == 0
        finally:
            stack.kill()
        wait_until(lambda: len(peer.ends) >= len(peer.associations))
        assert "aborted" not in peer.ends
