"""Starts and stops the whole store: data folder, emulator, resources, API, workers."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import msgspec

from chalicelib.bootstrap import build
from chalicelib.observability import open_telemetry
from chalicelib.settings import Settings
from chalicelib.storage.clients import make_clients
from infra.local.children import ChildDied, child
from infra.local.workers import Workers
from infra.resources import create, define

FRONTS = 2
BACKLOG = 1024
LOOPBACK = "127.0.0.1"


class CannotStart(Exception):
    """The stack cannot run; the message tells the user why."""


def run(settings: Settings, say: Callable[[str], object]) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises
    ------
    CannotStart
        A port is in use, or the data folder is.
    """
    with suppress(SystemExit), ExitStack() as stack:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sys.exit(0))
        data = Path(settings.data).resolve()
        stack.enter_context(_locked(data))
        http = stack.enter_context(_listening(settings, settings.http_port, "NACRE_HTTP_PORT"))
        dicom = None
        if settings.dicom_server_enabled:
            dicom = stack.enter_context(_listening(settings, settings.dicom_port, "NACRE_DICOM_PORT"))
        try:
            settings = _start(stack, settings, data, http, dicom)
        except ChildDied as error:
            raise CannotStart(str(error)) from error
        stack.callback(say, "Nacre is stopping")
        say(f"Nacre is ready: http://localhost:{settings.http_port}{_node(settings)} (data in {data})")
        _wait_for_signal()


def _node(settings: Settings) -> str:
    if not settings.dicom_server_enabled:
        return ""
    return f", DICOM {settings.dicom_aet} on port {settings.dicom_port}"


def _wait_for_signal() -> None:
    """Sleep until the handler of a signal runs; ``signal.pause`` would sleep through one that came just before."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    os.read(reader, 1)


def _start(
    stack: ExitStack, settings: Settings, data: Path, http: socket.socket, dicom: socket.socket | None
) -> Settings:
    """Start all parts, each to be stopped with the stack; gives the settings they run with."""
    endpoint = stack.enter_context(emulator(data))
    clients = make_clients(endpoint)
    urls = create(define(settings), clients)
    settings = msgspec.structs.replace(
        settings,
        aws_endpoint_url=endpoint,
        inbox_queue_url=urls.inbox,
        jobs_queue_url=urls.jobs,
        network_queue_url=urls.network,
    )
    workers = Workers(build(settings, clients), open_telemetry(settings.log_level, stream=sys.stderr))
    os.environ["NACRE_NETWORK_QUEUE_URL"] = urls.network
    os.environ["NACRE_JOBS_QUEUE_URL"] = urls.jobs  # the children read their settings themselves
    _serve(stack, "infra.local.front", FRONTS, http, endpoint)
    if dicom is not None:
        _serve(stack, "infra.local.listener", settings.dicom_processes, dicom, endpoint)
    workers.start()
    stack.callback(workers.stop)
    return settings


def _serve(stack: ExitStack, module: str, processes: int, listening: socket.socket, endpoint: str) -> None:
    """Start processes of a server that share a port."""
    descriptor = listening.fileno()
    for _ in range(processes):
        arguments = ("--socket", str(descriptor), "--endpoint", endpoint)
        stack.enter_context(child(module, *arguments, inherited=[descriptor]))


@contextmanager
def offline(settings: Settings) -> Iterator[str]:
    """The emulator alone, over the data of a store that does not run; gives its URL.

    Raises
    ------
    CannotStart
        The store runs, or the data folder cannot be written.
    """
    data = Path(settings.data).resolve()
    with _locked(data), emulator(data) as url:
        create(define(settings), make_clients(url))
        yield url


@contextmanager
def emulator(data: Path) -> Iterator[str]:
    """An emulator of AWS that keeps its data in a folder, on a free port of loopback; gives its URL."""
    with socket.create_server((LOOPBACK, 0), backlog=BACKLOG) as listener:
        descriptor = listener.fileno()
        arguments = ("--socket", str(descriptor), "--data", str(data))
        with child("infra.local.emulator", *arguments, inherited=[descriptor]):
            yield f"http://{LOOPBACK}:{listener.getsockname()[1]}"


@contextmanager
def _locked(data: Path) -> Iterator[None]:
    """Hold the data folder for this stack alone."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = (data / "lock").open("w")
    except OSError as error:
        raise CannotStart(f"The data folder {data} cannot be written ({error.strerror})") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CannotStart(f"Another stack is running on {data}") from None
        yield


@contextmanager
def _listening(settings: Settings, port: int, variable: str) -> Iterator[socket.socket]:
    """Listen on a port; connections wait until its servers accept them."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.http_host, port))
        except OSError as error:
            raise CannotStart(
                f"Port {port} cannot be had ({error.strerror}): set {variable} to another one"
            ) from None
        listener.listen(BACKLOG)
        yield listener
