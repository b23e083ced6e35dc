"""The stack on one machine: what it acknowledges survives any death, and it starts, stops and refuses clearly."""

from __future__ import annotations

import gzip
import http.client
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
import requests
from pydicom.data import get_testdata_file

from tests.support.stack import RunningStack, running_stack, spawn

CT = Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()
ROUNDS = 3


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with running_stack(tmp_path_factory.mktemp("data")) as running:
        yield running


def instance(number: int) -> bytes:
    """A CT image with a SOP Instance UID of its own, three to a series."""
    dataset = pydicom.dcmread(BytesIO(CT))
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.826.1.{number}"
    dataset.SeriesInstanceUID = f"1.2.826.2.{number // 3}"
    buffer = BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


def test_every_acknowledged_instance_survives_the_death_of_all_processes(tmp_path: Path) -> None:
    stack = RunningStack(tmp_path)
    acknowledged: dict[str, bytes] = {}
    numbers = iter(range(100_000))
    lock = threading.Lock()

    def upload_until_it_dies() -> None:
        session = requests.Session()
        while True:
            with lock:
                data = instance(next(numbers))
            try:
                answer = session.post(f"{stack.url}/instances", data=data, timeout=10)
            except requests.RequestException:
                return
            if answer.status_code == 200:
                acknowledged[answer.json()["ID"]] = data

    for _ in range(ROUNDS):
        stack.start()
        senders = [threading.Thread(target=upload_until_it_dies) for _ in range(6)]
        for sender in senders:
            sender.start()
        time.sleep(1.5)
        stack.kill()
        for sender in senders:
            sender.join()
    stack.start()
    try:
        assert len(acknowledged) > 50
        listed = set(requests.get(f"{stack.url}/instances", timeout=30).json())
        assert acknowledged.keys() <= listed
        statistics = requests.get(f"{stack.url}/statistics", timeout=30).json()
        assert statistics["CountInstances"] == len(listed)
        for identifier in listed:
            file = requests.get(f"{stack.url}/instances/{identifier}/file", timeout=10)
            assert file.status_code == 200
            assert acknowledged.get(identifier, file.content) == file.content
            ancestors = requests.get(f"{stack.url}/instances/{identifier}/patient", timeout=10)
            assert ancestors.status_code == 200
    finally:
        stack.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_when_asked(tmp_path: Path, number: int) -> None:
    stack = RunningStack(tmp_path)
    stack.start()
    assert stack.stop(number) == 0
    assert "stopping" in stack.output
    assert stack.errors == ""


def test_a_port_in_use_and_a_folder_in_use_are_told(stack: RunningStack, tmp_path: Path) -> None:
    for data, port, words in ((tmp_path, stack.port, "NACRE_HTTP_PORT"), (stack.data, 0, "Another stack")):
        process = spawn(data, port or 18999)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 1
        assert words in errors
        assert "Traceback" not in errors


def test_two_stacks_run_side_by_side(stack: RunningStack, tmp_path: Path) -> None:
    with running_stack(tmp_path) as other:
        requests.post(f"{other.url}/instances", data=instance(77_777), timeout=10)
        there = set(requests.get(f"{other.url}/instances", timeout=10).json())
        here = set(requests.get(f"{stack.url}/instances", timeout=10).json())
        assert len(there) == 1
        assert not there & here


def test_many_clients_get_their_own_answers(stack: RunningStack) -> None:
    def upload(number: int) -> tuple[str, str]:
        data = instance(number)
        identifier = requests.post(f"{stack.url}/instances", data=data, timeout=30).json()["ID"]
        tags = requests.get(f"{stack.url}/instances/{identifier}/simplified-tags", timeout=30).json()
        assert requests.get(f"{stack.url}/instances/{identifier}/file", timeout=30).content == data
        return f"1.2.826.1.{number}", tags["SOPInstanceUID"]

    with ThreadPoolExecutor(32) as pool:
        for sent, received in pool.map(upload, range(1000, 1160)):
            assert sent == received


def test_head_has_the_headers_of_get_and_no_body(stack: RunningStack) -> None:
    identifier = requests.post(f"{stack.url}/instances", data=CT, timeout=10).json()["ID"]
    connection = http.client.HTTPConnection("127.0.0.1", stack.port)
    for _ in range(2):
        connection.request("HEAD", f"/instances/{identifier}/file")
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.read() == b""
        assert int(answer.headers["Content-Length"]) == len(CT)


def test_chunked_and_compressed_bodies_and_expect(stack: RunningStack) -> None:
    chunked = requests.post(f"{stack.url}/instances", data=iter([CT[:1000], CT[1000:]]), timeout=10)
    assert chunked.status_code == 200
    headers = {"Content-Encoding": "gzip"}
    assert requests.post(f"{stack.url}/instances", gzip.compress(CT), headers=headers, timeout=10).ok
    connection = http.client.HTTPConnection("127.0.0.1", stack.port)
    connection.request("POST", "/instances", CT, {"Expect": "100-continue"})
    assert connection.getresponse().status == 200


def test_an_unknown_path_and_a_wrong_method(stack: RunningStack) -> None:
    unknown = requests.get(f"{stack.url}/no/such/path", timeout=10)
    assert unknown.status_code == 404
    assert unknown.json()["OrthancStatus"] == 17
    wrong = requests.put(f"{stack.url}/system", timeout=10)
    assert wrong.status_code == 405
    assert wrong.headers["Allow"] == "GET"
