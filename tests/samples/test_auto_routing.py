"""The polling auto-router sends all that arrives, whatever restarts, and loses nothing by a dead modality."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from pydicom import dcmread

from samples import auto_routing
from tests.dicom.peers import Orthanc, receiver
from tests.dicom.scp import Scp
from tests.support.stack import ROOT, running_stack
from tests.upload.files import ct, dicom, mr

SCRIPT = ROOT / "samples" / "auto_routing.py"


@pytest.fixture(scope="module")
def shared_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_stack(tmp_path_factory.mktemp("data")) as stack:
        yield stack.url


@pytest.fixture
def url(shared_url: str) -> Iterator[str]:
    """An empty store."""
    yield shared_url
    for patient in requests.get(f"{shared_url}/patients", timeout=10).json():
        requests.delete(f"{shared_url}/patients/{patient}", timeout=10)
    requests.delete(f"{shared_url}/changes", timeout=10)


def command(url: str, state: Path, *more: str) -> list[str]:
    return [sys.executable, str(SCRIPT), "peer", "--url", url, "--state", str(state), *more]


def route(url: str, state: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(url, state, "--once", *more), capture_output=True, text=True, check=False, timeout=120
    )


def upload(url: str, data: bytes) -> str:
    return str(requests.post(f"{url}/instances", data=data, timeout=10).json()["ID"])


def put_modality(url: str, modality: dict[str, object]) -> None:
    assert requests.put(f"{url}/modalities/peer", json=modality, timeout=10).ok


def uids(files: list[Path]) -> list[str]:
    return sorted(str(dcmread(file).SOPInstanceUID) for file in files)


def test_what_arrives_is_sent_once_and_a_restart_goes_on(tmp_path: Path, url: str) -> None:
    state = tmp_path / "state"
    with receiver(tmp_path / "in", "--unique-filenames") as peer:
        put_modality(url, peer.modality())
        first = [upload(url, ct()), upload(url, dicom("rtplan.dcm"))]
        sent = route(url, state)
        assert (sent.returncode, sent.stderr) == (0, "")
        assert sent.stdout.splitlines() == [f"sent {one}" for one in first]
        upload(url, ct())
        assert route(url, state).stdout == ""
        last = upload(url, mr())
        assert route(url, state).stdout == f"sent {last}\n"
        assert len(uids(peer.received())) == 3
        assert len(set(uids(peer.received()))) == 3


def test_a_running_router_sends_at_once_and_stops_cleanly(tmp_path: Path, url: str) -> None:
    with Scp() as peer:
        put_modality(url, peer.modality())
        process = subprocess.Popen(
            command(url, tmp_path / "state", "--interval", "0.1"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        identifier = upload(url, ct())
        assert process.stdout.readline() == f"sent {identifier}\n"
        assert len(peer.received) == 1
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=20)
        assert (process.returncode, rest, errors) == (0, "", "")


def test_a_dead_modality_is_waited_for_and_then_gets_all(tmp_path: Path, url: str) -> None:
    with Scp() as peer:
        port = peer.port
        put_modality(url, peer.modality())
    identifiers = [upload(url, ct()), upload(url, mr())]
    state = tmp_path / "state"
    process = subprocess.Popen(command(url, state, "--once"), stdout=subprocess.PIPE, text=True)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(6)
    assert not state.exists()
    with Scp(port=port) as peer:
        output, _ = process.communicate(timeout=60)
        assert (process.returncode, output.splitlines()) == (0, [f"sent {one}" for one in identifiers])
        assert len(peer.received) == 2


def test_what_is_refused_again_and_again_is_told_and_the_others_are_sent(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(auto_routing, "ATTEMPTS", 2)
    monkeypatch.setattr(auto_routing, "FIRST_PAUSE_SECONDS", 0.01)
    refused, taken, gone = upload(url, ct()), upload(url, mr()), upload(url, dicom("rtplan.dcm"))
    requests.delete(f"{url}/instances/{gone}", timeout=10)
    with Scp(statuses=[0xA700] * 3) as peer:  # all together, and twice alone
        put_modality(url, peer.modality())
        stop = threading.Event()
        pauses = auto_routing.Pauses(stop)
        state = auto_routing.State(tmp_path / "state")
        router = auto_routing.Router(url, None, "peer", "NewInstance", state, pauses)
        assert auto_routing.follow(router, "peer", pauses, stop, 1, once=True) == 0
        assert len(peer.received) == 1
    captured = capsys.readouterr()
    assert captured.out == f"sent {taken}\n"
    assert captured.err.startswith(f"left {refused}: ")
    assert "0xA700" in captured.err


def test_a_killed_router_sends_its_page_again_and_loses_nothing(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(url, ct())
    with Scp() as peer:
        put_modality(url, peer.modality())
        stop = threading.Event()
        pauses = auto_routing.Pauses(stop)
        state = auto_routing.State(tmp_path / "state")
        monkeypatch.setattr(state, "save", sys.exit)
        killed = auto_routing.Router(url, None, "peer", "NewInstance", state, pauses)
        with pytest.raises(SystemExit):
            auto_routing.follow(killed, "peer", pauses, stop, 1, once=True)
        state = auto_routing.State(tmp_path / "state")
        again = auto_routing.Router(url, None, "peer", "NewInstance", state, pauses)
        assert auto_routing.follow(again, "peer", pauses, stop, 1, once=True) == 0
        assert len(peer.received) == 2
        assert len(set(peer.received)) == 1


def test_a_modality_that_nobody_knows_is_told(tmp_path: Path, url: str) -> None:
    requests.delete(f"{url}/modalities/peer", timeout=10)
    found = route(url, tmp_path / "state")
    assert (found.returncode, found.stderr) == (1, "The server knows no modality peer\n")


def test_it_routes_from_orthanc_too(tmp_path: Path) -> None:
    with Orthanc(tmp_path / "orthanc").running() as orthanc, Scp() as peer:
        url = f"http://127.0.0.1:{orthanc.http_port}"
        put_modality(url, peer.modality())
        identifier = upload(url, ct())
        study = requests.get(f"{url}/studies", timeout=10).json()[0]
        assert route(url, tmp_path / "state").stdout == f"sent {identifier}\n"
        assert route(url, tmp_path / "other", "--on", "NewInstance").stdout == f"sent {identifier}\n"
        pauses = auto_routing.Pauses(threading.Event())
        state = auto_routing.State(tmp_path / "third")
        router = auto_routing.Router(url, None, "peer", "StableStudy", state, pauses)
        router._route({study: f"/studies/{study}"})
        assert len(peer.received) == 3


def test_the_command_line_explains_itself() -> None:
    found = subprocess.run(
        [sys.executable, str(SCRIPT), "--help"], capture_output=True, text=True, check=True
    )
    assert "--state" in found.stdout
    assert json.dumps(auto_routing.CHANGES[2])[1:-1] in found.stdout
