"""pynetdicom's upper layer without its polling, and without its queue of what is to be sent.

pynetdicom looks for work each millisecond, and takes any number of messages into memory for a peer that does not read
them. Here a thread waits until there is work, and who sends data waits until the network has taken it.
"""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from typing import Any

from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dul import DULServiceProvider
from pynetdicom.pdu_primitives import P_DATA

from dicom_listener.connection import Connection

LOOK_SECONDS = 0.5
"""How late a timer may be."""

SECONDS_TO_STOP = 0.05
MAX_SENT_PDU_BYTES = 128 * 1024
"""Of a peer that would take any length; what is sent at once is in memory."""

SENT_AT_ONCE_BYTES = 64 * 1024
P_DATA_TF = 0x04
_COMMAND, _DATA, _LAST = 1, 0, 2  # PS3.8, section E.2
_OF_A_VALUE = 6  # bytes of a PDU beside a part of a message (PS3.8, section 9.3.5.1)
_CLOSING = "Sta13"
_IDLE = "Sta1"
_OPEN = ("Sta6", "Sta8")  # PS3.8, table 9-10: data may be sent


def equip(association: Association) -> None:
    """Give an association that has not started this upper layer."""
    association.dul = UpperLayer(association)
    association.dimse = Messages(association)
    association.acse_timeout = association.acse_timeout  # these two set timers of the upper layer
    association.network_timeout = association.network_timeout


class UpperLayer(DULServiceProvider):
    """Waits for the peer and for its user."""

    def __init__(self, association: Association) -> None:
        super().__init__(association)
        self._run_loop_delay = 0
        self.news = threading.Event()
        """Set when there may be something for the user: a message, a request to end, the end."""
        self._unsent = bytearray()
        self._woken, self._waker = socket.socketpair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)

    @property
    def is_open(self) -> bool:
        """Whether data can be sent."""
        return self.state_machine.current_state in _OPEN

    @property
    def is_to_end(self) -> bool:
        """Whether the peer wants the association to end, or is gone."""
        return not self.to_user_queue.empty() or not self.is_open

    def run_reactor(self) -> None:
        """Serve the connection until its end."""
        try:
            super().run_reactor()
        finally:
            self._waker.close()
            self._woken.close()
            self.news.set()

    def wake(self) -> None:
        """Have the thread look for work now."""
        with suppress(OSError):  # it has been woken and has not looked yet, or it has ended
            self._waker.send(b"\0")

    def send_pdu(self, primitive: Any) -> None:
        """Data is sent here, by the thread that calls; the rest by the state machine, which is in the other thread."""
        if isinstance(primitive, P_DATA):
            for context_id, value in primitive.presentation_data_value_list:
                self.send_data(context_id, value)
        else:
            super().send_pdu(primitive)
            self.wake()

    def send_data(self, context_id: int, value: bytes) -> None:
        """Send a PDU of one value, beginning with its control header (PS3.8, sections 9.3.5 and E.2)."""
        self._unsent += struct.pack(">BxLLB", P_DATA_TF, len(value) + 5, len(value) + 1, context_id) + value
        if len(self._unsent) >= SENT_AT_ONCE_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send the data of which there was too little so far; without a connection it is lost."""
        if self._unsent and self.is_open and self.socket is not None:
            self.socket.send(bytes(self._unsent))
            if not self.event_queue.empty():
                self.wake()
        self._unsent.clear()

    def kill_dul(self) -> None:
        """As pynetdicom's."""
        super().kill_dul()
        self.wake()

    def stop_dul(self) -> bool:
        """Stop the thread if the connection is gone, and say whether it has stopped; who asks again need not sleep."""
        if self.state_machine.current_state == _IDLE:
            self.kill_dul()
        self.join(SECONDS_TO_STOP)
        return not self.is_alive()

    def _is_transport_event(self) -> bool:
        """Whether the peer has sent something: waits for that, or for other work."""
        if not self.assoc.dimse.msg_queue.empty() or not self.to_user_queue.empty():
            self.news.set()
        if self.event_queue.empty() and self.state_machine.current_state != _CLOSING:
            assert isinstance(self.socket, Connection)  # noqa: S101 - this goes with it
            self.socket.wait(self._woken, LOOK_SECONDS)
            with suppress(OSError):
                self._woken.recv(64)
        return super()._is_transport_event()


class Messages(DIMSEServiceProvider):
    """Sends one message after the other, each in few pieces."""

    def __init__(self, association: Association) -> None:
        super().__init__(association)
        self._sending = threading.Lock()

    @property
    def maximum_pdu_size(self) -> int:
        """The length of what is sent at most; never 0."""
        return min(super().maximum_pdu_size or MAX_SENT_PDU_BYTES, MAX_SENT_PDU_BYTES)

    def send_msg(self, primitive: Any, context_id: int) -> None:
        """Send a message, whole; threads take turns."""
        with self._sending:
            super().send_msg(primitive, context_id)
            upper_layer = self.dul
            assert isinstance(upper_layer, UpperLayer)  # noqa: S101 - they go together
            upper_layer.flush()

    def send_encoded(self, command: bytes, data: bytes, context_id: int) -> None:
        """Send a message that is encoded already."""
        upper_layer = self.dul
        assert isinstance(upper_layer, UpperLayer)  # noqa: S101 - they go together
        most = self.maximum_pdu_size - _OF_A_VALUE
        with self._sending:
            for kind, part in ((_COMMAND, command), (_DATA, data)):
                for at in range(0, len(part), most):
                    last = _LAST if at + most >= len(part) else 0
                    upper_layer.send_data(context_id, bytes([kind | last]) + part[at : at + most])
            upper_layer.flush()
