"""The whole store as a user starts it: ``python -m infra.local`` in processes of its own, on free ports."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
START_SECONDS = 60


class RunningStack:
    """One stack over one data folder; can be killed and started again."""

    def __init__(self, data: Path, **environment: str) -> None:
        self.data = data
        self.port = free_port()
        self.dicom_port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.output = ""
        self.errors = ""
        self._environment = environment
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        """The process that started the others."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start, and wait until the stack says that it is ready."""
        self._process = spawn(
            self.data, self.port, NACRE_DICOM_PORT=str(self.dicom_port), **self._environment
        )
        assert self._process.stdout is not None
        watchdog = threading.Timer(START_SECONDS, self.kill)
        watchdog.start()
        self.output = self._process.stdout.readline()
        watchdog.cancel()
        if "ready" not in self.output:
            _, self.errors = self._process.communicate()
            raise AssertionError(f"the stack did not start: {self.output}{self.errors}")

    def stop(self, signal_number: int = signal.SIGTERM, *, whole_group: bool = False) -> int:
        """Ask the stack to stop, or each of its processes, as Ctrl-C does; returns its exit code."""
        assert self._process is not None
        if whole_group:
            os.killpg(self.pid, signal_number)
        else:
            self._process.send_signal(signal_number)
        return self.wait()

    def wait(self) -> int:
        """Wait until the stack has ended; returns its exit code."""
        assert self._process is not None
        try:
            rest, self.errors = self._process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self.output += rest
        return self._process.returncode

    @property
    def children(self) -> list[int]:
        """The processes that it started."""
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def kill(self) -> None:
        """Kill every process of the stack at once."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()


def spawn(data: Path, port: int, **environment: str) -> subprocess.Popen[str]:
    """Start a stack in a process group of its own."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("NACRE_", "AWS_"))}
    env |= {"NACRE_HTTP_PORT": str(port), "NACRE_DATA": str(data), **environment}
    return subprocess.Popen(
        [sys.executable, "-m", "infra.local"],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@contextmanager
def running_stack(data: Path, **environment: str) -> Iterator[RunningStack]:
    """A stack that is running, and is gone afterwards."""
    stack = RunningStack(data, **environment)
    try:
        stack.start()
        yield stack
    finally:
        stack.kill()


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
