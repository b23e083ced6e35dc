"""Take an association that this process has opened over from pynetdicom's own thread."""

from __future__ import annotations

import threading
import time

from pynetdicom.association import Association

POLL_SECONDS = 0.0002
"""Between two looks for data to send or to receive; with pynetdicom's millisecond small files take twice as long."""


class _Checkpoint(threading.Event):
    """Knows for certain that a thread waits at it."""

    def __init__(self) -> None:
        super().__init__()
        self.is_reached = False

    def wait(self, timeout: float | None = None) -> bool:
        self.is_reached = self.is_reached or not self.is_set()
        return super().wait(timeout)


def take_over(association: Association) -> bool:
    """Have the association's thread wait until the next request has been answered; False if it has ended.

    pynetdicom does so for each request by itself, but may take the thread for waiting that is just going on: that then
    takes an answer away from who waits for it.
    """
    association.dul._run_loop_delay = POLL_SECONDS
    checkpoint = _Checkpoint()
    association._reactor_checkpoint = checkpoint
    while not checkpoint.is_reached:
        if not association.is_established:
            checkpoint.set()
            return False
        time.sleep(POLL_SECONDS)
    return True
