"""Storage commitment over associations (PS3.4, annex J): requests that come, and reports that go."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import N_ACTION, N_EVENT_REPORT
from pynetdicom.events import Event
from pynetdicom.sop_class import StorageCommitmentPushModel  # type: ignore[attr-defined]  # made at run time

from chalicelib.domain.errors import NacreError, NoPresentationContext
from chalicelib.domain.modalities import Operation
from chalicelib.observability import Telemetry
from chalicelib.services.network.commitment import Commitment
from chalicelib.services.network.commitment_reports import CommitmentReports
from chalicelib.services.network.dicom_out import CommitmentReport, Reference
from dicom_listener.access import Access
from dicom_listener.peers import peer_of
from dicom_listener.statuses import (
    MISSING_ATTRIBUTE,
    NO_SUCH_ACTION,
    NO_SUCH_EVENT,
    NO_SUCH_INSTANCE,
    NOT_AUTHORISED,
    PROCESSING_FAILURE,
    SUCCESS,
)

MODEL = str(StorageCommitmentPushModel)
WELL_KNOWN_INSTANCE = "1.2.840.10008.1.20.1.1"
REQUEST_ACTION = 1
ALL_COMMITTED, SOME_FAILED = 1, 2

Answer = tuple[int, Dataset | None]


def commitment_handler(
    commitment: Commitment, access: Access, telemetry: Telemetry
) -> Callable[[Event], Answer]:
    """Makes the handler of N-ACTION. When it has answered success, the job that will report is in the table."""

    def act(event: Event) -> Answer:
        peer = peer_of(event.assoc)
        name = next(iter(access.allowed(peer, Operation.N_ACTION)), None)
        if name is None:
            return NOT_AUTHORISED, None
        request = event.request
        assert isinstance(request, N_ACTION)  # noqa: S101 - this event has no other
        if request.RequestedSOPInstanceUID != WELL_KNOWN_INSTANCE:
            return NO_SUCH_INSTANCE, None
        if request.ActionTypeID != REQUEST_ACTION:
            return NO_SUCH_ACTION, None
        try:
            asked = event.action_information
            references = references_of(asked.get("ReferencedSOPSequence"))
            transaction = str(asked.get("TransactionUID") or "")
            if not transaction or references is None:
                return MISSING_ATTRIBUTE, None
            commitment.request(name, peer.called_aet, transaction, references)
        # The peer has to hear of any failure.
        except Exception as error:
            if not isinstance(error, NacreError):
                telemetry.event("N-ACTION failed", error=error)
            return PROCESSING_FAILURE, None
        return SUCCESS, None

    return act


def references_of(items: Sequence | None) -> list[Reference] | None:
    """What a sequence of a message names, None if there is none or an item lacks a UID."""
    if items is None:
        return None
    found = [
        Reference(str(one.get("ReferencedSOPClassUID") or ""), str(one.get("ReferencedSOPInstanceUID") or ""))
        for one in items
    ]
    return found if all(all(one) for one in found) else None


def send_report(association: Association, report: CommitmentReport) -> Dataset:
    """Send N-EVENT-REPORT; gives the status of the answer.

    Raises
    ------
    NoPresentationContext
        The peer does not let us be the provider.
    """
    information = Dataset()
    information.TransactionUID = report.transaction_uid
    if report.success or not report.failures:
        information.ReferencedSOPSequence = Sequence([_item(one) for one in report.success])
    if report.failures:
        information.FailedSOPSequence = Sequence([_item(one, reason) for one, reason in report.failures])
    kind = SOME_FAILED if report.failures else ALL_COMMITTED
    try:
        status, _ = association.send_n_event_report(information, kind, MODEL, WELL_KNOWN_INSTANCE)
    except ValueError as error:  # the role was not accepted
        raise NoPresentationContext("The modality takes no report of storage commitment") from error
    return status


def send_request(association: Association, transaction_uid: str, references: Iterable[Reference]) -> Dataset:
    """Send N-ACTION; gives the status of the answer."""
    request = Dataset()
    request.TransactionUID = transaction_uid
    request.ReferencedSOPSequence = Sequence([_item(one) for one in references])
    status, _ = association.send_n_action(request, REQUEST_ACTION, MODEL, WELL_KNOWN_INSTANCE)
    return status


def report_handler(
    reports: CommitmentReports, access: Access, telemetry: Telemetry
) -> Callable[[Event], Answer]:
    """Makes the handler of N-EVENT-REPORT. A report that nobody waits for is answered by success, as Orthanc does."""

    def receive(event: Event) -> Answer:
        peer = peer_of(event.assoc)
        allowed = access.allowed(peer, Operation.EVENT_REPORT)
        if not allowed:
            return NOT_AUTHORISED, None
        request = event.request
        assert isinstance(request, N_EVENT_REPORT)  # noqa: S101 - this event has no other
        if request.AffectedSOPInstanceUID != WELL_KNOWN_INSTANCE:
            return NO_SUCH_INSTANCE, None
        if request.EventTypeID not in (ALL_COMMITTED, SOME_FAILED):
            return NO_SUCH_EVENT, None
        try:
            report = _report_of(event.event_information)
            if report is None:
                return MISSING_ATTRIBUTE, None
            reports.receive({one.aet for one in allowed.values()}, report)
        # The peer has to hear of any failure: it may send the report again.
        except Exception as error:
            if not isinstance(error, NacreError):
                telemetry.event("N-EVENT-REPORT failed", error=error)
            return PROCESSING_FAILURE, None
        return SUCCESS, None

    return receive


def _report_of(information: Dataset) -> CommitmentReport | None:
    """What a message reports, None if it lacks what it must have."""
    failed = information.get("FailedSOPSequence") or Sequence()
    success = references_of(information.get("ReferencedSOPSequence") or Sequence())
    failures = references_of(failed)
    transaction = str(information.get("TransactionUID") or "")
    if not transaction or success is None or failures is None:
        return None
    reasons = [int(one.get("FailureReason") or 0) for one in failed]
    return CommitmentReport(transaction, success, list(zip(failures, reasons, strict=True)))


def _item(reference: Reference, reason: int | None = None) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = reference
    if reason is not None:
        item.FailureReason = reason
    return item
