"""The same work on our local stack and on Orthanc, side by side in turn, over HTTP: rates, ratios, and what binds."""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from tests.benchmarks.images import LARGE, SMALL, image, multi_frame
from tests.benchmarks.searches import searches
from tests.benchmarks.servers import Server, nacre, orthanc

SEEDED = 1000
PER_SERIES = 20
BATCH = 100
ARCHIVED = 100
FRAMES = 15  # 8 MB
ARCHIVES = 2
HEADER = (
    "| work | Nacre, 1/s | Orthanc, 1/s | Nacre : Orthanc | CPU with Nacre, ms each | cores busy "
    "| CPU with Orthanc, ms each | cores busy |\n|---|---:|---:|---:|---|---:|---|---:|"
)
_numbers = itertools.count(1)
_local = threading.local()


@dataclass(frozen=True)
class Measured:
    """One run of a work on one server: how many a second, and the CPU (ms each) by kind of process, ours included."""

    rate: float
    cpu_ms: dict[str, float]

    @property
    def cores(self) -> float:
        """How many cores were busy: where it is all that the machine has, they are what binds."""
        return self.rate * sum(self.cpu_ms.values()) / 1000


@dataclass(frozen=True)
class Work:
    """`count` requests by `clients` at once; `request` makes the n-th."""

    name: str
    clients: int
    count: int
    request: Callable[[Server, int], requests.Response]


def configure(parser: argparse.ArgumentParser) -> None:
    """Say how this is called."""
    parser.description = __doc__
    parser.add_argument("orthanc", type=Path, help="the executable of Orthanc")
    parser.add_argument("--rounds", type=int, default=5, help="how often the two take turns")
    parser.add_argument("--count", type=int, default=BATCH, help="requests of one run")
    parser.add_argument("--only", default="*", help="pattern of the works that are measured")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Start both, measure, and print a table."""
    with ExitStack() as stack, TemporaryDirectory() as folder:
        ours, theirs = Path(folder, "nacre"), Path(folder, "orthanc")
        theirs.mkdir()
        servers = [stack.enter_context(nacre(ours)), stack.enter_context(orthanc(arguments.orthanc, theirs))]
        paths = [_seed(server) for server in servers]
        print(f"{os.cpu_count()} cores\n\n{HEADER}")
        for work in _works(paths[0], arguments.count):
            if not fnmatchcase(work.name, arguments.only):
                continue
            pairs = [[_measure(server, work) for server in servers] for _ in range(arguments.rounds)]
            print(row(work.name, pairs), flush=True)


def row(name: str, pairs: Sequence[Sequence[Measured]]) -> str:
    """A row below `HEADER`, of rounds of ours and Orthanc's runs."""
    mine, other = zip(*pairs, strict=True)
    ratio = statistics.median(a.rate / b.rate for a, b in pairs)
    return f"| {name} | {_rate(mine):.3g} | {_rate(other):.3g} | {ratio:.2f} | {_cpu(mine)} | {_cpu(other)} |"


def _rate(runs: tuple[Measured, ...]) -> float:
    return statistics.median(run.rate for run in runs)


def _cpu(runs: tuple[Measured, ...]) -> str:
    kinds = {kind: statistics.median(run.cpu_ms[kind] for run in runs) for kind in runs[0].cpu_ms}
    shown = ", ".join(f"{kind} {ms:.1f}" for kind, ms in kinds.items())
    return f"{shown} | {statistics.median(run.cores for run in runs):.1f}"


def _seed(server: Server) -> dict[str, str]:
    """Fill a server; gives the paths that are read."""
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(
            lambda n: retrying_session().post(f"{server.url}/instances", _seeded(n)).json(), range(SEEDED)
        )
        first = next(iter(answers))
        list(answers)
    large = (
        retrying_session()
        .post(f"{server.url}/instances", image(LARGE, 9_000_000, 9_000_000, 9_000_000))
        .json()
    )
    for number in range(9_000_001, 9_000_001 + ARCHIVED):
        body = image(LARGE, number, 9_000_001, 9_000_001)
        archived = retrying_session().post(f"{server.url}/instances", body).json()
    many = retrying_session().post(f"{server.url}/instances", multi_frame(FRAMES, 9_100_000)).json()
    return {
        "instance": large["Path"],
        "frames": many["Path"],
        "series": f"/series/{first['ParentSeries']}",
        "archive": f"/studies/{archived['ParentStudy']}/archive",
    }


def _seeded(number: int) -> bytes:
    series = number // PER_SERIES
    return image(SMALL, number, series, series // 2, series // 4)


def _works(paths: dict[str, str], count: int) -> Iterator[Work]:
    for clients, (name, side) in itertools.product((1, 8), (("11 kB", SMALL), ("0.5 MB", LARGE))):
        yield Work(f"upload {name}, {clients} at once", clients, count, _upload(side))
    reads = {
        "instance": paths["instance"],
        f"series of {PER_SERIES}": paths["series"],
        "file of 0.5 MB": f"{paths['instance']}/file",
        "tags": f"{paths['instance']}/tags",
        "preview, 512x512": f"{paths['instance']}/preview",
        f"frame of {FRAMES}, raw": f"{paths['frames']}/frames/{FRAMES - 5}/raw",
        f"preview of a frame of {FRAMES}": f"{paths['frames']}/frames/{FRAMES - 5}/preview",
        "list of 20 at 0": "/instances?since=0&limit=20",
        "list of 20 at 500": "/instances?since=500&limit=20",
        "changes, 100": "/changes?since=100&limit=100",
        "system": "/system",
    }
    for (name, path), clients in itertools.product(reads.items(), (1, 8)):
        yield Work(f"GET {name}, {clients} at once", clients, count, _get(path))
    for (name, body), clients in itertools.product(searches().items(), (1, 8)):
        yield Work(f"{name}, {clients} at once", clients, count, _post("/tools/find", body))
    yield Work(f"archive of {ARCHIVED} files of 0.5 MB", 1, ARCHIVES, _get(paths["archive"]))


def _upload(side: int) -> Callable[[Server, int], requests.Response]:
    series = next(_numbers)

    def request(server: Server, number: int) -> requests.Response:
        return retrying_session().post(
            f"{server.url}/instances", image(side, 10_000_000 + number, 1_000 + series)
        )

    return request


def _get(path: str) -> Callable[[Server, int], requests.Response]:
    return lambda server, _: retrying_session().get(server.url + path)


def _post(path: str, body: bytes) -> Callable[[Server, int], requests.Response]:
    return lambda server, _: retrying_session().post(server.url + path, data=body)


def _measure(server: Server, work: Work) -> Measured:
    first = next(_numbers) * 100_000
    _check(work.request(server, first))
    before = server.cpu_ms() | {"client": time.process_time() * 1000}
    began = time.perf_counter()
    with ThreadPoolExecutor(work.clients) as pool:
        for response in pool.map(lambda n: work.request(server, first + 1 + n), range(work.count)):
            _check(response)
    seconds = time.perf_counter() - began
    after = server.cpu_ms() | {"client": time.process_time() * 1000}
    used = {kind: (ms - before[kind]) / work.count for kind, ms in after.items()}
    return Measured(work.count / seconds, used)


def _check(response: requests.Response) -> None:
    if not response.ok:
        raise RuntimeError(f"{response.request.method} {response.request.url}: {response.status_code}")


def retrying_session() -> requests.Session:
    """The session of this thread."""
    if not hasattr(_local, "session"):
        _local.session = requests.Session()
        # Orthanc closes a connection that was idle for a second, which may cross the next request.
        _local.session.mount("http://", HTTPAdapter(max_retries=Retry(3, allowed_methods=None)))
    session: requests.Session = _local.session
    return session
