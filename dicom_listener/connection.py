"""The connection of an association: read in large pieces, and without waiting for anybody's timer.

One thread reads and another may write at the same time.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
from contextlib import AbstractContextManager, nullcontext, suppress

from pynetdicom.association import Association
from pynetdicom.transport import AddressInformation, AssociationSocket

RECEIVED_AT_ONCE_BYTES = 256 * 1024
QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", None)
"""Linux alone has it."""


class Connection(AssociationSocket):
    """What pynetdicom's upper layer reads from and writes to."""

    def __init__(
        self,
        association: Association,
        client_socket: socket.socket | None = None,
        address: AddressInformation | None = None,
    ) -> None:
        super().__init__(association, client_socket, address)
        self._writing = threading.Lock()

    @property
    def _reading(self) -> AbstractContextManager[object]:
        """There is one reader; but OpenSSL lets no two threads into one connection."""
        return self._writing if isinstance(self.socket, ssl.SSLSocket) else nullcontext()

    def recv(self, nr_bytes: int) -> bytearray:
        """The next bytes of the connection; fewer if it ends."""
        connection = self.socket
        received = bytearray()
        while connection is not None and len(received) < nr_bytes:
            acknowledge_at_once(connection)
            with self._reading:
                piece = connection.recv(min(nr_bytes - len(received), RECEIVED_AT_ONCE_BYTES))
            if not piece:
                break
            received += piece
        return received

    def send(self, bytestream: bytes) -> None:
        """Send all bytes; what fails is told to the state machine, as pynetdicom does."""
        connection = self.socket
        if connection is None:
            return
        try:
            with self._writing:
                connection.sendall(bytestream)
        except OSError:
            # Half a PDU may have gone out: nothing that follows would make sense to the peer.
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            self.event_queue.put("Evt17")

    def wait(self, waker: socket.socket, seconds: float) -> None:
        """Wait for bytes of the peer, for a waker that has some, or for some time."""
        connection = self.socket
        waiting = select.poll()
        waiting.register(waker, select.POLLIN)
        if connection is not None and self._is_connected:
            if isinstance(connection, ssl.SSLSocket) and connection.pending():
                return
            acknowledge_at_once(connection)
            with suppress(OSError, ValueError):  # it has just been closed
                waiting.register(connection, select.POLLIN)
        waiting.poll(seconds * 1000)


def acknowledge_at_once(connection: socket.socket) -> None:
    """Have the kernel acknowledge what has come and what comes next.

    A peer that leaves Nagle's algorithm on, as dcmtk does, keeps the last packet of a message until the one before it
    is acknowledged, which the kernel may put off for 40 ms. The kernel forgets the option, so that it is set again
    before each look for data.
    """
    if QUICK_ACK is not None:
        with suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, QUICK_ACK, 1)


def send_at_once(connection: socket.socket) -> None:
    """Pynetdicom leaves Nagle's algorithm on, which with a peer's delayed acknowledgement costs 40 ms a message."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
