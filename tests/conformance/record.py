"""Record what Orthanc answers: ``python -m tests.conformance.record ORTHANC [--port N] [--only NAME ...]``.

Starts the executable on an empty temporary folder, plays every scenario (or those named), writes the recordings
and stops it. Recording the same again leaves the recordings as they are.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conformance import one_file
from tests.conformance.corpus import corpus
from tests.conformance.exchanges import Request, save
from tests.conformance.session import Session
from tests.conformance.topics import SCENARIOS
from tests.support.client import Answer

STABLE_AFTER_SECONDS = 6.0
START_SECONDS = 30.0


class Orthanc:
    """A running Orthanc."""

    def __init__(self, port: int) -> None:
        self._port = port

    def send(self, request: Request) -> Answer:
        """Send a request and wait for the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request(request.method, request.path, request.body.data or None, dict(request.headers))
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, headers, response.read())
        finally:
            connection.close()

    def wait_until_stable(self) -> None:
        """Let `StableAge` pass."""
        time.sleep(STABLE_AFTER_SECONDS)

    def work(self) -> None:
        """Wait until no job is waiting or running."""
        while any(job["State"] in ("Pending", "Running", "Retry") for job in self._jobs()):
            time.sleep(0.05)
        time.sleep(0.05)

    def _jobs(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = json.loads(self.send(Request("GET", "/jobs?expand")).body)
        return found

    def catch_up(self) -> None:
        """Orthanc does everything at once."""


@contextmanager
def running(executable: str, port: int, options: dict[str, object]) -> Iterator[Orthanc]:
    """An Orthanc with an empty store."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "config.json")
        config.write_text(json.dumps({**_config(folder, port), **options}))
        environment = os.environ | {"TCP_NODELAY": "1", "TZ": "UTC"}
        process = subprocess.Popen(
            [executable, str(config)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            orthanc = Orthanc(port)
            _wait_for(orthanc, process)
            yield orthanc
        finally:
            process.terminate()
            process.wait(30)


def _config(folder: str, port: int) -> dict[str, object]:
    return {
        "AuthenticationEnabled": False,
        "DicomServerEnabled": False,
        "HttpPort": port,
        "IndexDirectory": folder,
        "Name": "Store",
        "RemoteAccessAllowed": False,
        "StableAge": 3600,
        "StorageDirectory": folder,
    }


def _wait_for(orthanc: Orthanc, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            orthanc.send(Request("GET", "/system"))
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("Orthanc does not start")


def main() -> None:
    """Record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("executable", help="path of Orthanc 1.12.7, without plugins")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="NAME", help="scenarios (topic/name) or files to record"
    )
    parser.add_argument("--port", type=int, default=18_042, help="HTTP port on the loopback interface")
    given = parser.parse_args()
    wanted = set(given.only) or {*SCENARIOS, *corpus()}
    for name in sorted(wanted & SCENARIOS.keys()):
        play, options = SCENARIOS[name]
        with running(given.executable, given.port, options) as orthanc:
            session = Session(orthanc)
            play(session)
            save(name, session.exchanges)
    with running(given.executable, given.port, {}) as orthanc:
        for name in sorted(wanted & corpus().keys()):
            session = Session(orthanc)
            one_file.play(session, name, corpus()[name])
            save(name, session.exchanges)
            print(f"{name}: {len(session.exchanges)}", file=sys.stderr)


if __name__ == "__main__":
    main()
