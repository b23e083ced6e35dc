"""C-STORE: what is acknowledged is in the store, byte by byte; what is not is told with the right status."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless, RLELossless
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from chalicelib.domain.changes import ChangeType
from chalicelib.domain.levels import Level
from dicom_listener.statuses import (
    CANNOT_UNDERSTAND,
    DATA_SET_MISMATCH,
    NOT_AUTHORISED,
    OUT_OF_RESOURCES,
    SUCCESS,
)
from tests.listener.node import Node, running_node
from tests.listener.peer import CT, MR, associated, encoded, image, store
from tests.support.faults import Send

PRIVATE_CLASS = "1.2.826.0.1.3680043.8.498.1"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with running_node(tmp_path) as running:
        yield running


def stored_file(node: Node, sop_instance_uid: str) -> bytes:
    """The file of an instance, from the store."""
    services = node.world.services
    (found,) = services.browse.lookup(sop_instance_uid)
    return bytes(services.reading.file(services.reading.instance(found[1])))


def test_the_store_has_what_was_sent_byte_by_byte(node: Node) -> None:
    dataset = image()
    uid, sent = str(dataset.SOPInstanceUID), encoded(dataset)
    with associated(node.port, calling="SENDER", called="ANY") as association:
        assert store(association, uid, sent) == SUCCESS
    file = stored_file(node, uid)
    assert file.endswith(sent)
    assert file[128:132] == b"DICM"
    services = node.world.services
    instance = services.reading.instance(services.browse.lookup(uid)[0][1])
    origin = {name: instance.metadata[name] for name in ("Origin", "RemoteAET", "CalledAET", "RemoteIP")}
    assert origin == {
        "Origin": "DicomProtocol",
        "RemoteAET": "SENDER",
        "CalledAET": "ANY",
        "RemoteIP": "127.0.0.1",
    }
    assert list(node.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("syntaxes", "accepted"),
    [
        ((ImplicitVRLittleEndian, ExplicitVRLittleEndian), ImplicitVRLittleEndian),
        ((JPEG2000Lossless, ExplicitVRLittleEndian), JPEG2000Lossless),
        (("1.2.3.4", RLELossless), RLELossless),
    ],
)
def test_the_first_transfer_syntax_that_the_peer_names_is_taken(
    node: Node, syntaxes: Sequence[str], accepted: str
) -> None:
    with associated(node.port, [(CT, syntaxes)]) as association:
        assert [context.transfer_syntax for context in association.accepted_contexts] == [[accepted]]


UNKNOWN = ((PRIVATE_CLASS, (ExplicitVRLittleEndian,)), (CT, (ExplicitVRLittleEndian,)))


def test_an_unknown_storage_class_is_refused(node: Node) -> None:
    with associated(node.port, UNKNOWN) as association:
        assert [context.abstract_syntax for context in association.accepted_contexts] == [CT]


def test_an_unknown_storage_class_is_stored_if_the_option_says_so(tmp_path: Path) -> None:
    with running_node(tmp_path, unknown_sop_class_accepted=True) as liberal:
        dataset = image(SOPClassUID=PRIVATE_CLASS)
        dataset.file_meta.MediaStorageSOPClassUID = PRIVATE_CLASS
        with associated(liberal.port, UNKNOWN) as association:
            assert association.send_c_store(dataset).Status == SUCCESS
        assert encoded(dataset) in stored_file(liberal, dataset.SOPInstanceUID)


def test_an_object_again_is_a_success_and_changes_nothing(node: Node) -> None:
    dataset = image()
    with associated(node.port) as association:
        assert association.send_c_store(dataset).Status == SUCCESS
        before = node.world.services.listing.all(Level.INSTANCE)
        assert association.send_c_store(dataset).Status == SUCCESS
    assert node.world.services.listing.all(Level.INSTANCE) == before


@pytest.mark.parametrize(
    ("data", "uid", "sop_class", "status"),
    [
        (b"garbage " * 10, "1.2.3", CT, CANNOT_UNDERSTAND),
        (encoded(image()), "1.2.3", CT, DATA_SET_MISMATCH),
        (encoded(image()), "1.2.3", MR, DATA_SET_MISMATCH),
    ],
)
def test_what_cannot_be_stored_is_refused_and_the_association_goes_on(
    node: Node, data: bytes, uid: str, sop_class: str, status: int
) -> None:
    before = node.world.services.listing.all(Level.INSTANCE)
    dataset = image()
    with associated(node.port) as association:
        assert store(association, uid, data, sop_class) == status
        assert association.send_c_store(dataset).Status == SUCCESS
    assert len(node.world.services.listing.all(Level.INSTANCE)) == len(before) + 1
    assert list(node.folder.iterdir()) == []


def test_an_object_without_its_uids_is_refused(node: Node) -> None:
    dataset = image()
    uid = str(dataset.SOPInstanceUID)
    del dataset.StudyInstanceUID
    with associated(node.port) as association:
        assert store(association, uid, encoded(dataset)) == DATA_SET_MISMATCH


def test_a_sender_that_may_not_store_hears_so(tmp_path: Path) -> None:
    with running_node(tmp_path, dicom_always_allow_store=False) as closed:
        with associated(closed.port) as association:
            assert association.send_c_store(image()).Status == NOT_AUTHORISED
        known = {"AET": "PEER", "Host": "127.0.0.1", "Port": 104}
        closed.world.services.modalities.put("peer", known)
        closed.world.clock.advance(10)
        with associated(closed.port) as association:
            assert association.send_c_store(image()).Status == SUCCESS
        closed.world.services.modalities.put("peer", known | {"AllowStore": False})
        closed.world.clock.advance(10)
        with associated(closed.port) as association:
            assert association.send_c_store(image()).Status == NOT_AUTHORISED


def test_a_caller_of_another_node_is_rejected_if_the_option_says_so(tmp_path: Path) -> None:
    with running_node(tmp_path, dicom_check_called_aet=True) as strict:
        contexts = [(Verification, [ImplicitVRLittleEndian])]
        with associated(strict.port, contexts, called="OTHER") as association:
            assert association.is_rejected
        with associated(strict.port, contexts, called="nacre") as association:
            assert association.send_c_echo().Status == SUCCESS


def unreachable(_number: int, _name: str, request: AWSPreparedRequest, _send: Send) -> AWSResponse:
    raise ConnectionClosedError(endpoint_url=request.url)


def test_while_aws_is_away_the_sender_keeps_its_object(tmp_path: Path) -> None:
    dataset = image()
    with running_node(tmp_path) as failing:
        failing.world.calls.spoil(unreachable)
        with associated(failing.port) as association:
            assert association.send_c_store(dataset).Status == OUT_OF_RESOURCES
            failing.world.calls.reset()
            assert association.send_c_store(dataset).Status == SUCCESS
        assert len(failing.world.services.listing.all(Level.INSTANCE)) == 1


def test_parallel_senders_of_one_series_lose_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    series = [image(InstanceNumber=str(number)) for number in range(32)]

    def send(position: int) -> None:
        with associated(busy.port, calling=f"SENDER{position}") as association:
            for dataset in series[position::8]:
                assert association.send_c_store(dataset).Status == SUCCESS

    with running_node(tmp_path, dicom_threads_count=16) as busy:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(send, range(8)))
        services = busy.world.services
        assert len(services.listing.all(Level.INSTANCE)) == len(series)
        changes = services.changes.page(0, 1000).changes
        new = [change.id for change in changes if change.type is ChangeType.NEW_INSTANCE]
        assert len(new) == len(set(new)) == len(series)
