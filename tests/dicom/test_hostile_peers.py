"""Peers that ask and then stall, vanish or change their mind: the listener goes on, and keeps nothing of them."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from pynetdicom import AE, build_role
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_FIND, C_GET, C_MOVE, C_STORE
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made at run time
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from chalicelib.services.network.query import DicomQuery, Keys
from dicom_listener.statuses import CANCELLED, SUCCESS
from tests.dicom.scp import Scp
from tests.dicom.test_query_retrieve import OPEN, find, keys
from tests.dicom.test_store_scu import add_images, configure, exported
from tests.listener.node import Node, running_node
from tests.listener.peer import CT, associated, encoded, image

FIND = StudyRootQueryRetrieveInformationModelFind
GET = StudyRootQueryRetrieveInformationModelGet
MOVE = StudyRootQueryRetrieveInformationModelMove
STUDY = keys(QueryRetrieveLevel="STUDY", StudyInstanceUID=image().StudyInstanceUID)
TIMEOUT_SECONDS = 2
ASSOCIATIONS = int(os.environ.get("ASSOCIATIONS", "60"))
WARM = 20
GROWTH_BYTES = 20_000_000


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    options = {"log_exported_resources": True, "dicom_scp_timeout": TIMEOUT_SECONDS, **OPEN}
    with running_node(tmp_path / "node", **options) as running:
        yield running


def wait_until(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_clean(node: Node) -> bool:
    """Whether no association runs and no file is left."""
    return node.listener.associations == 0 and list(node.folder.iterdir()) == []


def serves(node: Node) -> bool:
    """Whether the listener finds what it has."""
    return find(node.port, keys(QueryRetrieveLevel="STUDY", StudyInstanceUID=""))[1] == SUCCESS


def asked(node: Node, request: C_FIND | C_GET | C_MOVE, model: str, identifier: bytes) -> Association:
    """An association by which something has been asked; its answers wait."""
    ae = AE("PEER")
    ae.add_requested_context(model, "1.2.840.10008.1.2.1")
    ae.add_requested_context(CT)
    association = ae.associate("127.0.0.1", node.port, ext_neg=[build_role(CT, scp_role=True)])
    assert association.is_established
    association._reactor_checkpoint.clear()
    while not association._is_paused:
        time.sleep(0.001)
    request.MessageID, request.Priority, request.AffectedSOPClassUID = 1, 2, model
    request.Identifier = BytesIO(identifier)
    (context,) = [c for c in association.accepted_contexts if c.abstract_syntax == model]
    assert context.context_id is not None
    association.dimse.send_msg(request, context.context_id)
    return association


def remove(received: C_STORE) -> None:
    """Remove the file of an object, which pynetdicom has written into the listener's folder: it is one process."""
    assert received._dataset_path is not None
    Path(str(received._dataset_path)).unlink()


def endless(ended: threading.Event) -> Callable[[DicomQuery, Keys], Iterator[dict[int, str | None]]]:
    """Answers without end; tells when they are no longer wanted."""

    def answers(_query: DicomQuery, _keys: Keys) -> Iterator[dict[int, str | None]]:
        try:
            while True:
                time.sleep(0.002)
                yield {0x0020000D: "1.2.3", 0x00100010: "X" * 64}
        finally:
            ended.set()

    return answers


def test_answers_end_when_their_reader_is_gone(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    with monkeypatch.context() as patch:
        patch.setattr(DicomQuery, "answers", endless(ended))
        association = asked(node, C_FIND(), FIND, encoded(keys(QueryRetrieveLevel="STUDY", PatientName="")))
        _, answer = association.dimse.get_msg(block=True)
        assert answer is not None
        association._reactor_checkpoint.set()
        association.abort()
        assert ended.wait(10)
    wait_until(lambda: is_clean(node))
    assert serves(node)


@pytest.mark.parametrize("request_", [C_FIND, C_MOVE, C_GET])
def test_identifiers_that_cannot_be_read_are_refused(
    node: Node, request_: type[C_FIND] | type[C_MOVE] | type[C_GET]
) -> None:
    models = {C_FIND: FIND, C_MOVE: MOVE, C_GET: GET}
    request = request_()
    if isinstance(request, C_MOVE):
        request.MoveDestination = "RECEIVER"
        configure(node, {"AET": "RECEIVER", "Host": "127.0.0.1", "Port": 104})
    association = asked(node, request, models[request_], b"\x08\x00\x52\x00XX\xff\xff garbage")
    _, answer = association.dimse.get_msg(block=True)
    assert answer is not None
    assert answer.Status & 0xF000 in (0xA000, 0xC000)
    association._reactor_checkpoint.set()
    association.release()
    wait_until(lambda: is_clean(node))
    assert serves(node)


@pytest.mark.parametrize("goodbye", ["abort", "stall"])
def test_a_get_ends_with_its_peer(node: Node, goodbye: str) -> None:
    add_images(node, 20)
    association = asked(node, C_GET(), GET, encoded(STUDY))
    _, first = association.dimse.get_msg(block=True)
    assert isinstance(first, C_STORE)  # the first image, which is never acknowledged
    remove(first)
    if goodbye == "abort":
        association._reactor_checkpoint.set()
        association.abort()
    wait_until(lambda: is_clean(node))
    association._reactor_checkpoint.set()
    association.kill()
    assert exported(node) == []
    assert serves(node)


def test_a_move_goes_on_when_who_asked_is_gone(node: Node) -> None:
    add_images(node, 8)
    with Scp(delay_seconds=0.1) as receiver:
        configure(node, receiver.modality())
        request = C_MOVE()
        request.MoveDestination = "RECEIVER"
        association = asked(node, request, MOVE, encoded(STUDY))
        wait_until(lambda: len(receiver.received) > 0)
        association._reactor_checkpoint.set()
        association.abort()
        wait_until(lambda: len(receiver.received) == 8)
        wait_until(lambda: is_clean(node))
    assert Counter(exported(node)) == Counter(receiver.received)
    assert serves(node)


def test_a_move_that_is_cancelled_ends(node: Node) -> None:
    add_images(node, 60)
    with Scp(delay_seconds=0.1) as receiver:
        configure(node, receiver.modality())
        ae = AE("PEER")
        ae.add_requested_context(MOVE)
        association = ae.associate("127.0.0.1", node.port)
        statuses = []
        for status, _ in association.send_c_move(STUDY, "RECEIVER", MOVE, msg_id=3):
            statuses.append(status.Status)
            if len(statuses) == 1:
                association.send_c_cancel(3, query_model=MOVE)
        association.release()
        assert statuses[-1] == CANCELLED
        wait_until(lambda: is_clean(node), 30)
        assert len(receiver.received) < 60
    assert serves(node)


@pytest.mark.parametrize("kind", [FIND, GET])
def test_a_peer_that_reads_nothing_holds_nobody_up(node: Node, kind: str) -> None:
    add_images(node, 3)
    silent = [asked(node, C_FIND() if kind == FIND else C_GET(), kind, encoded(STUDY)) for _ in range(2)]
    began = time.monotonic()
    assert serves(node)
    assert time.monotonic() - began < TIMEOUT_SECONDS
    for association in silent:
        _, first = association.dimse.get_msg(block=True)
        if isinstance(first, C_STORE):
            remove(first)
    wait_until(lambda: is_clean(node))
    for association in silent:
        association._reactor_checkpoint.set()
        association.kill()


def test_memory_is_flat_over_many_associations(node: Node) -> None:
    """``ASSOCIATIONS=2000`` takes more of them."""
    add_images(node, 10)
    dataset = image()
    grown = 0
    for number in range(WARM + ASSOCIATIONS):
        if number == WARM:
            grown = -resident()
        with associated(node.port) as association:
            assert association.send_c_store(dataset).Status == SUCCESS
        assert serves(node)
        with associated(node.port) as association:
            association.abort()
        wait_until(lambda: node.listener.associations == 0)  # they are counted for a moment after their end
    wait_until(lambda: is_clean(node))
    grown += resident()
    gc.collect()
    alive = [one for one in gc.get_objects() if isinstance(one, Association)]
    assert len(alive) < 10
    assert grown < GROWTH_BYTES


def resident() -> int:
    """The memory of this process."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
