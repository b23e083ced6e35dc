"""The upper layer waits instead of looking, acknowledges at once, and keeps nothing for a peer that does not read."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_FIND
from pynetdicom.pdu_primitives import MaximumLengthNotification
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made at run time
    StudyRootQueryRetrieveInformationModelFind,
)
from pynetdicom.transport import AssociationSocket

from chalicelib.domain.outcomes import Stored
from chalicelib.services.network.query import DicomQuery, Keys
from chalicelib.services.reception import Reception
from dicom_listener.calling import CallingAE
from dicom_listener.connection import QUICK_ACK, Connection
from dicom_listener.statuses import SUCCESS
from dicom_listener.upper_layer import LOOK_SECONDS, MAX_SENT_PDU_BYTES, UpperLayer
from tests.listener.node import Node, running_node
from tests.listener.peer import CT, associated, encoded, image

FIND = str(StudyRootQueryRetrieveInformationModelFind)
TIMEOUT_SECONDS = 1
ANSWER = "X" * 60
KERNEL_BYTES = 16 * 1024 * 1024
"""More than two ends of a connection hold."""


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with running_node(tmp_path, dicom_scp_timeout=TIMEOUT_SECONDS, dicom_always_allow_find=True) as running:
        yield running


class Silent(AssociationSocket):
    """Never reads."""

    @property
    def ready(self) -> bool:
        return False


class Recorded(socket.socket):
    """A socket that tells what is done with it."""

    log: list[str]

    def recv(self, *arguments: Any) -> bytes:
        self.log.append("recv")
        return super().recv(*arguments)

    def setsockopt(self, level: int, name: int, value: Any, *rest: Any) -> None:
        self.log.append(
            "acknowledge" if (level, name, value) == (socket.IPPROTO_TCP, QUICK_ACK, 1) else "other"
        )
        super().setsockopt(level, name, value, *rest)


def test_what_came_is_acknowledged_before_more_is_read() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        peer = socket.create_connection(server.getsockname())
        descriptor = server.accept()[0].detach()
    with peer, Recorded(fileno=descriptor) as ours:
        ours.log = []
        connection = Connection(Association(AE(), "acceptor"), ours)
        peer.sendall(b"head")
        assert connection.recv(4) == b"head"
        peer.sendall(b"the rest")
        assert connection.recv(8) == b"the rest"
        assert ours.log[:4] == ["acknowledge", "recv"] * 2
        woken, waker = socket.socketpair()
        with woken, waker:
            waker.send(b"!")
            ours.log.clear()
            connection.wait(woken, 10)
        assert ours.log == ["acknowledge"]


def test_an_association_without_work_does_not_look_for_any(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    look = UpperLayer._is_transport_event

    def counted(layer: UpperLayer) -> bool:
        looks.append(time.monotonic())
        return look(layer)

    with associated(node.port) as association:
        assert association.send_c_store(image()).Status == SUCCESS
        monkeypatch.setattr(UpperLayer, "_is_transport_event", counted)
        time.sleep(2 * LOOK_SECONDS)
        assert len(looks) < 10  # pynetdicom itself looks each millisecond


def test_answers_wait_for_a_peer_that_does_not_read(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    ended = threading.Event()

    def endless(_query: DicomQuery, _keys: Keys) -> Iterator[dict[int, str | None]]:
        try:
            while True:
                given.append(1)
                yield {0x00100010: ANSWER}
        finally:
            ended.set()

    monkeypatch.setattr(DicomQuery, "answers", endless)
    with associated(node.port, [(FIND, ["1.2.840.10008.1.2.1"])]) as association:
        connection = association.dul.socket
        assert connection is not None
        connection.__class__ = Silent
        request = C_FIND()
        request.MessageID, request.Priority, request.AffectedSOPClassUID = 1, 2, FIND
        identifier = Dataset()
        identifier.QueryRetrieveLevel, identifier.PatientName = "STUDY", ""
        request.Identifier = BytesIO(encoded(identifier))
        association.dimse.send_msg(request, 1)
        assert ended.wait(20)
        assert len(given) * len(ANSWER) < KERNEL_BYTES
        connection.__class__ = AssociationSocket


def test_a_peer_that_waited_long_for_an_answer_is_not_taken_for_silent(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Reception.store

    def slow(reception: Reception, *arguments: Any) -> Stored:
        time.sleep(TIMEOUT_SECONDS + LOOK_SECONDS)
        return store(reception, *arguments)

    with associated(node.port) as association:
        with monkeypatch.context() as patch:
            patch.setattr(Reception, "store", slow)
            assert association.send_c_store(image()).Status == SUCCESS
        time.sleep(LOOK_SECONDS)
        assert association.send_c_store(image()).Status == SUCCESS


@pytest.mark.parametrize(
    ("announced", "used"), [(0, MAX_SENT_PDU_BYTES), (16384, 16384), (10**9, MAX_SENT_PDU_BYTES)]
)
def test_no_peer_makes_a_pdu_of_a_whole_file(node: Node, announced: int, used: int) -> None:
    ae = CallingAE("US")
    ae.add_requested_context(CT)
    association = ae.associate("127.0.0.1", node.port)
    (length,) = [
        one for one in association.acceptor.user_information if isinstance(one, MaximumLengthNotification)
    ]
    length.maximum_length_received = announced
    assert association.dimse.maximum_pdu_size == used
    association.release()
