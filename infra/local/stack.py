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
        listener = stack.enter_context(_listening(settings))
        try:
            settings = _start(stack, settings, data, listener)
        except ChildDied as error:
            raise CannotStart(str(error)) from error
        stack.callback(say, "Nacre is stopping")
        say(f"Nacre is ready: http://localhost:{settings.http_port} (data in {data})")
        _wait_for_signal()


def _wait_for_signal() -> None:
    """Sleep until the handler of a signal runs; ``signal.pause`` would sleep through one that came just before."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    os.read(reader, 1)


def _start(stack: ExitStack, settings: Settings, data: Path, listener: socket.socket) -> Settings:
    """Start all parts, each to be stopped with the stack; gives the settings they run with."""
    endpoint = stack.enter_context(emulator(data))
    clients = make_clients(endpoint)
    url = create(define(settings), clients)
    settings = msgspec.structs.replace(settings, aws_endpoint_url=endpoint, inbox_queue_url=url)
    workers = Workers(
        build(settings, clients), open_telemetry(settings.log_level, metrics=False, stream=sys.stderr)
    )
    descriptor = listener.fileno()
    for _ in range(FRONTS):
        front = child(
            "infra.local.front", "--socket", str(descriptor), "--endpoint", endpoint, inherited=[descriptor]
        )
        stack.enter_context(front)
    workers.start()
    stack.callback(workers.stop)
    return settings


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
def _listening(settings: Settings) -> Iterator[socket.socket]:
    """Listen on the API's port; connections wait until the fronts accept them."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.http_host, settings.http_port))
        except OSError as error:
            raise CannotStart(
                f"Port {settings.http_port} cannot be had ({error.strerror}): set NACRE_HTTP_PORT to another one"
            ) from None
        listener.listen(BACKLOG)
        yield listener
