"""The memory of the listener's processes over many associations: a C-STORE, a C-FIND and an abort in turn."""

from __future__ import annotations

import argparse
import os
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom.dimse_messages import C_FIND_RQ, C_STORE_RQ
from pynetdicom.dimse_primitives import C_FIND, C_STORE
from pynetdicom.dsutils import encode
from pynetdicom.pdu import A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made at run time
    StudyRootQueryRetrieveInformationModelFind,
)

from tests.benchmarks.servers import Server, nacre
from tests.listener.peer import encoded, image

FIND, STORE = str(StudyRootQueryRetrieveInformationModelFind), str(CTImageStorage)
SEEDED = 10
ACCEPTED, DATA, RELEASED = 2, 4, 6
RELEASE = struct.pack(">BxLL", 5, 4, 0)
ABORT = struct.pack(">BxLL", 7, 4, 0)
PENDING = 0xFF00
_STATUS = struct.pack("<HHL", 0, 0x0900, 2)


def configure(parser: argparse.ArgumentParser) -> None:
    """Say how this is called."""
    parser.description = __doc__
    parser.add_argument("--associations", type=int, default=10_000, help="how many there are")
    parser.add_argument("--step", type=int, default=1_000, help="after how many the memory is looked at")
    parser.add_argument("--clients", type=int, default=4, help="how many at once")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Print a table."""
    options = {"NACRE_DICOM_ALWAYS_ALLOW_FIND": "true", "NACRE_DICOM_THREADS_COUNT": "50"}
    with TemporaryDirectory() as folder, nacre(Path(folder), **options) as server:
        print("| associations | memory, MB | threads | files open |\n|---:|---|---|---|", flush=True)
        for _ in range(SEEDED):
            _stored(server.dicom_port, _store_message(image()))
        message = _store_message(image())
        with ThreadPoolExecutor(arguments.clients) as pool:
            for first in range(0, arguments.associations + 1, arguments.step):
                print(f"| {first} | {_row(server)} |", flush=True)
                numbers = range(first, min(first + arguments.step, arguments.associations))
                list(pool.map(lambda number: _associate(server.dicom_port, number, message), numbers))


def _row(server: Server) -> str:
    pids = server.processes["listener"]
    threads = [len(os.listdir(f"/proc/{pid}/task")) for pid in pids]
    files = [len(os.listdir(f"/proc/{pid}/fd")) for pid in pids]
    memory = [_resident(pid) / 1e6 for pid in pids]
    return " | ".join(", ".join(f"{one:.0f}" for one in kind) for kind in (memory, threads, files))


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _associate(port: int, number: int, message: bytes) -> None:
    """One association of the mixture."""
    (_stored, _found, _aborted)[number % 3](port, message)


def _stored(port: int, message: bytes) -> None:
    with _association(port, STORE) as connection:
        connection.sendall(message)
        _expect(connection, 0)
        _release(connection)


def _found(port: int, _message: bytes) -> None:
    with _association(port, FIND) as connection:
        connection.sendall(_find_message())
        _expect(connection, 0)
        _release(connection)


def _aborted(port: int, _message: bytes) -> None:
    with _association(port, STORE) as connection:
        connection.sendall(ABORT)


@contextmanager
def _association(port: int, abstract_syntax: str) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(_request(abstract_syntax))
        if _pdu(connection)[0] != ACCEPTED:
            raise RuntimeError("The association was not accepted")
        yield connection


def _request(abstract_syntax: str) -> bytes:
    request = A_ASSOCIATE()
    request.application_context_name = "1.2.840.10008.3.1.1.1"
    request.calling_ae_title, request.called_ae_title = "PEER", "NACRE"
    context = build_context(abstract_syntax, ExplicitVRLittleEndian)
    context.context_id = 1
    request.presentation_context_definition_list = [context]
    length, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    length.maximum_length_received = 16384
    implementation.implementation_class_uid = "1.2.3"
    request.user_information = [length, implementation]
    pdu = A_ASSOCIATE_RQ()
    pdu.from_primitive(request)
    return pdu.encode()


def _store_message(dataset: Dataset) -> bytes:
    request = C_STORE()
    request.AffectedSOPInstanceUID = dataset.SOPInstanceUID
    request.DataSet = BytesIO(encoded(dataset))
    return _message(C_STORE_RQ(), request, STORE)


def _find_message() -> bytes:
    query = Dataset()
    query.QueryRetrieveLevel, query.StudyInstanceUID = "STUDY", ""
    request = C_FIND()
    request.Identifier = BytesIO(encode(query, is_implicit_vr=False, is_little_endian=True) or b"")
    return _message(C_FIND_RQ(), request, FIND)


def _message(message: Any, request: Any, sop_class_uid: str) -> bytes:
    request.MessageID, request.Priority, request.AffectedSOPClassUID = 1, 2, sop_class_uid
    message.primitive_to_message(request)
    values = [data for pdv in message.encode_msg(1, 16384) for _, data in pdv.presentation_data_value_list]
    return b"".join(struct.pack(">BxLLB", DATA, len(v) + 5, len(v) + 1, 1) + v for v in values)


def _expect(connection: socket.socket, expected: int) -> None:
    """Read the answers to a request, to the last."""
    status = PENDING
    while status == PENDING:
        kind, body = _pdu(connection)
        if kind != DATA:
            raise RuntimeError(f"There came a PDU of type {kind}")
        at = body.find(_STATUS)
        if body[5] & 1 and at >= 0:
            (status,) = struct.unpack_from("<H", body, at + len(_STATUS))
    if status != expected:
        raise RuntimeError(f"The status was {status:04X}")


def _release(connection: socket.socket) -> None:
    connection.sendall(RELEASE)
    kind, _ = _pdu(connection)
    while kind != RELEASED:
        kind, _ = _pdu(connection)


def _pdu(connection: socket.socket) -> tuple[int, bytes]:
    kind, length = struct.unpack(">BxL", _read(connection, 6))
    return kind, _read(connection, length)


def _read(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise ConnectionError("The connection ended")
        data += piece
    return data
