"""DICOM in and out on our local stack and on Orthanc, side by side in turn: rates, ratios, and what binds.

Files come from dcmtk's storescu and go to its storescp, questions come from its findscu, all without Nagle's algorithm.
"""

from __future__ import annotations

import argparse
import itertools
import os
import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import requests

from tests.benchmarks.compare import HEADER, Measured, retrying_session, row
from tests.benchmarks.images import LARGE, SMALL, image, patient_id
from tests.benchmarks.servers import Server, nacre, orthanc
from tests.dicom.peers import receiver, run

SIZES = (("11 kB", SMALL), ("0.5 MB", LARGE))
ASSOCIATIONS = (1, 4)
SENT = 100
ANSWERS = 10
SEEDED_STUDIES = 300
FOUND_PATIENT = 1
SHOWN = ("PatientName", "StudyInstanceUID", "StudyDate", "StudyDescription", "AccessionNumber")
SENT_SERIES = 9_000_000
_series = itertools.count(1000)


@dataclass(frozen=True)
class Work:
    """`prepare` makes what one run of `count` operations needs and gives the run, which alone is measured."""

    name: str
    count: int
    prepare: Callable[[Server], Callable[[], None]]


def configure(parser: argparse.ArgumentParser) -> None:
    """Say how this is called."""
    parser.description = __doc__
    parser.add_argument("orthanc", type=Path, help="the executable of Orthanc")
    parser.add_argument("--rounds", type=int, default=5, help="how often the two take turns")
    parser.add_argument("--count", type=int, default=100, help="files or questions of one run")
    parser.add_argument("--only", default="*", help="pattern of the works that are measured")
    parser.set_defaults(run=measure)


def measure(arguments: argparse.Namespace) -> None:
    """Start both, measure, and print."""
    with ExitStack() as stack, TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "orthanc").mkdir()
        servers = [
            stack.enter_context(nacre(folder / "nacre", NACRE_DICOM_ALWAYS_ALLOW_FIND="true")),
            stack.enter_context(orthanc(arguments.orthanc, folder / "orthanc")),
        ]
        # What it gets, it does not keep: the disk is not what is measured.
        peer = stack.enter_context(receiver(folder / "received", "--ignore"))
        for server in servers:
            _seed(server, peer.modality())
        print(f"{os.cpu_count()} cores\n\n{HEADER}")
        for work in _works(folder, arguments.count):
            if fnmatchcase(work.name, arguments.only):
                pairs = [[measured(server, work) for server in servers] for _ in range(arguments.rounds)]
                print(row(work.name, pairs), flush=True)


def _works(folder: Path, count: int) -> Iterator[Work]:
    for (name, side), associations in itertools.product(SIZES, ASSOCIATIONS):
        prepare = partial(_store, folder=folder, side=side, count=count, associations=associations)
        yield Work(f"C-STORE {name}, {associations} at once", count // associations * associations, prepare)
    yield Work(f"C-FIND of {ANSWERS} answers", count, partial(find, count=count))
    for name, side in SIZES:
        yield Work(f"send {SENT} of {name}", SENT, partial(_send, side=side))


def _seed(server: Server, modality: dict[str, object]) -> None:
    """Fill a server: studies that are found, and series that are sent."""
    for study in range(SEEDED_STUDIES):
        _post(server, "/instances", image(SMALL, study, study, study, study // ANSWERS))
    for _, side in SIZES:
        for number in range(SENT):
            body = image(side, SENT_SERIES + side * SENT + number, SENT_SERIES + side, SENT_SERIES)
            _post(server, "/instances", body)
    retrying_session().put(f"{server.url}/modalities/peer", json=modality).raise_for_status()


def _post(server: Server, path: str, body: bytes) -> requests.Response:
    response = retrying_session().post(server.url + path, data=body)
    response.raise_for_status()
    return response


def _files(folder: Path, side: int, count: int) -> Path:
    """A new folder with files of a new series."""
    series = next(_series)
    made = folder / str(series)
    made.mkdir()
    for number in range(count):
        (made / str(number)).write_bytes(image(side, series * 10_000 + number, series, series))
    return made


def _store(server: Server, *, folder: Path, side: int, count: int, associations: int) -> Callable[[], None]:
    folders = [_files(folder, side, count // associations) for _ in range(associations)]

    def work() -> None:
        with ThreadPoolExecutor(associations) as pool:
            list(pool.map(partial(storescu, server.dicom_port), folders))

    return work


def storescu(port: int, folder: Path) -> None:
    """Send the files of a folder by one association."""
    done = run("storescu", "+sd", "127.0.0.1", str(port), str(folder))
    if done.returncode:
        raise RuntimeError(done.stderr)


def find(server: Server, *, count: int) -> Callable[[], None]:
    """Prepares so many questions by one association."""
    if _findscu(server, "--show-responses").count("I: Find Response:") != ANSWERS:
        raise RuntimeError(f"{server.name} does not give {ANSWERS} answers")

    def work() -> None:
        _findscu(server, "--quiet", "--repeat", str(count))

    return work


def _findscu(server: Server, *options: str) -> str:
    keys = ["QueryRetrieveLevel=STUDY", f"PatientID={patient_id(FOUND_PATIENT)}", *SHOWN]
    asked = [text for key in keys for text in ("-k", key)]
    done = run("findscu", "-S", *options, *asked, "127.0.0.1", str(server.dicom_port))
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout + done.stderr


def _send(server: Server, *, side: int) -> Callable[[], None]:
    uid = f"1.2.826.0.1.3680043.8.498.2.{1_000_000_000 + SENT_SERIES + side}"
    (series,) = _post(server, "/tools/lookup", uid.encode()).json()

    def work() -> None:
        response = _post(server, "/modalities/peer/store", series["ID"].encode())
        if response.status_code != 200 or response.json()["InstancesCount"] != SENT:
            raise RuntimeError(response.text)

    return work


def measured(server: Server, work: Work) -> Measured:
    """Do a work once."""
    execute = work.prepare(server)
    before = server.cpu_ms() | {"client": _client_cpu_ms()}
    began = time.perf_counter()
    execute()
    seconds = time.perf_counter() - began
    after = server.cpu_ms() | {"client": _client_cpu_ms()}
    return Measured(
        work.count / seconds, {kind: (ms - before[kind]) / work.count for kind, ms in after.items()}
    )


def _client_cpu_ms() -> float:
    """Ours, dcmtk's storescu included, which has ended by then."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (time.process_time() + children.ru_utime + children.ru_stime) * 1000
