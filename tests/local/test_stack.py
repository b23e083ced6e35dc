"""The stack on one machine: what it acknowledges survives any death, and it starts, stops and refuses clearly."""

from __future__ import annotations

import gzip
import http.client
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pydicom
import pytest
import requests
from pydicom.data import get_testdata_file

from chalicelib.bootstrap import build
from chalicelib.settings import Settings
from chalicelib.storage.clients import make_clients
from infra.local.stack import emulator
from infra.resources import define
from tests.support.checker import problems
from tests.support.stack import RunningStack, running_stack, spawn

CT = Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()
ROUNDS = 3
EACH_ROUND = 25


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with running_stack(tmp_path_factory.mktemp("data")) as running:
        yield running


def instance(number: int, pixel_bytes: int | None = None) -> bytes:
    """A CT image with a SOP Instance UID of its own, three to a series."""
    dataset = pydicom.dcmread(BytesIO(CT))
    dataset.PixelData = bytes(pixel_bytes) if pixel_bytes else dataset.PixelData
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

    for number in range(1, ROUNDS + 1):
        stack.start()
        senders = [threading.Thread(target=upload_until_it_dies) for _ in range(6)]
        for sender in senders:
            sender.start()
        wait_until(lambda wanted=number * EACH_ROUND: len(acknowledged) >= wanted, 60)
        stack.kill()
        for sender in senders:
            sender.join()
    stack.start()
    try:
        listed = set(requests.get(f"{stack.url}/instances", timeout=30).json())
        assert acknowledged.keys() <= listed
        statistics = requests.get(f"{stack.url}/statistics", timeout=30).json()
        assert statistics["CountInstances"] == len(listed)
        for identifier in listed:
            file = requests.get(f"{stack.url}/instances/{identifier}/file", timeout=10)
            assert file.status_code == 200
            assert acknowledged.get(identifier, file.content) == file.content
    finally:
        stack.kill()
    assert not [problem for problem in problems_on_disk(tmp_path) if "file without an entry" not in problem]


def problems_on_disk(data: Path) -> list[str]:
    """What the index, the log and the files of a stopped stack disagree on."""
    # What was reserved and never written need not be waited for: nobody writes any more.
    settings = Settings.load({"NACRE_DATA": str(data), "NACRE_GAP_GRACE_SECONDS": "0.001"})
    names = define(settings)
    with emulator(data) as url:
        clients = make_clients(url)
        world = SimpleNamespace(
            services=build(settings, clients),
            dynamodb=clients.dynamodb,
            s3=clients.s3,
            resources=SimpleNamespace(index=names.index.name, files=names.files.name),
        )
        return problems(world)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("whole_group", [False, True])
def test_it_stops_when_asked(tmp_path: Path, number: int, whole_group: bool) -> None:
    stack = RunningStack(tmp_path, NACRE_DICOM_PROCESSES="2")
    stack.start()
    children = stack.children
    assert len(children) == 5  # the emulator, two fronts, two listeners
    assert stack.stop(number, whole_group=whole_group) == 0
    assert "stopping" in stack.output
    assert " failed" not in stack.output + stack.errors
    assert stack.errors == ""
    assert not any(is_alive(pid) for pid in children)


def test_a_running_request_is_answered_before_it_stops(tmp_path: Path) -> None:
    stack = RunningStack(tmp_path)
    stack.start()
    with ThreadPoolExecutor(1) as pool:
        with socket.create_connection(("127.0.0.1", stack.port)) as client:
            head = f"POST /instances HTTP/1.1\r\nHost: x\r\nContent-Length: {len(CT)}\r\n\r\n"
            client.sendall(head.encode() + CT)
            time.sleep(0.02)
            stopped = pool.submit(stack.stop, signal.SIGINT, whole_group=True)
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert stopped.result() == 0


def test_no_process_outlives_the_first(tmp_path: Path) -> None:
    stack = RunningStack(tmp_path)
    stack.start()
    children = stack.children
    os.kill(stack.pid, signal.SIGKILL)
    wait_until(lambda: not any(is_alive(pid) for pid in children))
    stack.start()
    stack.kill()


def test_the_stack_ends_when_a_part_of_it_dies(tmp_path: Path) -> None:
    stack = RunningStack(tmp_path)
    stack.start()
    os.kill(stack.children[-1], signal.SIGKILL)
    assert stack.wait() == 1
    assert "has died" in stack.errors


def test_a_disk_that_takes_no_more_costs_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    stack = RunningStack(tmp_path)
    stack.start()
    emulator = stack.children[0]
    unlimited = resource.prlimit(emulator, resource.RLIMIT_FSIZE)
    try:
        acknowledged = [upload(stack, number) for number in range(3)]
        # Room for the file and none for the journal, then the other way round.
        for limit, data in ((60_000, instance(9)), (4_000_000, instance(9, 5_000_000))):
            resource.prlimit(emulator, resource.RLIMIT_FSIZE, (limit, unlimited[1]))
            refused = requests.post(f"{stack.url}/instances", data=data, timeout=60)
            assert refused.status_code >= 500
            assert refused.json()["HttpStatus"] == refused.status_code
        resource.prlimit(emulator, resource.RLIMIT_FSIZE, unlimited)
        acknowledged.append(upload(stack, 9))
        stack.kill()
        stack.start()
        assert sorted(requests.get(f"{stack.url}/instances", timeout=10).json()) == sorted(acknowledged)
        assert requests.get(f"{stack.url}/statistics", timeout=10).json()["CountInstances"] == 4
    finally:
        stack.kill()


def upload(stack: RunningStack, number: int) -> str:
    answer = requests.post(f"{stack.url}/instances", data=instance(number), timeout=60)
    assert answer.status_code == 200
    return str(answer.json()["ID"])


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(is_so: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


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


def test_what_browsers_ask_for_other_pages_does_not_reach_the_emulator(stack: RunningStack) -> None:
    endpoint = f"http://127.0.0.1:{listening_port(stack.children[0])}"
    assert "ListAllMyBucketsResult" in requests.get(f"{endpoint}/", timeout=10).text
    for headers in ({"Origin": "http://example.org"}, {"Host": "example.org"}):
        answer = requests.get(f"{endpoint}/", headers=headers, timeout=10)
        assert (answer.status_code, answer.content) == (403, b"")


def listening_port(pid: int) -> int:
    """The port of loopback that a process listens on."""
    links = [os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    inodes = {link[8:-1] for link in links if link.startswith("socket:[")}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    (port,) = {int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A" and row[9] in inodes}
    return port
