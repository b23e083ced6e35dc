"""Storage commitment: what others are told that the store keeps, asked by pynetdicom and Orthanc."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid
from pynetdicom import AE, build_role, evt

from chalicelib.domain.jobs import JobState
from chalicelib.domain.levels import Level
from dicom_listener.statuses import (
    MISSING_ATTRIBUTE,
    NO_SUCH_ACTION,
    NO_SUCH_INSTANCE,
    NOT_AUTHORISED,
    SUCCESS,
)
from tests.dicom.peers import Orthanc, free_port
from tests.dicom.test_store_scu import add, configure
from tests.listener.node import Node, running_node
from tests.listener.peer import CT, MR

MODEL, INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
IMAGE = dcmread(get_testdata_file("CT_small.dcm"))


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with running_node(tmp_path / "node") as running:
        yield running


@dataclass
class Asker:
    """A node that asks for commitment, and gets reports."""

    port: int
    reports: list[tuple[int, Dataset]] = field(default_factory=list)
    names: list[tuple[str, str]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def ask(
        self, port: int, references: list[tuple[str, str]] | None, aet: str = "ASKER", **changes: Any
    ) -> tuple[int, str]:
        """Send N-ACTION; the status, and the transaction."""
        ae = AE(aet)
        ae.add_requested_context(MODEL)
        association = ae.associate("127.0.0.1", port, ae_title="CALLED")
        assert association.is_established
        request = Dataset()
        request.TransactionUID = changes.get("transaction", generate_uid())
        if references is not None:
            request.ReferencedSOPSequence = Sequence([item(*one) for one in references])
        action, instance = changes.get("action", 1), changes.get("instance", INSTANCE)
        status, _ = association.send_n_action(request, action, MODEL, instance)
        association.release()
        return status.Status, request.TransactionUID

    def reported(self, event: evt.Event) -> tuple[int, None]:
        requestor = event.assoc.requestor
        self.names.append((requestor.ae_title, str(requestor.primitive.called_ae_title)))
        status = self.answers.pop(0) if self.answers else SUCCESS
        if status == SUCCESS:
            self.reports.append((event.event_type, event.event_information))
        return status, None


def item(sop_class: str, sop_instance: str) -> Dataset:
    made = Dataset()
    made.ReferencedSOPClassUID, made.ReferencedSOPInstanceUID = sop_class, sop_instance
    return made


@contextmanager
def asking(port: int | None = None) -> Iterator[Asker]:
    asker = Asker(port or free_port())
    ae = AE("ASKER")
    ae.add_supported_context(MODEL, scu_role=False, scp_role=True)
    handlers = [(evt.EVT_N_EVENT_REPORT, asker.reported)]
    server = ae.start_server(("127.0.0.1", asker.port), block=False, evt_handlers=handlers)
    yield asker
    server.shutdown()


def modality(asker: Asker, **fields: object) -> dict[str, object]:
    return {"AET": "ASKER", "Host": "127.0.0.1", "Port": asker.port, **fields}


def work(node: Node) -> None:
    """Do the jobs that wait."""
    runner = node.world.services.network_runner
    while runner.run_next():
        pass


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def uids(items: list[Dataset]) -> list[tuple[str, str]]:
    return [(one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID) for one in items]


def test_what_is_there_is_committed(node: Node) -> None:
    add(node, "CT_small.dcm")
    with asking() as asker:
        configure(node, modality(asker))
        asked = [(CT, IMAGE.SOPInstanceUID)]
        status, transaction = asker.ask(node.port, asked)
        assert (status, asker.reports) == (SUCCESS, [])  # the job is there, whoever does it
        work(node)
    [(kind, report)] = asker.reports
    assert (kind, report.TransactionUID) == (1, transaction)
    assert uids(report.ReferencedSOPSequence) == asked
    assert "FailedSOPSequence" not in report
    assert asker.names == [("CALLED", "ASKER")]
    [job] = node.world.services.jobs.all()
    assert (job.type, job.state) == ("StorageCommitmentScp", JobState.SUCCESS)
    assert job.content == {
        "CalledAet": "CALLED",
        "Description": "",
        "RemoteAet": "ASKER",
        "TransactionUid": transaction,
    }


def test_what_is_not_there_fails_with_a_reason_of_its_own(node: Node) -> None:
    kept, gone = add(node, "CT_small.dcm"), add(node, "MR_small.dcm")
    lost = node.world.services.reading.instance(gone).sop_instance_uid
    node.world.services.delete.delete(Level.INSTANCE, gone)
    assert kept
    with asking() as asker:
        configure(node, modality(asker))
        there = (CT, IMAGE.SOPInstanceUID)
        study = (CT, IMAGE.StudyInstanceUID)
        asker.ask(node.port, [there, (MR, IMAGE.SOPInstanceUID), (MR, lost), study, there])
        work(node)
    [(kind, report)] = asker.reports
    assert (kind, uids(report.ReferencedSOPSequence)) == (2, [there, there])
    failed = [
        (*pair, one.FailureReason)
        for pair, one in zip(uids(report.FailedSOPSequence), report.FailedSOPSequence, strict=True)
    ]
    assert failed == [(MR, IMAGE.SOPInstanceUID, 0x0119), (MR, lost, 0x0112), (*study, 0x0112)]


def test_a_report_that_does_not_arrive_is_sent_again(node: Node) -> None:
    add(node, "CT_small.dcm")
    with asking() as asker:
        configure(node, modality(asker))
        asker.answers = [0x0110]
        asker.ask(node.port, [(CT, IMAGE.SOPInstanceUID)])
        work(node)
        [job] = node.world.services.jobs.all()
        assert (job.state, asker.reports) == (JobState.RETRY, [])
    node.world.clock.advance(120)
    work(node)  # nobody listens
    with asking(asker.port) as again:
        node.world.clock.advance(600)
        work(node)
        assert [kind for kind, _ in again.reports] == [1]
    [job] = node.world.services.jobs.all()
    assert job.state is JobState.SUCCESS


def test_a_thousand_instances_are_looked_for(node: Node) -> None:
    add(node, "CT_small.dcm")
    with asking() as asker:
        configure(node, modality(asker))
        asker.ask(node.port, [(CT, IMAGE.SOPInstanceUID), *((CT, f"1.2.3.{n}") for n in range(1000))])
        work(node)
    [(_, report)] = asker.reports
    assert (len(report.ReferencedSOPSequence), len(report.FailedSOPSequence)) == (1, 1000)


@pytest.mark.parametrize(
    ("aet", "changes", "references", "expected"),
    [
        ("STRANGER", {}, [(CT, "1.2.3")], NOT_AUTHORISED),
        ("FORBIDDEN", {}, [(CT, "1.2.3")], NOT_AUTHORISED),
        ("ASKER", {"transaction": ""}, [(CT, "1.2.3")], MISSING_ATTRIBUTE),
        ("ASKER", {}, None, MISSING_ATTRIBUTE),
        ("ASKER", {}, [(CT, "")], MISSING_ATTRIBUTE),
        ("ASKER", {"action": 2}, [(CT, "1.2.3")], NO_SUCH_ACTION),
        ("ASKER", {"instance": "1.2.3"}, [(CT, "1.2.3")], NO_SUCH_INSTANCE),
    ],
)
def test_bad_requests_get_a_status_and_no_report(
    node: Node, aet: str, changes: dict[str, Any], references: list[tuple[str, str]] | None, expected: int
) -> None:
    with asking() as asker:
        configure(node, modality(asker))
        forbidden = {"AET": "FORBIDDEN", "Host": "127.0.0.1", "Port": 104, "AllowNAction": False}
        configure(node, forbidden, "forbidden")
        assert asker.ask(node.port, references, aet, **changes)[0] == expected
        work(node)
    assert asker.reports == []
    assert node.world.services.jobs.all() == []


def test_a_peer_that_offers_both_roles_is_served(node: Node) -> None:
    ae = AE("ASKER")
    ae.add_requested_context(MODEL)
    association = ae.associate("127.0.0.1", node.port, ext_neg=[build_role(MODEL, True, True)])
    assert association.is_established
    [context] = association.accepted_contexts
    assert context.as_scu
    association.release()


def test_orthanc_gets_its_report(node: Node, tmp_path: Path) -> None:
    there = {"AET": "NACRE", "Host": "127.0.0.1", "Port": node.port}
    orthanc = Orthanc(tmp_path / "orthanc", DicomModalities={"nacre": there})
    with orthanc.running():
        configure(node, orthanc.modality())
        for name in ("CT_small.dcm", "MR_small.dcm"):
            orthanc.request("POST", "/instances", Path(str(get_testdata_file(name))).read_bytes())
        kept = add(node, "CT_small.dcm")
        for resources, expected in (([kept], "Success"), (orthanc.request("GET", "/instances"), "Failure")):
            answer = orthanc.request("POST", "/modalities/nacre/storage-commitment", {"Resources": resources})
            work(node)
            wait_for(lambda: orthanc.request("GET", answer["Path"])["Status"] != "Pending")  # noqa: B023
            report = orthanc.request("GET", answer["Path"])
            assert (report["Status"], len(report["Success"])) == (expected, 1)
            assert report["RemoteAET"] == "NACRE"
