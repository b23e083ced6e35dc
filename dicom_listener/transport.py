"""pynetdicom's server with what a port open to a hospital's network needs.

Several processes share the port. A peer cannot make this one allocate more than a PDU, a command or an identifier of
sane size, cannot hold up others by a slow TLS handshake, and leaves nothing behind when it goes away half-way.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from socketserver import BaseServer
from typing import Any

from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.dimse_messages import DIMSEMessage
from pynetdicom.dimse_primitives import C_GET, C_MOVE, C_STORE, DimseServiceType
from pynetdicom.events import EventHandlerType
from pynetdicom.transport import (
    AddressInformation,
    AssociationSocket,
    RequestHandler,
    ThreadedAssociationServer,
)

from dicom_listener.monitor import Monitor, Tally

MAX_PDU_BYTES = 16 * 1024 * 1024
"""What is read of one PDU, whatever length we announce: some peers ignore that."""

MAX_COMMAND_BYTES = 64 * 1024
MAX_IDENTIFIER_BYTES = 16 * 1024 * 1024
MAX_WAITING_MESSAGES = 16
"""Messages that a peer may send before the first is answered; we negotiate one (PS3.7, section D.3.3.3)."""

RECEIVED_AT_ONCE_BYTES = 256 * 1024
SECONDS_TO_END = 5.0


Retrieving = Callable[[Association, C_MOVE | C_GET, int], None]
"""Serves a request with the identifier of its presentation context."""


class TooMuch(OSError):
    """The peer sends more than it may; pynetdicom ends the connection on any OSError."""


class BoundedSocket(AssociationSocket):
    """Reads PDUs of bounded size, in large pieces."""

    def recv(self, nr_bytes: int) -> bytearray:
        """The next bytes of the connection; fewer if it ends.

        Raises
        ------
        TooMuch
            More is asked for than a PDU may have, or the message under way is too long.
        """
        self._check(nr_bytes)
        connection = self.socket
        received = bytearray()
        while connection is not None and len(received) < nr_bytes:
            piece = connection.recv(min(nr_bytes - len(received), RECEIVED_AT_ONCE_BYTES))
            if not piece:
                break
            received += piece
        if isinstance(self.assoc, Acceptor):
            self.assoc.tally.received_bytes += len(received)
        return received

    def _check(self, nr_bytes: int) -> None:
        dimse = self.assoc.dimse
        message = dimse.message
        if nr_bytes > MAX_PDU_BYTES or dimse.msg_queue.qsize() > MAX_WAITING_MESSAGES:
            raise TooMuch
        if message is not None and (
            message.encoded_command_set.tell() > MAX_COMMAND_BYTES
            or (message.data_set is not None and message.data_set.tell() > MAX_IDENTIFIER_BYTES)
        ):
            raise TooMuch


class Acceptor(Association):
    """An association that a peer asked for."""

    def __init__(self, ae: ApplicationEntity, server: Server) -> None:
        super().__init__(ae, "acceptor")
        self._server = server
        self._monitor = server.monitor
        self._retrieve = server.retrieve
        self.tally = Tally()

    def run_reactor(self) -> None:
        """Serve it until its end, and remove what was received and not handled."""
        try:
            super().run_reactor()
        finally:
            if self.dul.is_alive() and self.dul is not threading.current_thread():
                self.dul.join(SECONDS_TO_END)
            self._discard()

    def _run_reactor(self) -> None:
        """What is between the acceptance of the association and its end."""
        try:
            super()._run_reactor()
        finally:
            self.tally.calling_aet = self.requestor.ae_title.strip()
            self._monitor.ended(self.tally)

    def _serve_request(self, msg: DimseServiceType, context_id: int) -> None:
        """Answer a request, and remove its object: pynetdicom leaves it where it refuses the request itself."""
        started = time.perf_counter()
        try:
            if isinstance(msg, C_MOVE | C_GET):
                self._is_paused = True  # this thread waits for the answers to what it sends itself
                self._retrieve(self, msg, context_id)
                self._is_paused = False
            else:
                super()._serve_request(msg, context_id)
        finally:
            self._monitor.served(self.tally, msg, time.perf_counter() - started)
            if isinstance(msg, C_STORE):
                _remove(msg._dataset_file)

    def _discard(self) -> None:
        unfinished: DIMSEMessage | None = self.dimse.message
        if unfinished is not None:
            _remove(unfinished._data_set_file)
        while not self.dimse.msg_queue.empty():
            _, message = self.dimse.msg_queue.get()
            if isinstance(message, C_STORE):
                _remove(message._dataset_file)


def _remove(file: Any) -> None:
    """Remove a file that pynetdicom has begun to write, if there is one."""
    if file is not None:
        file.close()
        with suppress(OSError):
            os.unlink(file.name)


class Handler(RequestHandler):
    """Makes the association of a connection."""

    server: Server

    def handle(self) -> None:
        """Secure the connection if that is asked for, and serve the association.

        The thread of the connection does this, so that a slow handshake keeps nobody else waiting.
        """
        self.request.settimeout(self.ae.network_timeout)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        tls = self.server.tls
        if tls is not None:
            try:
                self.request = tls().wrap_socket(self.request, server_side=True)
            except (OSError, ssl.SSLError):
                self.server.monitor.handshake_failed()
                self.server.shutdown_request(self.request)
                return
        super().handle()

    def _create_association(self) -> Association:
        association = Acceptor(self.ae, self.server)
        association.name = "AcceptorThread"  # by which pynetdicom finds the running associations
        association.set_socket(BoundedSocket(association, client_socket=self.request))
        acceptor = association.acceptor
        acceptor.maximum_length = self.ae.maximum_pdu_size
        acceptor.ae_title = self.server.ae_title
        acceptor.address_info = self.local
        acceptor.implementation_class_uid = self.ae.implementation_class_uid
        acceptor.implementation_version_name = self.ae.implementation_version_name
        association.requestor.address_info = AddressInformation.from_tuple(self.client_address)
        for event, handlers in self.server._handlers.items():
            bound: Any = [handlers] if event.is_intervention else handlers
            for handler, arguments in bound:
                if handler is not None:
                    association.bind(event, handler, arguments)
        return association


class Server(ThreadedAssociationServer):
    """Accepts connections on a socket that it may share with other processes."""

    daemon_threads = True

    def __init__(
        self,
        ae: ApplicationEntity,
        listening: socket.socket,
        ae_title: str,
        tls: Callable[[], ssl.SSLContext] | None,
        handlers: list[EventHandlerType],
        retrieve: Retrieving,
        monitor: Monitor,
    ) -> None:
        """`retrieve` serves C-MOVE and C-GET; `tls` gives the context of a connection.

        `listening` is bound and listens; it becomes non-blocking, since others may take what woke this one.
        """
        self._listening = listening
        self.retrieve = retrieve
        self.tls = tls
        self.monitor = monitor
        super().__init__(ae, listening.getsockname(), ae_title, [], None, handlers, Handler)

    def server_bind(self) -> None:
        """Use the socket that was given."""
        if self.socket is not None:
            self.socket.close()
        self.socket = self._listening
        self.socket.setblocking(False)

    def server_activate(self) -> None:
        """It listens already."""

    def get_request(self) -> tuple[socket.socket, Any]:
        """The next connection."""
        return self._listening.accept()

    def server_close(self) -> None:
        """Close the socket here; where it is shared, others go on listening."""
        self._listening.close()

    def shutdown(self) -> None:
        """Accept no more connections; those that are open stay."""
        BaseServer.shutdown(self)
        self.server_close()
