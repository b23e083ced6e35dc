"""What the listener tells of itself: its health, its metrics and its log."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import ExplicitVRLittleEndian

from chalicelib.observability import open_telemetry
from chalicelib.settings import Settings
from chalicelib.storage.clients import make_clients
from dicom_listener.health import Health, start_health
from infra.local.stack import emulator
from infra.resources import create, define
from tests.dicom.peers import free_port
from tests.listener.node import Node, running_node
from tests.listener.peer import CT, associated, encoded, image, store

FIND = "1.2.840.10008.5.1.4.1.2.2.1"


def ask(port: int, path: str = "/health") -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as response:
            return response.status, json.load(response)["Status"]
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)["Status"]


@contextmanager
def answering(health: Health) -> Iterator[int]:
    server = start_health(health, "127.0.0.1", 0)
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_a_node_that_serves_is_healthy_until_it_drains(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        health = Health(lambda: node.listener.is_serving, node.world.services.modalities.all)
        with answering(health) as port, associated(node.port) as association:
            assert ask(port) == (200, "ok")
            assert ask(port, "/other") == (404, "unknown path")
            draining = threading.Thread(target=node.listener.drain, args=(10,))
            draining.start()
            deadline = time.monotonic() + 5
            while node.listener.is_serving and time.monotonic() < deadline:
                time.sleep(0.01)
            assert ask(port) == (503, "draining")
            assert association.is_established
            association.release()
            draining.join()


def test_a_store_that_fails_or_hangs_is_told_and_its_return_as_well() -> None:
    state: dict[str, Any] = {"fails": True, "now": 0.0}
    hung = threading.Event()

    def probe() -> None:
        if state["fails"]:
            raise OSError
        if state.get("hangs"):
            hung.wait()

    health = Health(lambda: True, probe, seconds=0.2, monotonic=lambda: state["now"])
    with answering(health) as port:
        assert ask(port) == (503, "store unavailable")
        state |= {"fails": False, "hangs": True, "now": 10.0}
        assert ask(port) == (503, "store unavailable")
        state |= {"hangs": False, "now": 20.0}
        assert ask(port) == (503, "store unavailable")  # the call that hangs is not joined by others
        hung.set()
        state["now"] = 30.0
        assert ask(port) == (200, "ok")


def test_the_store_is_asked_once_a_second_at_most() -> None:
    calls: list[int] = []
    health = Health(lambda: True, lambda: calls.append(1), monotonic=lambda: 5.0)
    assert [health.status() for _ in range(10)] == [(200, "ok")] * 10
    assert len(calls) == 1


def test_a_client_that_sends_nothing_holds_nobody_up() -> None:
    with answering(Health(lambda: True, lambda: None)) as port:
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(5)]
        assert ask(port) == (200, "ok")
        for connection in silent:
            connection.close()


class Lines:
    """What a telemetry has written."""

    def __init__(self, stream: io.StringIO, published: str) -> None:
        self.log = [json.loads(line) for line in stream.getvalue().splitlines()]
        self.metrics: dict[str, float] = defaultdict(float)
        for line in published.splitlines():
            for name, values in json.loads(line).items():
                if isinstance(values, list):
                    self.metrics[name] += sum(values)


@contextmanager
def told(folder: Path, stream: io.StringIO, **options: Any) -> Iterator[Node]:
    telemetry = open_telemetry("DEBUG", metrics_of="prod", service="nacre-dicom", stream=stream)
    with running_node(folder, telemetry, **options) as node:
        yield node
    telemetry.publish()


def test_metrics_tell_what_was_stored_rejected_and_refused_and_why(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    stream = io.StringIO()
    options = {"dicom_check_called_aet": True, "dicom_threads_count": 1}
    contexts = ((CT, (ExplicitVRLittleEndian,)), (FIND, (ExplicitVRLittleEndian,)))
    one = image()
    with told(tmp_path, stream, **options) as node:
        with associated(node.port, contexts) as association:
            assert store(association, one.SOPInstanceUID, encoded(one)) == 0
            assert store(association, one.SOPInstanceUID, b"\x10\x00") != 0
            query = image()
            query.QueryRetrieveLevel = "STUDY"
            [(status, _)] = association.send_c_find(query, FIND)
            assert status.Status == 0x0124
            with associated(node.port) as another:
                assert another.is_rejected
        with associated(node.port, called="SOMEBODY") as another:
            assert another.is_rejected
    lines = Lines(stream, capfd.readouterr().out)
    expected = {
        "Associations": 1, "Requests": 3, "Errors": 1, "RefusedRequests": 1, "IngestedInstances": 1,
        "RejectedAssociations": 2, "RejectedCalledAet": 1, "RejectedTooMany": 1,
    }  # fmt: skip
    assert {name: lines.metrics[name] for name in expected} == expected
    assert lines.metrics["IngestedBytes"] > len(encoded(one))
    assert lines.metrics["Latency"] > 0
    [association_line] = [line for line in lines.log if line["message"] == "association"]
    assert (association_line["aet"], association_line["count"]) == ("PEER", 3)
    assert association_line["bytes"] > len(encoded(one))
    rejections = [line["reason"] for line in lines.log if line["message"] == "association rejected"]
    assert sorted(rejections) == ["called AE title", "too many associations"]
    requests = [line["message"] for line in lines.log if line["message"].startswith("C-")]
    assert requests == ["C-STORE", "C-STORE", "C-FIND"]
    assert one.PatientName.family_name not in stream.getvalue()


def test_the_container_answers_and_stops_answering_at_its_end(tmp_path: Path) -> None:
    with emulator(tmp_path / "data") as endpoint:
        urls = create(define(Settings.load({})), make_clients(endpoint))
        _run_container(endpoint, urls.network, tmp_path)


def _run_container(endpoint: str, queue: str, tmp_path: Path) -> None:
    port = free_port()
    environment = {
        **os.environ,
        "NACRE_AWS_ENDPOINT_URL": endpoint,
        "NACRE_NETWORK_QUEUE_URL": queue,
        "NACRE_HEALTH_PORT": str(port),
        "NACRE_DICOM_PORT": str(free_port()),
        "NACRE_DICOM_PROCESSES": "2",
        "NACRE_DICOM_FOLDER": str(tmp_path / "dicom"),
    }
    process = subprocess.Popen([sys.executable, "-m", "dicom_listener"], env=environment)
    try:
        deadline = time.monotonic() + 30
        answer = (0, "")
        while answer != (200, "ok") and time.monotonic() < deadline:
            time.sleep(0.1)
            try:
                answer = ask(port)
            except OSError:
                continue
        assert answer == (200, "ok")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        with pytest.raises(OSError, match="refused"):
            ask(port)
    finally:
        process.kill()
        process.wait()
