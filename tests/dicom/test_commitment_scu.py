"""Storage commitment: what this store asks others to keep, with pynetdicom and Orthanc."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.data import get_testdata_file
from pydicom.sequence import Sequence
from pynetdicom import AE, build_role, evt

from chalicelib.application import make_app
from chalicelib.observability import Telemetry
from dicom_listener.statuses import (
    MISSING_ATTRIBUTE,
    NO_SUCH_EVENT,
    NO_SUCH_INSTANCE,
    NOT_AUTHORISED,
    SUCCESS,
)
from tests.dicom.peers import Orthanc, free_port
from tests.dicom.scp import Scp
from tests.dicom.test_commitment import IMAGE, INSTANCE, MODEL, item, uids, wait_for
from tests.dicom.test_store_scu import add, configure
from tests.listener.node import Node, running_node
from tests.listener.peer import CT, MR
from tests.support.client import Client

Api = Callable[..., tuple[int, Any]]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with running_node(tmp_path / "node") as running:
        yield running


@dataclass
class Keeper:
    """A node that is asked for commitment, and reports what it is told to."""

    port: int
    asked: list[Dataset] = field(default_factory=list)
    status: int = SUCCESS

    def acted(self, event: evt.Event) -> tuple[int, None]:
        self.asked.append(event.action_information)
        return self.status, None

    def report(
        self,
        port: int,
        transaction: str,
        success: list[tuple[str, str]],
        failed: list[tuple[str, str, int]] | None = None,
        **changes: Any,
    ) -> int:
        """Send N-EVENT-REPORT; the status."""
        ae = AE(changes.get("aet", "KEEPER"))
        ae.add_requested_context(MODEL)
        role = build_role(MODEL, scp_role=True)
        association = ae.associate("127.0.0.1", port, ext_neg=[role])
        assert association.is_established
        information = Dataset()
        information.TransactionUID = transaction
        information.ReferencedSOPSequence = Sequence([item(*one) for one in success])
        if failed:
            information.FailedSOPSequence = Sequence([item(*one[:2]) for one in failed])
            for one, (_, _, reason) in zip(information.FailedSOPSequence, failed, strict=True):
                one.FailureReason = reason
        kind = changes.get("kind", 2 if failed else 1)
        status, _ = association.send_n_event_report(
            information, kind, MODEL, changes.get("instance", INSTANCE)
        )
        association.release()
        return int(status.Status)


@contextmanager
def keeping(node: Node) -> Iterator[Keeper]:
    keeper = Keeper(free_port())
    ae = AE("KEEPER")
    ae.add_supported_context(MODEL)
    server = ae.start_server(
        ("127.0.0.1", keeper.port), block=False, evt_handlers=[(evt.EVT_N_ACTION, keeper.acted)]
    )
    configure(node, {"AET": "KEEPER", "Host": "127.0.0.1", "Port": keeper.port}, "keeper")
    yield keeper
    server.shutdown()


@pytest.fixture
def api(node: Node) -> Api:
    """The API over the node's store: method, path and body to status and JSON."""
    client = Client(make_app(node.world.services, Telemetry(logging.getLogger("test"), None)))

    def ask(method: str, path: str, body: object = b"") -> tuple[int, Any]:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = client.get(path) if method == "GET" else client.post(path, raw)
        return answer.status, answer.json()

    return ask


def test_what_another_keeps_can_be_deleted_here(node: Node, api: Api) -> None:
    kept, other = add(node, "CT_small.dcm"), add(node, "MR_small.dcm")
    mr = node.world.services.reading.instance(other).sop_instance_uid
    pairs = [(CT, IMAGE.SOPInstanceUID), ("1.2.3", "4.5.6"), ("7.8", "9.0")]
    more = [{"SOPClassUID": "1.2.3", "SOPInstanceUID": "4.5.6"}, ["7.8", "9.0"]]
    body = {"Resources": [kept], "DicomInstances": more}
    with keeping(node) as keeper:
        status, answer = api("POST", "/modalities/keeper/storage-commitment", body)
        transaction, path = answer["ID"], answer["Path"]
        assert (status, path) == (200, f"/storage-commitment/{transaction}")
        [asked] = keeper.asked
        assert (asked.TransactionUID, uids(asked.ReferencedSOPSequence)) == (transaction, pairs)
        pending = {"RemoteAET": "KEEPER", "Status": "Pending"}
        assert api("GET", path) == (200, pending)
        assert api("POST", f"{path}/remove")[0] == 500
        failed = [(*pairs[1], 0x0112), (*pairs[2], 0x0131)]
        assert keeper.report(node.port, transaction, pairs[:1], failed) == SUCCESS
        report = api("GET", path)[1]
        assert (report["Status"], len(report["Success"])) == ("Failure", 1)
        assert [(one["SOPInstanceUID"], one["FailureReason"]) for one in report["Failures"]] == [
            ("4.5.6", 0x0112),
            ("9.0", 0x0131),
        ]
        code, error = api("POST", f"{path}/remove")
        assert (code, error["OrthancStatus"]) == (500, 6)
        # What was not asked for stays, whatever the other says of it.
        assert keeper.report(node.port, transaction, [*pairs, (MR, mr)]) == SUCCESS
        assert api("GET", path)[1]["Status"] == "Success"
        assert api("POST", f"{path}/remove") == (200, {})
        assert api("POST", f"{path}/remove") == (200, {})
    assert node.world.services.browse.lookup(IMAGE.SOPInstanceUID) == []
    assert node.world.services.browse.lookup(mr) != []


def test_only_who_was_asked_reports(node: Node, api: Api) -> None:
    kept = add(node, "CT_small.dcm")
    pair = (CT, IMAGE.SOPInstanceUID)
    with keeping(node) as keeper:
        for name, fields in (("other", {}), ("forbidden", {"AllowEventReport": False})):
            configure(node, {"AET": name.upper(), "Host": "127.0.0.1", "Port": 104, **fields}, name)
        _, answer = api("POST", "/modalities/keeper/storage-commitment", {"Resources": [kept]})
        transaction = answer["ID"]

        def report(**changes: Any) -> int:
            return keeper.report(node.port, changes.pop("transaction", transaction), [pair], **changes)

        assert report(aet="STRANGER") == NOT_AUTHORISED
        assert report(aet="FORBIDDEN") == NOT_AUTHORISED
        assert report(aet="OTHER") == SUCCESS
        assert report(transaction="1.2.3") == SUCCESS
        assert report(transaction="") == MISSING_ATTRIBUTE
        assert report(kind=3) == NO_SUCH_EVENT
        assert report(instance="1.2.3") == NO_SUCH_INSTANCE
        assert api("GET", answer["Path"])[1]["Status"] == "Pending"
        assert report() == SUCCESS
        assert api("GET", answer["Path"])[1]["Status"] == "Success"


@pytest.mark.parametrize(
    ("body", "status", "orthanc_status"),
    [
        (b"", 400, 15),
        ([], 400, 15),
        ({}, 400, 15),
        ({"Resources": "x"}, 400, 15),
        ({"Resources": ["nope"]}, 404, 17),
        ({"Resources": ["11111111-11111111-11111111-11111111-11111111"]}, 404, 17),
        ({"DicomInstances": [{"SOPClassUID": "1.2"}]}, 400, 15),
        ({"DicomInstances": [["1.2"]]}, 400, 15),
        ({"DicomInstances": ["1.2"]}, 400, 15),
        ({"DicomInstances": "x"}, 400, 15),
        ({"DicomInstances": [], "Timeout": "x"}, 400, 15),
    ],
)
def test_bad_bodies_get_orthancs_errors(
    node: Node, api: Api, body: object, status: int, orthanc_status: int
) -> None:
    with keeping(node) as keeper:
        code, error = api("POST", "/modalities/keeper/storage-commitment", body)
        assert (code, error["OrthancStatus"]) == (status, orthanc_status)
    assert keeper.asked == []


def test_a_modality_that_refuses_or_is_away_is_told(node: Node, api: Api) -> None:
    body: dict[str, Any] = {"DicomInstances": []}
    with keeping(node) as keeper:
        assert api("POST", "/modalities/keeper/storage-commitment", body)[0] == 200
        keeper.status = 0x0110
        code, error = api("POST", "/modalities/keeper/storage-commitment", body)
        assert (code, error["OrthancStatus"]) == (500, 9)
    assert api("POST", "/modalities/keeper/storage-commitment", body)[1]["OrthancStatus"] == 9
    assert api("POST", "/modalities/none/storage-commitment", body)[0] == 404


@pytest.mark.parametrize("identifier", ["nope", "2.25.1", "..", "2.25.1%2F..%2F..", "2.25." + "1" * 50])
def test_there_is_no_other_transaction(api: Api, identifier: str) -> None:
    assert api("GET", f"/storage-commitment/{identifier}")[0] == 404
    assert api("POST", f"/storage-commitment/{identifier}/remove")[0] == 404


def test_orthanc_keeps_and_reports(node: Node, api: Api, tmp_path: Path) -> None:
    there = {"AET": "NACRE", "Host": "127.0.0.1", "Port": node.port}
    with Orthanc(tmp_path / "orthanc", DicomModalities={"nacre": there}).running() as orthanc:
        configure(node, orthanc.modality(), "orthanc")
        sent, unsent = add(node, "CT_small.dcm"), add(node, "MR_small.dcm")
        orthanc.request("POST", "/instances", Path(str(get_testdata_file("CT_small.dcm"))).read_bytes())
        for resources, expected in (([sent], "Success"), ([sent, unsent], "Failure")):
            _, answer = api("POST", "/modalities/orthanc/storage-commitment", {"Resources": resources})
            wait_for(lambda: api("GET", answer["Path"])[1]["Status"] != "Pending")  # noqa: B023
            report = api("GET", answer["Path"])[1]
            assert (report["Status"], len(report["Success"])) == (expected, 1)


def test_what_was_sent_is_asked_for_and_the_job_names_the_transaction(
    node: Node, api: Api, tmp_path: Path
) -> None:
    """Orthanc takes the files, and keeps them."""
    ours = {"nacre": ["NACRE", "127.0.0.1", node.port]}
    with Orthanc(tmp_path / "orthanc", DicomModalities=ours).running() as orthanc:
        configure(node, orthanc.modality(), "orthanc")
        identifiers = [add(node, "CT_small.dcm"), add(node, "MR_small.dcm")]
        body = {"Resources": identifiers, "StorageCommitment": True}
        status, content = api("POST", "/modalities/orthanc/store", body)
        assert (status, content["FailedInstancesCount"]) == (200, 0)
        path = f"/storage-commitment/{content['StorageCommitmentTransactionUID']}"
        wait_for(lambda: api("GET", path)[1]["Status"] == "Success")
        assert {one["SOPInstanceUID"] for one in api("GET", path)[1]["Success"]} == {
            str(node.world.services.reading.instance(one).sop_instance_uid) for one in identifiers
        }


def test_a_send_without_commitment_names_none_and_one_that_is_refused_fails(node: Node, api: Api) -> None:
    (one,) = [add(node, "CT_small.dcm")]
    with Scp() as receiver:
        configure(node, receiver.modality())
        assert (
            "StorageCommitmentTransactionUID"
            not in api("POST", "/modalities/peer/store", {"Resources": [one]})[1]
        )
        status, failure = api(
            "POST", "/modalities/peer/store", {"Resources": [one], "StorageCommitment": True}
        )
    assert (status, failure["OrthancStatus"]) == (500, 2015)
    assert len(receiver.received) == 2
    wrong = {"Resources": [one], "StorageCommitment": "x"}
    assert api("POST", "/modalities/peer/store", wrong)[0] == 400
