"""Many senders at once: all that they send is stored, told once, and counted once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chalicelib.domain.levels import Level
from tests.dicom.peers import run
from tests.listener.node import Node, running_node
from tests.listener.peer import image
from tests.support.checker import problems

SENDERS = 16
EACH = 5
NEW = {
    Level.PATIENT: "NewPatient",
    Level.STUDY: "NewStudy",
    Level.SERIES: "NewSeries",
    Level.INSTANCE: "NewInstance",
}

Place = Callable[[int, int], dict[str, str]]
"""The elements of the n-th image of a sender."""


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with running_node(tmp_path / "node", dicom_threads_count=SENDERS) as running:
        yield running


def _own_study(sender: int, number: int) -> dict[str, str]:
    return {
        "PatientID": f"P{sender}",
        "StudyInstanceUID": f"1.2.{sender}",
        "SeriesInstanceUID": f"1.2.{sender}.1",
        "SOPInstanceUID": f"1.2.{sender}.1.{number}",
    }


def _one_series(sender: int, number: int) -> dict[str, str]:
    return {"SOPInstanceUID": f"1.2.3.{sender}.{number}"}


def _same_images(_sender: int, number: int) -> dict[str, str]:
    return {"SOPInstanceUID": f"1.2.3.{number}"}


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (_own_study, (SENDERS, SENDERS, SENDERS, SENDERS * EACH)),
        (_one_series, (1, 1, 1, SENDERS * EACH)),
        (_same_images, (1, 1, 1, EACH)),
    ],
)
def test_senders_at_once_lose_and_repeat_nothing(
    node: Node, tmp_path: Path, place: Place, expected: tuple[int, ...]
) -> None:
    folders = [tmp_path / str(sender) for sender in range(SENDERS)]
    for sender, folder in enumerate(folders):
        folder.mkdir()
        for number in range(EACH):
            image(**place(sender, number)).save_as(folder / str(number))
    with ThreadPoolExecutor(SENDERS) as pool:
        results = list(pool.map(lambda folder: send(node, folder), folders))
    assert results == [(0, EACH)] * SENDERS
    world = node.world
    world.settle()
    tally = world.services.tallies.current()
    assert tuple(tally.total(level) for level in Level) == expected
    told = Counter((entry.kind, entry.body["id"]) for entry in world.services.log.walk(0) if entry.is_shown)
    assert set(told.values()) == {1}
    kinds = Counter(kind for kind, _ in told)
    assert tuple(kinds[NEW[level]] for level in Level) == expected
    assert problems(world) == []
    assert list(node.folder.iterdir()) == []


def send(node: Node, folder: Path) -> tuple[int, int]:
    """Send a folder by dcmtk; gives its exit code and how many successes it was told of."""
    done = run("storescu", "-v", "+sd", "-aec", "NACRE", "127.0.0.1", str(node.port), str(folder))
    return done.returncode, (done.stdout + done.stderr).count("Received Store Response (Success)")
