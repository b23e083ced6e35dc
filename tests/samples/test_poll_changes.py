"""The loop that follows changes loses and repeats none, whatever restarts."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from samples import poll_changes
from tests.support.stack import ROOT, running_stack
from tests.upload.files import ct, dicom, mr

SCRIPT = ROOT / "samples" / "poll_changes.py"


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with running_stack(tmp_path / "data") as stack:
        yield stack.url


def command(url: str, state: Path, *more: str) -> list[str]:
    return [sys.executable, str(SCRIPT), "--url", url, "--state", str(state), *more]


def poll(url: str, state: Path) -> list[str]:
    found = subprocess.run(
        command(url, state, "--once"), capture_output=True, text=True, check=True, timeout=60
    )
    return found.stdout.splitlines()


def types(lines: list[str]) -> list[str]:
    return [line.split()[2] for line in lines]


def upload(url: str, data: bytes) -> None:
    assert requests.post(f"{url}/instances", data=data, timeout=10).ok


NEW = ["NewInstance", "NewSeries", "NewStudy", "NewPatient"]


def test_a_restart_goes_on_behind_the_last_change(tmp_path: Path, url: str) -> None:
    state = tmp_path / "state"
    upload(url, ct())
    assert types(poll(url, state)) == NEW
    assert poll(url, state) == []
    upload(url, mr())
    assert types(poll(url, state)) == NEW


def test_a_running_poller_prints_at_once_and_stops_cleanly(tmp_path: Path, url: str) -> None:
    state = tmp_path / "state"
    process = subprocess.Popen(
        command(url, state, "--interval", "0.1"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    upload(url, dicom("rtplan.dcm"))
    lines = [process.stdout.readline() for _ in range(4)]
    assert types(lines) == NEW
    process.send_signal(signal.SIGTERM)
    rest, errors = process.communicate(timeout=20)
    assert (process.returncode, rest, errors) == (0, "", "")
    assert poll(url, state) == []


class Pages:
    """Stands for a server: gives what it is told to, or fails."""

    def __init__(self, answers: list[Any]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def get(self, url: str, timeout: float) -> Any:
        assert timeout > 0
        self.asked.append(url)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        response = requests.Response()
        response.status_code = answer if isinstance(answer, int) else 200
        response._content = json.dumps(answer).encode()
        return response


def page(*numbers: int, done: bool = True, last: int = 0) -> dict[str, Any]:
    entries = [{"Seq": n, "Date": "d", "ChangeType": "NewPatient", "Path": "/patients/1"} for n in numbers]
    return {"Changes": entries, "Done": done, "Last": last or max(numbers, default=0)}


SERVER = {"DatabaseServerIdentifier": "one"}


class Stop(threading.Event):
    """Notes the pauses instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.pauses.append(timeout or 0)
        return self.is_set()


def follow(tmp_path: Path, *answers: Any) -> tuple[int, Pages, Stop]:
    stop = Stop()
    follower = poll_changes.Follower("", None, poll_changes.State(tmp_path / "state"), stop)
    pages = Pages(list(answers))
    follower._session = pages  # type: ignore[assignment]
    return poll_changes.follow(follower, stop, 1, once=True), pages, stop


def printed(capsys: pytest.CaptureFixture[str]) -> list[int]:
    return [int(line.split()[0]) for line in capsys.readouterr().out.splitlines()]


def test_errors_are_waited_out_longer_and_longer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    away = requests.ConnectionError()
    code, _, stop = follow(
        tmp_path,
        away,
        503,
        *[away] * 8,
        SERVER,
        page(1),
    )
    assert (code, printed(capsys)) == (0, [1])
    assert all(later <= 60 for later in stop.pauses)
    assert stop.pauses[0] <= 1 < stop.pauses[-1]


def test_a_failure_between_two_pages_repeats_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = page(1, 2, done=False)
    code, pages, _ = follow(tmp_path, SERVER, first, requests.Timeout(), SERVER, page(3))
    assert (code, printed(capsys)) == (0, [1, 2, 3])
    assert pages.asked[-1] == "/changes?since=2&limit=100"


def test_a_crash_while_handling_repeats_that_change_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(change: dict[str, Any]) -> None:
        if change["Seq"] == 2:
            raise RuntimeError
        print(change["Seq"])

    monkeypatch.setattr(poll_changes, "handle", crash)
    with pytest.raises(RuntimeError):
        follow(tmp_path, SERVER, page(1, 2, 3))
    monkeypatch.undo()
    _, pages, _ = follow(tmp_path, SERVER, page(2, 3))
    assert printed(capsys) == [1, 2, 3]
    assert pages.asked[-1] == "/changes?since=1&limit=100"


def test_numbers_of_another_server_mean_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    follow(tmp_path, SERVER, page(700))
    follow(tmp_path, {"DatabaseServerIdentifier": "two"}, page(1))
    assert printed(capsys) == [700, 1]


def test_deleted_changes_are_passed(tmp_path: Path) -> None:
    follow(tmp_path, SERVER, page(last=50))
    _, pages, _ = follow(tmp_path, SERVER, page())
    assert pages.asked[-1] == "/changes?since=50&limit=100"


def test_a_user_who_may_not_is_told(tmp_path: Path) -> None:
    assert follow(tmp_path, 401)[0] == 1


def test_the_state_is_replaced_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = poll_changes.State(tmp_path / "state")
    state.server, state.last = "one", 5
    state.save()

    def full(*_arguments: Any) -> None:
        raise OSError("No space left")

    monkeypatch.setattr(poll_changes.os, "fsync", full)
    state.last = 6
    with pytest.raises(OSError, match="No space"):
        state.save()
    assert poll_changes.State(tmp_path / "state").last == 5


def test_the_command_line_explains_itself() -> None:
    found = subprocess.run(
        [sys.executable, str(SCRIPT), "--help"], capture_output=True, text=True, check=True
    )
    assert "--state" in found.stdout
