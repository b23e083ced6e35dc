"""Peers that lie, stall, flood and vanish: the listener goes on, and keeps nothing of them."""

from __future__ import annotations

import random
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode
from pynetdicom.pdu import A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import build_context

from dicom_listener import transport
from dicom_listener.statuses import SUCCESS
from tests.listener.node import Node, running_node
from tests.listener.peer import CT, associated, encoded, image

P_DATA = 0x04
COMMAND, LAST = 1, 2


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with running_node(tmp_path, dicom_scp_timeout=3) as running:
        yield running


def serves(node: Node) -> bool:
    """Whether the listener stores an object."""
    with associated(node.port) as association:
        return association.is_established and association.send_c_store(image()).Status == SUCCESS


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_clean(node: Node) -> bool:
    """Whether no association runs and no file is left."""
    return node.listener.associations == 0 and list(node.folder.iterdir()) == []


def pdu(kind: int, body: bytes, length: int | None = None) -> bytes:
    return struct.pack(">BxL", kind, len(body) if length is None else length) + body


def pdv(control: int, data: bytes) -> bytes:
    return struct.pack(">LBB", len(data) + 2, 1, control) + data


def established(node: Node) -> socket.socket:
    """A bare connection with an association for CT images."""
    request = A_ASSOCIATE()
    request.application_context_name = "1.2.840.10008.3.1.1.1"
    request.calling_ae_title, request.called_ae_title = "RAW", "NACRE"
    context = build_context(CT, ExplicitVRLittleEndian)
    context.context_id = 1
    request.presentation_context_definition_list = [context]
    length, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    length.maximum_length_received = 16384
    implementation.implementation_class_uid = "1.2.3"
    request.user_information = [length, implementation]
    encoded_request = A_ASSOCIATE_RQ()
    encoded_request.from_primitive(request)
    connection = socket.create_connection(("127.0.0.1", node.port), timeout=10)
    connection.sendall(encoded_request.encode())
    assert connection.recv(1) == b"\x02"
    connection.recv(65536)
    return connection


def store_command() -> bytes:
    """An encoded C-STORE request."""
    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = CT, "1.2.3"
    request.DataSet = BytesIO(b"x")
    message = C_STORE_RQ()
    message.primitive_to_message(request)
    data = encode(message.command_set, is_implicit_vr=True, is_little_endian=True)
    assert data is not None
    return data


def test_a_pdu_of_absurd_length_ends_the_association(node: Node) -> None:
    with established(node) as connection:
        connection.sendall(pdu(P_DATA, b"", length=0xFFFFFFFF))
        assert ended(connection)
    wait_until(lambda: is_clean(node))
    assert serves(node)


def test_a_command_without_end_ends_the_association(node: Node) -> None:
    flood = pdu(P_DATA, pdv(COMMAND, bytes(16000)))
    with established(node) as connection:
        assert sends_in_vain(connection, flood, transport.MAX_COMMAND_BYTES // 16000 + 20)
    wait_until(lambda: is_clean(node))
    assert serves(node)


def ended(connection: socket.socket) -> bool:
    """Whether the other side closes the connection, after whatever it says."""
    try:
        while connection.recv(65536):
            continue
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


def sends_in_vain(connection: socket.socket, data: bytes, times: int) -> bool:
    try:
        for _ in range(times):
            connection.sendall(data)
    except ConnectionError:
        return True
    return ended(connection)


@pytest.mark.parametrize("goodbye", ["close", "abort", "stall"])
def test_an_object_that_stops_half_way_leaves_nothing(node: Node, goodbye: str) -> None:
    data = encoded(image())
    connection = established(node)
    connection.sendall(pdu(P_DATA, pdv(COMMAND | LAST, store_command())))
    connection.sendall(pdu(P_DATA, pdv(0, data[:10_000])))
    wait_until(lambda: list(node.folder.iterdir()) != [])
    if goodbye == "abort":
        connection.sendall(pdu(0x07, bytes(4)))
    if goodbye != "stall":
        connection.close()
    wait_until(lambda: is_clean(node))
    connection.close()
    assert serves(node)


def test_objects_sent_without_waiting_for_answers_are_bounded(node: Node) -> None:
    message = pdu(P_DATA, pdv(COMMAND | LAST, store_command())) + pdu(P_DATA, pdv(LAST, b"garbage"))
    with established(node) as connection:
        sends_in_vain(connection, message, 500)
    wait_until(lambda: is_clean(node))
    assert serves(node)


def test_a_connection_that_says_nothing_is_closed(node: Node) -> None:
    with socket.create_connection(("127.0.0.1", node.port), timeout=10) as connection:
        assert ended(connection)
    wait_until(lambda: is_clean(node))


def test_more_associations_than_allowed_are_rejected_and_no_others_are_hurt(tmp_path: Path) -> None:
    with running_node(tmp_path, dicom_threads_count=2) as small:
        with associated(small.port) as first, associated(small.port) as second:
            assert first.is_established
            assert second.is_established
            with associated(small.port) as third:
                assert third.is_rejected
            assert first.send_c_store(image()).Status == SUCCESS
        wait_until(lambda: is_clean(small))
        assert serves(small)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("seed", range(4))
def test_no_bytes_stop_the_listener(node: Node, seed: int) -> None:
    chance = random.Random(seed)
    whole = pdu(P_DATA, pdv(COMMAND | LAST, store_command()) + pdv(LAST, b"data"))
    for _ in range(15):
        spoiled = bytearray(whole)
        for _ in range(chance.randrange(4)):
            spoiled[chance.randrange(len(spoiled))] = chance.randrange(256)
        with established(node) as connection, suppress(ConnectionError):
            connection.sendall(spoiled[: chance.choice([len(spoiled), chance.randrange(len(spoiled))])])
        wait_until(lambda: node.listener.associations < 2)
    wait_until(lambda: is_clean(node))
    assert serves(node)
