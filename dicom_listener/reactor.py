"""Take an association that this process has opened over from pynetdicom's own thread, and let it go again."""

from __future__ import annotations

import select
import ssl
import threading
import time

from pynetdicom.association import Association

POLL_SECONDS = 0.0002
"""Between two looks whether the association's thread waits."""

END_SECONDS = 2.0
"""For the end of an association that the peer ends, or should confirm."""


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
    checkpoint = _Checkpoint()
    association._reactor_checkpoint = checkpoint
    while not checkpoint.is_reached:
        if not association.is_established:
            checkpoint.set()
            return False
        time.sleep(POLL_SECONDS)
    return True


def has_news(association: Association) -> bool:
    """Whether anything came from the peer that nobody asked for: data, a request to release, an abort, the end."""
    dul = association.dul
    return (
        not association.is_established
        or not dul.is_alive()
        or dul.state_machine.current_state != "Sta6"  # PS3.8, table 9-3: ready for data transfer
        or not dul.event_queue.empty()
        or not association.dimse.msg_queue.empty()
        or _is_readable(association)
    )


def _is_readable(association: Association) -> bool:
    transport = association.dul.socket
    connection = transport.socket if transport is not None else None
    if connection is None:
        return True
    try:
        if isinstance(connection, ssl.SSLSocket) and connection.pending():
            return True
        return bool(select.select([connection], [], [], 0)[0])
    except (OSError, ValueError):  # closed meanwhile
        return True


def let_go(association: Association) -> None:
    """End an association that was taken over: release it, or confirm the release or the abort that the peer began."""
    if has_news(association):
        association._reactor_checkpoint.set()  # its thread knows what to do
        association.join(END_SECONDS)
        if association.is_alive():
            association.abort()
    else:
        association.acse_timeout = END_SECONDS
        _bear_a_release_that_was_faster(association)
        association.release()
    transport = association.dul.socket
    if transport is not None:
        transport.close()


def _bear_a_release_that_was_faster(association: Association) -> None:
    """Have a request to release dropped if the peer's has come just before: it only wants its answer.

    pynetdicom's thread would end by an exception, since PS3.8, table 9-10, has no action for this.
    """
    dul = association.dul
    do_action = dul.state_machine.do_action

    def act(event: str) -> None:
        if (event, dul.state_machine.current_state) == ("Evt11", "Sta8"):
            dul.to_provider_queue.get(block=False)
        else:
            do_action(event)

    dul.state_machine.do_action = act  # type: ignore[method-assign]
