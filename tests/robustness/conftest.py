"""What hangs fails: Python code by an alarm, anything else by the end of the process."""

from __future__ import annotations

import faulthandler
import io
import itertools
import logging
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.observability import Telemetry, open_telemetry
from tests.robustness.store import Store
from tests.support.local_world import local_world

SECONDS = 120
_numbers = itertools.count()
OpenStore = Callable[..., AbstractContextManager[Store]]


@pytest.fixture(autouse=True)
def watchdog() -> Iterator[None]:
    def hangs(*_: object) -> None:
        pytest.fail(f"no end after {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(SECONDS)
    faulthandler.dump_traceback_later(2 * SECONDS, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's waits between its own attempts are left out."""
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _seconds: None))


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All that this process logs, by the product and by libraries; warnings too."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        yield stream
        logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def telemetry(log: io.StringIO) -> Telemetry:
    """As on Lambda, at its most talkative."""
    service = f"robustness-{next(_numbers)}"  # a service can be opened once
    return open_telemetry("DEBUG", service=service, stream=log)


@pytest.fixture
def open_store(telemetry: Telemetry) -> OpenStore:
    """Opens empty stores; takes options as in the environment, without ``NACRE_``."""

    @contextmanager
    def opened(**settings: Any) -> Iterator[Store]:
        with local_world(**settings) as world:
            yield Store(world, telemetry)

    return opened
