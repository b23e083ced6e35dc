"""An object that is larger than the container's memory comes in and goes out.

``LARGE_OBJECT_MB=1000`` takes one of a gigabyte. ``LISTENER_CGROUP=/sys/fs/cgroup/...`` puts the listener into a
control group, whose limit of memory it then has to live in: the kernel kills what needs more.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRLittleEndian

from tests.benchmarks.servers import Server, nacre
from tests.dicom.peers import receiver, run

MEGABYTE = 1024 * 1024
OBJECT_BYTES = int(os.environ.get("LARGE_OBJECT_MB", "100")) * MEGABYTE
CGROUP = os.environ.get("LISTENER_CGROUP")
GROWTH_BYTES = 64 * MEGABYTE
"""Of a listener's process, whatever the size of objects: parts of 16 MB and what the AWS client makes of them."""

JOB_SECONDS = 300
SIDE = 1024


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Server]:
    with nacre(tmp_path / "stack") as running:
        yield running


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file of many frames, all of them zeros that take no space on the disk."""
    dataset = dcmread(get_testdata_file("CT_small.dcm"))
    dataset.Rows = dataset.Columns = SIDE
    dataset.NumberOfFrames = OBJECT_BYTES // (2 * SIDE * SIDE)
    dataset.PixelData = b""
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    del dataset[0xFFFCFFFC]  # padding behind the pixels
    path = tmp_path / "large.dcm"
    dataset.save_as(path)
    with path.open("r+b") as file:
        length = dataset.NumberOfFrames * 2 * SIDE * SIDE
        end = file.seek(-4, os.SEEK_END)  # the length of PixelData, the last element
        file.write(length.to_bytes(4, "little"))
        file.truncate(end + 4 + length)
    return path


def peak(server: Server) -> int:
    """The most memory that any of the listener's processes has had."""
    return max(_peak(pid) for pid in server.processes["listener"])


def _peak(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def ended(server: Server, job: str) -> str:
    """The final state of a job."""
    deadline = time.monotonic() + JOB_SECONDS
    while time.monotonic() < deadline:
        state = str(requests.get(f"{server.url}/jobs/{job}", timeout=30).json()["State"])
        if state not in ("Pending", "Running"):
            return state
        time.sleep(0.1)
    return "too late"


def test_no_process_has_a_large_object_in_memory(stack: Server, large: Path, tmp_path: Path) -> None:
    if CGROUP:
        for pid in stack.processes["listener"]:
            Path(CGROUP, "cgroup.procs").write_text(str(pid))
    before = peak(stack)
    sent = run("storescu", "127.0.0.1", str(stack.dicom_port), str(large))
    assert sent.returncode == 0, sent.stderr
    received = peak(stack)
    (identifier,) = requests.get(f"{stack.url}/instances", timeout=30).json()
    with receiver(tmp_path / "received") as peer:
        requests.put(f"{stack.url}/modalities/peer", json=peer.modality(), timeout=30).raise_for_status()
        body = {"Resources": [identifier], "Asynchronous": True}
        job = requests.post(f"{stack.url}/modalities/peer/store", json=body, timeout=30).json()["ID"]
        assert ended(stack, job) == "Success"
        (file,) = peer.received()
        assert file.stat().st_size >= OBJECT_BYTES - 2 * SIDE * SIDE
    print(f"peaks: {before:,} at first, {received:,} after C-STORE, {peak(stack):,} after a send")
    assert peak(stack) - before < GROWTH_BYTES
