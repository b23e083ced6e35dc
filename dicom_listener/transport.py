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
from collections.abc import Callable, Mapping
from contextlib import suppress
from socketserver import BaseServer
from typing import Any

from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.dimse_messages import DIMSEMessage
from pynetdicom.dimse_primitives import C_STORE, DimseServiceType
from pynetdicom.events import EventHandlerType
from pynetdicom.transport import AddressInformation, RequestHandler, ThreadedAssociationServer

from dicom_listener.connection import Connection, send_at_once
from dicom_listener.monitor import Monitor, Tally
from dicom_listener.upper_layer import LOOK_SECONDS, UpperLayer, equip

MAX_PDU_BYTES = 16 * 1024 * 1024
"""What is read of one PDU, whatever length we announce: some peers ignore that."""

MAX_COMMAND_BYTES = 64 * 1024
MAX_IDENTIFIER_BYTES = 16 * 1024 * 1024
MAX_WAITING_MESSAGES = 16
"""Messages that a peer may send before the first is answered; we negotiate one (PS3.7, section D.3.3.3)."""

SECONDS_TO_END = 5.0


Serving = Mapping[type[DimseServiceType], Callable[[Association, Any, int], None]]
"""What serves requests of some kinds, with the identifier of their presentation context."""


class TooMuch(OSError):
    """The peer sends more than it may; pynetdicom ends the connection on any OSError."""


class BoundedConnection(Connection):
    """Reads PDUs of bounded size."""

    def recv(self, nr_bytes: int) -> bytearray:
        """The next bytes of the connection; fewer if it ends.

        Raises
        ------
        TooMuch
            More is asked for than a PDU may have, or the message under way is too long.
        """
        self._check(nr_bytes)
        received = super().recv(nr_bytes)
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
        equip(self)
        self._server = server
        self._monitor = server.monitor
        self._serving = server.serving
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
        """What is between the acceptance of the association and its end.

        As pynetdicom's own, but for the millisecond that it sleeps before each look.
        """
        upper_layer = self.dul
        assert isinstance(upper_layer, UpperLayer)  # noqa: S101 - as it was made
        try:
            while not self._kill:
                upper_layer.news.wait(LOOK_SECONDS)
                upper_layer.news.clear()
                self._serve_waiting()
                self._end_if_asked()
        finally:
            self.tally.calling_aet = self.requestor.ae_title.strip()
            self._monitor.ended(self.tally)

    def _serve_waiting(self) -> None:
        """Answer the requests that have come."""
        context_id, message = self.dimse.get_msg(block=False)
        while message is not None and context_id is not None and not self._kill:
            self._serve_request(message, context_id)
            self.dul._idle_timer.restart()  # it was the peer that waited
            context_id, message = self.dimse.get_msg(block=False)

    def _end_if_asked(self) -> None:
        """End, if the peer has asked for that, is gone or silent."""
        if self.is_established and self.acse.is_release_requested():
            self.acse.send_release(is_response=True)
            self.is_released = True
        elif self.acse.is_aborted():
            self.is_aborted = True
        elif self.dul.idle_timer_expired():
            self.abort()
        elif self.dul.is_alive():
            return
        self.kill()

    def _serve_request(self, msg: DimseServiceType, context_id: int) -> None:
        """Answer a request, and remove its object: pynetdicom leaves it where it refuses the request itself."""
        started = time.perf_counter()
        try:
            serve = self._serving.get(type(msg))
            if serve is not None:
                self.dimse.cancel_req = {}  # what is there by now is about a request before
                self._is_paused = True  # this thread waits for the answers to what it sends itself
                serve(self, msg, context_id)
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
        send_at_once(self.request)
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
        association.set_socket(BoundedConnection(association, self.request))
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
        serving: Serving,
        monitor: Monitor,
    ) -> None:
        """`serving` serves what pynetdicom would not serve as it should; `tls` gives the context of a connection.

        `listening` is bound and listens; it becomes non-blocking, since others may take what woke this one.
        """
        self._listening = listening
        self.serving = serving
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
