#!/usr/bin/env python3
"""Follow the changes of Nacre or Orthanc, one line on standard output for each.

The number of the last change that was handled stands in a state file, written after each of them: a restart goes on
behind it. Only a process that is killed between printing a line and writing the file prints that one line again.

    python poll_changes.py --url http://localhost:8042
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
TIMEOUT_SECONDS = 30
FIRST_PAUSE_SECONDS = 1.0
LAST_PAUSE_SECONDS = 60.0


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


class Follower:
    """Reads the changes of one server, page by page."""

    def __init__(self, url: str, user: tuple[str, str] | None, state: State, stop: threading.Event) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.auth = user
        self._state = state
        self._stop = stop

    def recognize(self) -> None:
        """Begin anew if the state is that of another server, whose numbers mean nothing here."""
        server = self._get("/system")["DatabaseServerIdentifier"]
        if self._state.server and self._state.server != server:
            print("Another server than before: its changes are followed from the first", file=sys.stderr)
            self._state.last = 0
        self._state.server = server

    def read_page(self) -> bool:
        """Handle the next changes; says whether there are no more for now."""
        page = self._get(f"/changes?since={self._state.last}&limit={LIMIT}")
        for change in page["Changes"]:
            if self._stop.is_set():
                return True
            handle(change)
            self._state.last = change["Seq"]
            self._state.save()
        done: bool = page["Done"]
        if not page["Changes"] and page["Last"] > self._state.last:
            self._state.last = page["Last"]  # what lay in between has been deleted
            self._state.save()
        return done

    def _get(self, path: str) -> Any:
        response = self._session.get(self._url + path, timeout=TIMEOUT_SECONDS)
        response.raise_for_status()
        return response.json()


def handle(change: dict[str, Any]) -> None:
    """Do what is to be done for a change. Here: print it."""
    print(change["Seq"], change["Date"], change["ChangeType"], change["Path"], flush=True)


def follow(follower: Follower, stop: threading.Event, interval_seconds: float, *, once: bool) -> int:
    """Follow until told to stop, or, with `once`, until there are no more changes; returns the exit code."""
    pause = FIRST_PAUSE_SECONDS
    is_recognized = False
    while not stop.is_set():
        try:
            if not is_recognized:
                follower.recognize()
                is_recognized = True
            done = follower.read_page()
        except requests.RequestException as error:
            status = error.response.status_code if error.response is not None else 0
            if status in (401, 403):
                print("The server does not accept the user", file=sys.stderr)
                return 1
            print(f"{type(error).__name__} {status or ''}: trying again", file=sys.stderr)
            is_recognized = False  # it may be another one when it is back
            stop.wait(random.uniform(pause / 2, pause))
            pause = min(2 * pause, LAST_PAUSE_SECONDS)
            continue
        pause = FIRST_PAUSE_SECONDS
        if done and once:
            break
        if done:
            stop.wait(interval_seconds)
    return 0


def credentials(text: str) -> tuple[str, str] | None:
    """A user's name and password from ``NAME:PASSWORD``; without a password, it is asked for."""
    if not text:
        return None
    name, colon, password = text.partition(":")
    return name, password if colon else getpass.getpass(f"Password of {name}: ")


def main(arguments: Sequence[str] | None = None) -> int:
    """Follow the changes; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", default="http://localhost:8042", help="the server (default: %(default)s)")
    parser.add_argument("--user", default="", metavar="NAME[:PASSWORD]", help="asks for a missing password")
    parser.add_argument(
        "--state",
        type=Path,
        default=Path("poll_changes.state"),
        help="the state file (default: ./%(default)s)",
    )
    parser.add_argument(
        "--interval", type=float, default=1.0, help="seconds between polls at the end (default: %(default)s)"
    )
    parser.add_argument("--once", action="store_true", help="stop at the end of the changes")
    options = parser.parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    state = State(options.state)
    follower = Follower(options.url.rstrip("/"), credentials(options.user), state, stop)
    return follow(follower, stop, options.interval, once=options.once)


if __name__ == "__main__":
    sys.exit(main())
