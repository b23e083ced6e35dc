"""The two servers that are compared, each on free ports of loopback over an empty folder."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.support.stack import RunningStack, free_port

TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A running server and its processes by name."""

    name: str
    url: str
    dicom_port: int
    processes: dict[str, list[int]]

    def cpu_ms(self) -> dict[str, float]:
        """The CPU time that each kind of process has used so far."""
        return {name: sum(_cpu_ms(pid) for pid in pids) for name, pids in self.processes.items()}


@contextmanager
def nacre(folder: Path, **environment: str) -> Iterator[Server]:
    """Our local stack, all processes of it."""
    stack = RunningStack(folder, **environment)
    stack.start()
    try:
        yield Server("Nacre", stack.url, stack.dicom_port, _kinds_below(stack.pid))
    finally:
        stack.stop()


@contextmanager
def orthanc(executable: Path, folder: Path) -> Iterator[Server]:
    """Orthanc with default settings, its folder and its ports aside, and that it answers C-FIND."""
    port, dicom_port = free_port(), free_port()
    settings = {
        "HttpPort": port,
        "DicomPort": dicom_port,
        "DicomAlwaysAllowFind": True,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "StorageDirectory": str(folder),
        "IndexDirectory": str(folder),
    }
    file = folder / "orthanc.json"
    file.write_text(json.dumps(settings))
    # Without TCP_NODELAY Orthanc's answers wait 40 ms for an acknowledgement, which would measure the kernel.
    env = {**os.environ, "TCP_NODELAY": "1"}
    with subprocess.Popen([executable, file], env=env, stderr=subprocess.DEVNULL) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(url)
            yield Server("Orthanc", url, dicom_port, {"Orthanc": [process.pid]})
        finally:
            process.terminate()


def post(server: Server, path: str, body: bytes) -> requests.Response:
    """A POST that has to succeed."""
    response = requests.post(server.url + path, data=body, timeout=60)
    response.raise_for_status()
    return response


def _wait(url: str) -> None:
    for _ in range(300):
        try:
            requests.get(f"{url}/system", timeout=5)
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("Orthanc did not start")


def _kinds_below(root: int) -> dict[str, list[int]]:
    """The processes of a stack, by what they do."""
    kinds: dict[str, list[int]] = {"workers": [root]}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            command = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if parent == root:
            name = command[command.index(b"-m") + 1].decode().rsplit(".", 1)[1]
            kinds.setdefault(name, []).append(int(entry.name))
    return kinds


def _cpu_ms(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * TICK_MS
