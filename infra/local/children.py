"""Processes that live and die with this one: each ends when its standard input does, however the parent dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

READY = "ready\n"
STOP_SECONDS = 15.0
_ROOT = Path(__file__).parents[2]


class ChildDied(Exception):
    """A child ended before it was ready."""


@contextmanager
def child(module: str, *arguments: str, inherited: Sequence[int] = ()) -> Iterator[None]:
    """Run a module of this project as a child, from when it says that it is ready.

    If it dies, this process ends at once: the stack without one of its parts would only fail slower.

    Parameters
    ----------
    module, arguments
        What ``python -m`` gets.
    inherited
        File descriptors that the child shares.

    Raises
    ------
    ChildDied
        It did not become ready.
    """
    command = [sys.executable, "-m", module, *arguments]
    with _signals_blocked():
        process = subprocess.Popen(  # noqa: S603 - our own module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_ROOT, text=True, pass_fds=inherited
        )
    assert process.stdin is not None  # noqa: S101 - they are pipes
    assert process.stdout is not None  # noqa: S101
    stopping = threading.Event()
    try:
        if process.stdout.readline() != READY:
            raise ChildDied(f"{module} did not start")
        threading.Thread(target=_follow, args=(process, stopping, module), daemon=True).start()
        yield
    finally:
        stopping.set()
        process.stdin.close()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
        process.stdout.close()


def _follow(process: subprocess.Popen[str], stopping: threading.Event, module: str) -> None:
    process.wait()
    if not stopping.is_set():
        sys.stderr.write(f"{module} has died\n")
        os._exit(1)


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """What starts meanwhile never gets them: Ctrl-C and `kill` reach the whole group, and the parent stops all."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def live_with_parent(stop: Callable[[], object]) -> None:
    """In a child: call `stop` when the parent ends or asks for it."""

    def wait() -> None:
        sys.stdin.read()
        stop()

    threading.Thread(target=wait, daemon=True).start()


def say_ready() -> None:
    """In a child: tell the parent that the work can begin."""
    with suppress(BrokenPipeError):
        sys.stdout.write(READY)
        sys.stdout.flush()
