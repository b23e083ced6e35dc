"""The outbound workers of one process: threads that do the jobs that need DICOM."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from chalicelib.observability import Telemetry

if TYPE_CHECKING:
    from chalicelib.bootstrap import Services

POLL_SECONDS = 2  # how long a poll of the queue waits, and so how long a stop may take
WAKE_SECONDS = 5.0
PAUSE_AFTER_FAILURE_SECONDS = 5.0


class Workers:
    """Take jobs until they are stopped. What a stop interrupts, another process goes on with."""

    def __init__(self, services: Services, telemetry: Telemetry) -> None:
        runner = services.network_runner
        assert runner is not None  # noqa: S101 - this process speaks DICOM
        self._runner = runner
        self._telemetry = telemetry
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, daemon=True)
            for _ in range(services.settings.concurrent_network_jobs)
        ]
        self._threads.append(threading.Thread(target=self._wake, daemon=True))

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Take no more jobs."""
        self._stopped.set()

    def _work(self) -> None:
        while not self._stopped.is_set():
            try:
                self._runner.poll(POLL_SECONDS)
            # Whatever it was, the next round may succeed: the work is safe to repeat.
            except Exception as error:
                self._telemetry.event("network job failed", error=error)
                self._stopped.wait(PAUSE_AFTER_FAILURE_SECONDS)

    def _wake(self) -> None:
        while not self._stopped.wait(WAKE_SECONDS):
            try:
                self._runner.wake_forgotten()
            except Exception as error:
                self._telemetry.event("call for network workers failed", error=error)
