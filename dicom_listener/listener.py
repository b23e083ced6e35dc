"""One process of the listener: accepts associations and answers them."""

from __future__ import annotations

import logging
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from pynetdicom import AE, _config, evt
from pynetdicom.events import EventHandlerType

from dicom_listener.access import Access
from dicom_listener.contexts import Contexts
from dicom_listener.monitor import Monitor
from dicom_listener.peers import peer_of
from dicom_listener.transport import Server, Serving

REJECTED_PERMANENT, SERVICE_USER, CALLED_AET_UNKNOWN = 0x01, 0x01, 0x07  # PS3.8, table 9-21
POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class ListenerOptions:
    """What a listener needs to know; times in seconds, 0 for no limit."""

    aet: str
    maximum_associations: int
    maximum_pdu_bytes: int
    timeout_seconds: float


def configure_pynetdicom(folder: Path) -> None:
    """Set pynetdicom up for this process: objects go to files in a folder, its logs, which tell of data, nowhere."""
    _config.STORE_RECV_CHUNKED_DATASET = _config.STORE_SEND_CHUNKED_DATASET = True
    _config.LOG_HANDLER_LEVEL = "none"
    _config.LOG_REQUEST_IDENTIFIERS = _config.LOG_RESPONSE_IDENTIFIERS = False
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(folder)


class Listener:
    """Serves associations from `start` until `drain`."""

    def __init__(
        self,
        options: ListenerOptions,
        listening: socket.socket,
        access: Access,
        contexts: Contexts,
        handlers: Iterable[EventHandlerType],
        serving: Serving,
        monitor: Monitor,
        tls: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self._access = access
        self._contexts = contexts
        self._monitor = monitor
        self._draining = False
        ae = AE(options.aet)
        ae.maximum_associations = options.maximum_associations
        ae.maximum_pdu_size = options.maximum_pdu_bytes
        ae.network_timeout = ae.acse_timeout = ae.dimse_timeout = options.timeout_seconds or None
        self._server = Server(
            ae,
            listening,
            options.aet,
            tls,
            [
                (evt.EVT_REQUESTED, self._judge),
                *monitor.handlers(),
                *handlers,
            ],
            serving,
            monitor,
        )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(POLL_SECONDS,), daemon=True)

    @property
    def associations(self) -> int:
        """How many associations are running."""
        return len(self._server.active_associations)

    @property
    def is_serving(self) -> bool:
        """Whether associations are accepted."""
        return self._thread.is_alive() and not self._draining

    def start(self) -> None:
        """Accept associations."""
        self._thread.start()

    def drain(self, seconds: float) -> bool:
        """Accept no more associations and let those that are running end; says whether all did in time.

        An object whose last byte has come is stored and acknowledged in any case; of others the peer never hears
        success, and keeps them.
        """
        self._draining = True
        self._server.shutdown()
        deadline = time.monotonic() + seconds
        while self.associations and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        return not self.associations

    def _judge(self, event: evt.Event) -> None:
        """Refuse a caller of another node, and offer what this one can do with what the peer proposes."""
        association = event.assoc
        if not self._access.is_called(peer_of(association)):
            association.acse.send_reject(REJECTED_PERMANENT, SERVICE_USER, CALLED_AET_UNKNOWN)
            association.is_rejected = True
            self._monitor.called_by_another_name()
            association.kill()
            return
        request = association.requestor.primitive
        if request is not None:
            proposed = request.presentation_context_definition_list
            association.acceptor.supported_contexts = self._contexts.choose(proposed)
