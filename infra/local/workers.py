"""The store's background work, locally: what a schedule and a queue start on Lambda, two threads do here."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.bootstrap import Services
    from chalicelib.observability import Telemetry

SWEEP_SECONDS = 1.0
PAUSE_AFTER_FAILURE_SECONDS = 5.0


class Workers:
    """Threads that sweep and take in what the inbox announces, until they are stopped."""

    def __init__(self, services: Services, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._stopped = threading.Event()
        work = {"sweep": services.sweeper.tick}
        self._threads = [
            threading.Thread(target=self._repeat, args=(name, once), name=name, daemon=True)
            for name, once in work.items()
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_seconds: float = 10.0) -> None:
        """Let what is running end."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(timeout_seconds)

    def _repeat(self, name: str, once: Callable[[], object]) -> None:
        pause = 0.0
        while not self._stopped.wait(pause):
            pause = SWEEP_SECONDS
            try:
                once()
            # Whatever it was, the next round may succeed: the work is safe to repeat.
            except Exception as error:
                if not self._stopped.is_set():
                    self._telemetry.event(f"{name} failed", error=error)
                pause = PAUSE_AFTER_FAILURE_SECONDS
