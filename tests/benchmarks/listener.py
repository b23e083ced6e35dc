"""The listener's processes with AWS stubbed, beside Orthanc in turn: what the listener itself can do.

They share one port, as in the container; peers are dcmtk's, in processes of their own. A stub in each process answers
instead of DynamoDB and S3, at once, with what the emulator answered before to the same kind of request.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import multiprocessing
import os
import socket
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from chalicelib.observability import Telemetry
from dicom_listener.container import BACKLOG
from dicom_listener.monitor import Monitor
from dicom_listener.process import make_listener
from tests.benchmarks.compare import HEADER, row
from tests.benchmarks.costs import Recorded, Recording, Replaying, kind_of
from tests.benchmarks.dicom import ANSWERS, Work, find, measured, storescu
from tests.benchmarks.images import LARGE, SMALL, image
from tests.benchmarks.servers import Server, orthanc, post
from tests.listener.node import Node, running_node
from tests.support.inprocess import answer
from tests.support.local_world import unsigned
from tests.support.world import World

PROCESSES = 2
ASSOCIATIONS = 4
SIZES = (("11 kB", SMALL), ("0.5 MB", LARGE))
STUDIES = 4 * ANSWERS
SERIES = 9_000_000
_numbers = itertools.count(1)


def configure(parser: argparse.ArgumentParser) -> None:
    """Say how this is called."""
    parser.description = __doc__
    parser.add_argument("orthanc", type=Path, help="the executable of Orthanc")
    parser.add_argument("--rounds", type=int, default=5, help="how often the two take turns")
    parser.add_argument("--count", type=int, default=200, help="files or questions of one run")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Measure and print a table for each size of files, since a stub knows one series."""
    print(f"{os.cpu_count()} cores\n\n{HEADER}")
    for name, side in SIZES:
        with ExitStack() as stack, TemporaryDirectory() as made:
            folder = Path(made)
            (folder / "orthanc").mkdir()
            theirs = stack.enter_context(orthanc(arguments.orthanc, folder / "orthanc"))
            for body in _seed(side):
                post(theirs, "/instances", body)
            servers = [stack.enter_context(_stubbed(folder / "ours", side)), theirs]
            for work in _works(folder, name, side, arguments.count):
                pairs = [[measured(server, work) for server in servers] for _ in range(arguments.rounds)]
                print(row(work.name, pairs), flush=True)


def _seed(side: int) -> Iterator[bytes]:
    """Studies that are found, and the first of the series that files are sent to."""
    for study in range(STUDIES):
        yield image(SMALL, study, study, study, study // ANSWERS)
    yield image(side, SERIES, SERIES, SERIES)


def _works(folder: Path, name: str, side: int, count: int) -> Iterator[Work]:
    store = partial(_store, folder=folder, side=side, count=count)
    yield Work(f"C-STORE {name}, {ASSOCIATIONS} at once", count // ASSOCIATIONS * ASSOCIATIONS, store)
    if side == LARGE:
        yield Work(f"C-FIND of {ANSWERS} answers, 1 at once", count, partial(find, count=count))
        several = partial(_finds, count=count // ASSOCIATIONS)
        yield Work(f"C-FIND of {ANSWERS} answers, {ASSOCIATIONS} at once", count, several)


def _store(server: Server, *, folder: Path, side: int, count: int) -> Callable[[], None]:
    folders = [_files(folder, side, count // ASSOCIATIONS) for _ in range(ASSOCIATIONS)]

    def work() -> None:
        with ThreadPoolExecutor(ASSOCIATIONS) as pool:
            list(pool.map(partial(storescu, server.dicom_port), folders))

    return work


def _finds(server: Server, *, count: int) -> Callable[[], None]:
    works = [find(server, count=count) for _ in range(ASSOCIATIONS)]

    def work() -> None:
        with ThreadPoolExecutor(ASSOCIATIONS) as pool:
            for done in [pool.submit(one) for one in works]:
                done.result()

    return work


def _files(folder: Path, side: int, count: int) -> Path:
    """A new folder with new files of the series."""
    made = folder / str(next(_numbers))
    made.mkdir()
    for _ in range(count):
        number = next(_numbers)
        (made / str(number)).write_bytes(image(side, SERIES + number, SERIES, SERIES))
    return made


@contextmanager
def _stubbed(folder: Path, side: int) -> Iterator[Server]:
    """Our processes, from when all of them accept associations."""
    spawn = multiprocessing.get_context("spawn")
    with socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) as listening, ExitStack() as stack:
        processes = []
        for number in range(PROCESSES):
            ours, theirs = spawn.Pipe()
            arguments = (listening, folder / str(number), side, theirs)
            process = spawn.Process(target=_serve, args=arguments, daemon=True)
            process.start()
            theirs.close()
            stack.callback(process.join)
            stack.callback(ours.close)  # by which it ends
            processes.append((process, ours))
        for _, ready in processes:
            ready.recv()
        pids = [process.pid or 0 for process, _ in processes]
        yield Server("Nacre", "", int(listening.getsockname()[1]), {"listener": pids})


def _serve(listening: socket.socket, folder: Path, side: int, parent: Connection) -> None:
    """What a process does."""
    folder.mkdir(parents=True)
    with running_node(folder / "node", dicom_always_allow_find=True) as node:
        world = node.world
        world.dynamodb.meta.events.unregister("choose-signer.dynamodb", unsigned)  # on AWS all are signed
        for body in _seed(side):
            world.services.ingest.store(body)
        with _Stub(world, _recorded(node, folder, side)):
            telemetry = Telemetry(logging.getLogger("stubbed"), None)
            settings, services = world.services.settings, world.services
            listener = make_listener(
                settings, services, listening, node.folder, telemetry, Monitor(telemetry)
            )
            listener.start()
            parent.send("ready")
            try:
                parent.recv()
            except EOFError:
                listener.drain(1)
        world.calls.reset()


def _recorded(node: Node, folder: Path, side: int) -> Recorded:
    """The answers to one C-STORE by the kind of request, and to one C-FIND by the very requests."""
    here = Server("recorded", "", node.port, {})
    (folder / "first").mkdir()
    (folder / "first" / "file").write_bytes(image(side, SERIES + 999_999, SERIES, SERIES))
    find(here, count=1)()  # what is remembered from now on
    with Recording(node.world) as stored:
        storescu(node.port, folder / "first")
    with Recording(node.world, _exactly) as found:
        find(here, count=1)()
    return defaultdict(deque, {**stored, **found})


def _exactly(request: AWSPreparedRequest) -> str:
    body = request.body
    return f"{kind_of(request)} {body.decode() if isinstance(body, bytes) else body}"


class _Stub(Replaying):
    """Answers a request as it was answered before, or else as others of its kind."""

    def __init__(self, world: World, answers: Recorded) -> None:
        super().__init__(world, answers)

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        same = self.answers.get(_exactly(request)) if "X-Amz-Target" in request.headers else None
        return answer(request, *same[0]) if same else super().send(request)
