"""Starts and stops the whole store: data folder, emulator, resources, API, workers."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO, Any

import msgspec

from chalicelib.application import make_app
from chalicelib.bootstrap import build
from chalicelib.observability import open_telemetry, secret_reader
from chalicelib.services.authentication import Authenticator
from chalicelib.settings import Settings
from chalicelib.storage.clients import make_clients
from infra.local.front import make_server
from infra.local.gateway import Gateway
from infra.local.workers import Workers
from infra.resources import create, define

EMULATOR_START_SECONDS = 30.0
EMULATOR_STOP_SECONDS = 10.0


class CannotStart(Exception):
    """The stack cannot run; the message tells the user why."""


def run(settings: Settings, say: Callable[[str], object] = print) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises
    ------
    CannotStart
        A port is in use, or the data folder is.
    """
    with ExitStack() as stack:
        data = Path(settings.data).resolve()
        stack.enter_context(_locked(data))
        endpoint = stack.enter_context(_emulator(data))
        settings = _prepared(settings, endpoint)
        telemetry = open_telemetry(settings.log_level, metrics=False, stream=sys.stderr)
        services = build(settings, make_clients(endpoint))
        read_secret = secret_reader()
        authenticator = Authenticator(lambda: settings.users(read_secret), settings.read_only_users)
        app = make_app(services, telemetry, authenticator if settings.authentication_enabled else None)
        server = _listen(Gateway(app), settings)
        stack.callback(server.close)
        workers = Workers(services, telemetry)
        workers.start()
        stack.callback(workers.stop)
        _serve(server, lambda: say(f"Nacre is ready: http://localhost:{settings.http_port} (data in {data})"))
        say("Nacre is stopping")


def _serve(server: Any, ready: Callable[[], object]) -> None:
    def leave(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)
    with suppress(SystemExit):
        ready()
        sys.stdout.flush()
        server.run()


@contextmanager
def _locked(data: Path) -> Iterator[None]:
    """Hold the data folder for this stack alone."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CannotStart(f"Another stack is running on {data}") from None
        yield


@contextmanager
def _emulator(data: Path) -> Iterator[str]:
    """Run the emulator in a process that ends with this one; gives its URL."""
    port = _free_port()
    command = [sys.executable, "-m", "infra.local.emulator", "--port", str(port), "--data", str(data)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdin=subprocess.PIPE, cwd=root, env=_quiet_environment()) as process:  # noqa: S603 - our own module
        threading.Thread(target=_leave_with, args=(process,), daemon=True).start()
        try:
            _wait_for(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            _end(process)


def _leave_with(process: subprocess.Popen[bytes]) -> None:
    """Without its emulator the stack has no data: end at once, so that whoever started it can start it again."""
    if process.wait() not in (0, -signal.SIGTERM):
        sys.stderr.write("The emulator has died\n")
        os._exit(1)


def _end(process: subprocess.Popen[bytes]) -> None:
    stdin: IO[bytes] | None = process.stdin
    if stdin is not None:
        stdin.close()
    try:
        process.wait(EMULATOR_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + EMULATOR_START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise CannotStart("The emulator of AWS did not start")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise CannotStart("The emulator of AWS did not start in time")


def _quiet_environment() -> dict[str, str]:
    """The environment without what would tell the emulator to be another one."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "VIRTUAL_ENV", "PYTHONPATH", "TMPDIR")
    return {name: value for name, value in os.environ.items() if name in kept}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _prepared(settings: Settings, endpoint: str) -> Settings:
    """The settings of a stack whose resources exist."""
    url = create(define(settings), make_clients(endpoint))
    return msgspec.structs.replace(settings, aws_endpoint_url=endpoint, inbox_queue_url=url)


def _listen(gateway: Gateway, settings: Settings) -> Any:
    try:
        return make_server(gateway, settings.http_host, settings.http_port, settings.maximum_upload_bytes)
    except OSError as error:
        raise CannotStart(
            f"Port {settings.http_port} cannot be had ({error.strerror}): set NACRE_HTTP_PORT to another one"
        ) from None
