"""The store's background work, locally: what a schedule and the queues start on Lambda, threads do here."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from chalicelib.services.schedule import EXPIRE_SECONDS

if TYPE_CHECKING:
    from chalicelib.bootstrap import Services
    from chalicelib.observability import Telemetry

SWEEP_SECONDS = 1.0
EXPORTS_SECONDS = 60.0
POLL_SECONDS = 2  # how long a poll of the queue waits, and so how long a stop may take
PAUSE_AFTER_FAILURE_SECONDS = 5.0


class Workers:
    """Threads that sweep, work on jobs and take in what the inbox announces, until they are stopped."""

    def __init__(self, services: Services, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._stopped = threading.Event()
        self._services = services
        runners = range(services.settings.concurrent_jobs)
        # Typed, or what a thread cannot call would be seen only when it is started.
        work: tuple[tuple[str, Callable[[], object], float], ...] = (
            *(("job", self._do_a_job, 0.0) for _ in runners),
            ("call for workers", services.job_runner.wake_forgotten, SWEEP_SECONDS),
            ("options", services.options.refresh, SWEEP_SECONDS),
            ("sweep", services.sweeper.tick, SWEEP_SECONDS),
            ("sweep of the inbox", services.inbox.tick, SWEEP_SECONDS),
            ("sweep of the exports", self._expire_exports, EXPORTS_SECONDS),
            ("inbox", self._take_in, 0.0),
        )
        self._threads = [threading.Thread(target=self._repeat, args=each, daemon=True) for each in work]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_seconds: float = 10.0) -> None:
        """Let what is running end."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(timeout_seconds)

    def _take_in(self) -> None:
        for failure in self._services.inbox_events.poll_once(POLL_SECONDS):
            self._telemetry.event("inbox failed", error=failure.error)

    def _expire_exports(self) -> None:
        self._services.network.exports.expire(EXPIRE_SECONDS)

    def _do_a_job(self) -> None:
        self._services.job_runner.poll(POLL_SECONDS)

    def _repeat(self, name: str, once: Callable[[], object], pause_seconds: float) -> None:
        pause = 0.0
        while not self._stopped.wait(pause):
            pause = pause_seconds
            try:
                once()
            # Whatever it was, the next round may succeed: the work is safe to repeat.
            except Exception as error:
                if not self._stopped.is_set():
                    self._telemetry.event(f"{name} failed", error=error)
                pause = PAUSE_AFTER_FAILURE_SECONDS
