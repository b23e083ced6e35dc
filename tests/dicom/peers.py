"""Real peers from Debian: dcmtk's tools and Orthanc, each in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START_SECONDS = 20.0
# Without it dcmtk and Orthanc wait for 40 ms between the packets of a message.
ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}


def tool(name: str) -> str:
    """The path of a peer's program, not of pynetdicom's by the same name that an activated environment has."""
    own = Path(sys.executable).parent
    folders = [f for f in os.environ.get("PATH", os.defpath).split(os.pathsep) if Path(f) != own]
    found = shutil.which(name, path=os.pathsep.join(folders))
    assert found, f"{name} is not installed: make peers"
    return found


def free_port() -> int:
    """A port that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@dataclass(frozen=True)
class Receiver:
    """dcmtk's storescp, which writes what it gets to a folder."""

    port: int
    folder: Path

    def modality(self, aet: str = "RECEIVER", **fields: object) -> dict[str, object]:
        """The receiver as a modality."""
        return {"AET": aet, "Host": "127.0.0.1", "Port": self.port, **fields}

    def received(self) -> list[Path]:
        """The files that it got."""
        return sorted(path for path in self.folder.iterdir() if path.is_file())


@contextmanager
def receiver(folder: Path, *options: str) -> Iterator[Receiver]:
    """A running storescp."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = [tool("storescp"), "--output-directory", str(folder), *options, str(port)]
    with running(command, port):
        yield Receiver(port, folder)


@contextmanager
def running(command: list[str], port: int) -> Iterator[None]:
    """A process, from when it accepts connections."""
    process = subprocess.Popen(
        command,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, process)
        yield
    finally:
        process.kill()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as connection:
            if connection.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"{process.args!r} did not start")


def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one of dcmtk's tools to its end."""
    return subprocess.run(
        [tool(name), *arguments], env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False
    )


class Orthanc:
    """Debian's Orthanc."""

    def __init__(self, folder: Path, aet: str = "ORTHANC", **options: object) -> None:
        """`options` are entries of its configuration."""
        self.http_port, self.port, self.aet = free_port(), free_port(), aet
        self._folder = folder
        self._options = options

    @contextmanager
    def running(self) -> Iterator[Orthanc]:
        """It, from when it answers."""
        self._folder.mkdir(parents=True, exist_ok=True)
        configuration = {
            "HttpPort": self.http_port,
            "DicomPort": self.port,
            "DicomAet": self.aet,
            "StorageDirectory": str(self._folder / "db"),
            "IndexDirectory": str(self._folder / "db"),
            "AuthenticationEnabled": False,
            **dict.fromkeys(("DicomAlwaysAllowFind", "DicomAlwaysAllowMove", "DicomAlwaysAllowGet"), True),
            **self._options,
        }
        path = self._folder / "orthanc.json"
        path.write_text(json.dumps(configuration))
        with running([tool("Orthanc"), str(path)], self.http_port):
            yield self

    def modality(self, **fields: object) -> dict[str, object]:
        """It as a modality."""
        return {"AET": self.aet, "Host": "127.0.0.1", "Port": self.port, **fields}

    def request(self, method: str, path: str, body: object = None) -> Any:
        """What it answers, as JSON or bytes."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.http_port}{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=30) as response:
            answer = response.read()
        try:
            return json.loads(answer)
        except ValueError:
            return answer
