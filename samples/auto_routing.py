#!/usr/bin/env python3
"""Send what arrives in Nacre or Orthanc to a modality, as "Auto-routing" in the Orthanc Book does by polling.

Each new instance is sent, or with --on StableStudy each study once nothing more has come for a while. The number of
the last change that was handled stands in a state file, written after what it tells of has been sent: a restart goes
on behind it. Who is killed in between sends the same instances again, which their receiver has already.

As long as the modality does not answer an echo, nothing is passed over. What a modality that answers refuses again
and again is told on standard error, and left.

    python auto_routing.py PACS --url http://localhost:8042
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import random
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests

LIMIT = 100
TIMEOUT_SECONDS = 60
FIRST_PAUSE_SECONDS = 1.0
LAST_PAUSE_SECONDS = 60.0
ATTEMPTS = 5
FINAL_STATES = ("Success", "Failure")
CHANGES = ("NewInstance", "StableSeries", "StableStudy", "StablePatient")


class Refused(Exception):
    """The modality or the server did not do what was asked; the message tells what the server says of it."""


class Stopped(Exception):
    """The user wants an end."""


class State:
    """The position in a server's changes, kept in a file that is replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.server = ""
        self.last = 0
        if path.exists():
            kept = json.loads(path.read_text(encoding="utf-8"))
            self.server, self.last = kept["server"], kept["last"]

    def save(self) -> None:
        """Keep the position, so that it survives whatever happens."""
        beside = self._path.with_name(f"{self._path.name}.new")
        with beside.open("w", encoding="utf-8") as file:
            json.dump({"server": self.server, "last": self.last}, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)


class Pauses:
    """Waits, each time longer and a little at random, until told that all is well."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self.reset()

    def reset(self) -> None:
        """All is well."""
        self._next = FIRST_PAUSE_SECONDS

    def wait(self) -> None:
        """Wait; raises `Stopped` if the user wants an end."""
        if self._stop.wait(random.uniform(self._next / 2, self._next)):
            raise Stopped
        self._next = min(2 * self._next, LAST_PAUSE_SECONDS)


class Router:
    """Follows the changes of one server and sends what they tell of, page by page."""

    def __init__(
        self,
        url: str,
        user: tuple[str, str] | None,
        modality: str,
        change_type: str,
        state: State,
        pauses: Pauses,
    ) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.auth = user
        self._modality = modality
        self._change_type = change_type
        self._state = state
        self._pauses = pauses

    def recognize(self) -> bool:
        """Begin anew if the state is that of another server; says whether this one knows the modality."""
        server = self._get("/system").get("DatabaseServerIdentifier", "")  # before 1.11 Orthanc had none
        if self._state.server and self._state.server != server:
            print("Another server than before: its changes are followed from the first", file=sys.stderr)
            self._state.last = 0
        self._state.server = server
        return self._modality in self._get("/modalities")

    def read_page(self) -> bool:
        """Send what the next changes tell of; says whether there are no more for now."""
        page = self._get(f"/changes?since={self._state.last}&limit={LIMIT}")
        wanted = [one for one in page["Changes"] if one["ChangeType"] == self._change_type]
        self._route({one["ID"]: one["Path"] for one in wanted})
        last = page["Changes"][-1]["Seq"] if page["Changes"] else page["Last"]
        if last > self._state.last:
            self._state.last = last
            self._state.save()
        return bool(page["Done"])

    def _route(self, paths: dict[str, str]) -> None:
        """Send resources by one association; if that fails, each by itself."""
        if not paths:
            return
        try:
            self._send(list(paths))
        except Refused:
            for identifier, path in paths.items():
                self._insist(identifier, path)
        else:
            for identifier in paths:
                print(f"sent {identifier}", flush=True)

    def _insist(self, identifier: str, path: str) -> None:
        """Send one resource, unless it is gone, or a modality that answers refuses it again and again."""
        refusals = 0
        while self._exists(path):
            try:
                self._send([identifier])
            except Refused as error:
                refusals += self._answers()
                if refusals == ATTEMPTS:
                    print(f"left {identifier}: {error}", file=sys.stderr, flush=True)
                    break
                self._pauses.wait()
            else:
                print(f"sent {identifier}", flush=True)
                break
        self._pauses.reset()

    def _send(self, identifiers: list[str]) -> None:
        """Have resources sent, and wait for the end; raises `Refused`."""
        body = {"Resources": identifiers, "Synchronous": True}
        answer = self._post(f"/modalities/{self._modality}/store", body)
        if answer.status_code == 202:  # Nacre: it takes longer than a request may
            self._follow_job(answer.json()["Path"])

    def _follow_job(self, path: str) -> None:
        while (job := self._get(path))["State"] not in FINAL_STATES:
            self._pauses.wait()
        self._pauses.reset()
        if job["State"] == "Failure":
            raise Refused(job.get("ErrorDetails") or job["ErrorDescription"])

    def _answers(self) -> bool:
        """Whether the modality answers an echo."""
        try:
            self._post(f"/modalities/{self._modality}/echo", {})
        except Refused:
            return False
        return True

    def _exists(self, path: str) -> bool:
        response = self._session.get(self._url + path, timeout=TIMEOUT_SECONDS)
        if response.status_code == 404:
            return False
        response.raise_for_status()
        return True

    def _get(self, path: str) -> Any:
        response = self._session.get(self._url + path, timeout=TIMEOUT_SECONDS)
        response.raise_for_status()
        return response.json()

    def _post(self, path: str, body: dict[str, Any]) -> requests.Response:
        """Ask something of the modality; raises `Refused`, or `requests.HTTPError` if the server itself is to blame."""
        response = self._session.post(self._url + path, json=body, timeout=TIMEOUT_SECONDS)
        if response.status_code in (404, 500):  # Orthanc's status for whatever a modality does not do
            raise Refused(_reason(response))
        response.raise_for_status()
        return response


def _reason(response: requests.Response) -> str:
    try:
        error = response.json()
    except ValueError:
        return response.reason
    return str(error.get("Details") or error.get("Message") or response.reason)


def follow(
    router: Router, modality: str, pauses: Pauses, stop: threading.Event, seconds: float, *, once: bool
) -> int:
    """Follow until told to stop, or, with `once`, until there are no more changes; returns the exit code."""
    is_recognized = False
    while not stop.is_set():
        try:
            if not is_recognized and not router.recognize():
                print(f"The server knows no modality {modality}", file=sys.stderr)
                return 1
            is_recognized = True
            done = router.read_page()
        except Stopped:
            break
        except requests.RequestException as error:
            status = error.response.status_code if error.response is not None else 0
            if status in (401, 403):
                print("The server does not accept the user", file=sys.stderr)
                return 1
            print(f"{type(error).__name__} {status or ''}: trying again", file=sys.stderr)
            is_recognized = False  # it may be another one when it is back
            try:
                pauses.wait()
            except Stopped:
                break
            continue
        pauses.reset()
        if done and once:
            break
        if done:
            stop.wait(seconds)
    return 0


def credentials(text: str) -> tuple[str, str] | None:
    """A user's name and password from ``NAME:PASSWORD``; without a password, it is asked for."""
    if not text:
        return None
    name, colon, password = text.partition(":")
    return name, password if colon else getpass.getpass(f"Password of {name}: ")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = made.add_argument
    add("modality", help="the symbolic name of the modality that everything is sent to")
    add("--url", default="http://localhost:8042", help="the server (default: %(default)s)")
    add("--user", default="", metavar="NAME[:PASSWORD]", help="asks for a missing password")
    add("--on", choices=CHANGES, default=CHANGES[0], help="what is sent when (default: %(default)s)")
    add(
        "--state",
        type=Path,
        default=Path("auto_routing.state"),
        help="the state file (default: ./%(default)s)",
    )
    add("--interval", type=float, default=1.0, help="seconds between polls at the end (default: %(default)s)")
    add("--once", action="store_true", help="stop at the end of the changes")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Route; returns the exit code."""
    options = parser().parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    pauses = Pauses(stop)
    url = options.url.rstrip("/")
    user, state = credentials(options.user), State(options.state)
    router = Router(url, user, options.modality, options.on, state, pauses)
    return follow(router, options.modality, pauses, stop, options.interval, once=options.once)


if __name__ == "__main__":
    sys.exit(main())
