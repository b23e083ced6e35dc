"""C-MOVE and C-GET as a provider (PS3.4, annex C).

pynetdicom would decode and encode each instance again; here the files go out as they are. A C-MOVE is a job: what was
begun is done, even if this process dies on the way.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from io import BytesIO

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_GET, C_MOVE
from pynetdicom.dsutils import decode, encode

from chalicelib.domain.errors import BadRequest, NacreError
from chalicelib.domain.jobs import Job, JobState
from chalicelib.domain.modalities import Operation
from chalicelib.observability import Telemetry
from chalicelib.services.jobs.jobs import Jobs
from chalicelib.services.jobs.runner import Runner
from chalicelib.services.modalities import Modalities
from chalicelib.services.network.dicom_out import MoveOriginator
from chalicelib.services.network.getting import Getting
from chalicelib.services.network.modality_store import ModalityStore
from chalicelib.services.network.query import DicomQuery
from chalicelib.services.network.store_work import MAXIMUM_FAILED_UIDS
from dicom_listener.access import Access
from dicom_listener.finding import keys_of
from dicom_listener.peers import peer_of
from dicom_listener.statuses import (
    CANCELLED,
    DESTINATION_UNKNOWN,
    NOT_AUTHORISED,
    OUT_OF_RESOURCES,
    PENDING,
    SUB_OPERATIONS_FAILED,
    SUB_OPERATIONS_WARNING,
    SUCCESS,
    UNABLE_TO_PROCESS,
)
from dicom_listener.store_association import Storing

REPORT_SECONDS = 0.5


@dataclass(slots=True)
class _Counts:
    """The sub-operations of a request."""

    remaining: int
    completed: int = 0
    failed: int = 0
    failed_uids: list[str] = field(default_factory=list)

    @property
    def status(self) -> int:
        """The final status."""
        if not self.failed:
            return SUCCESS
        return SUB_OPERATIONS_WARNING if self.completed else SUB_OPERATIONS_FAILED


class Retrieve:
    """Serves requests to retrieve."""

    def __init__(
        self,
        query: DicomQuery,
        modalities: Modalities,
        store: ModalityStore,
        getting: Getting,
        jobs: Jobs,
        runner: Runner,
        access: Access,
        telemetry: Telemetry,
    ) -> None:
        self._query = query
        self._modalities = modalities
        self._store = store
        self._getting = getting
        self._jobs = jobs
        self._runner = runner
        self._access = access
        self._telemetry = telemetry

    def serve(self, association: Association, request: C_MOVE | C_GET, context_id: int) -> None:
        """Answer a request, to its end."""
        answers = _Answers(association, request, context_id)
        operation = Operation.MOVE if isinstance(request, C_MOVE) else Operation.GET
        try:
            if not self._access.is_allowed(peer_of(association), operation):
                answers.end(NOT_AUTHORISED)
            elif isinstance(request, C_MOVE):
                self._move(association, request, answers)
            else:
                self._get(association, answers)
        except BadRequest:
            answers.end(UNABLE_TO_PROCESS)
        # The peer has to hear of any failure.
        except Exception as error:
            if not isinstance(error, NacreError):
                self._telemetry.event(f"C-{operation.upper()} failed", error=error)
            answers.end(OUT_OF_RESOURCES)

    def _move(self, association: Association, request: C_MOVE, answers: _Answers) -> None:
        name = self._destination(str(request.MoveDestination or "").strip())
        if name is None:
            answers.end(DESTINATION_UNKNOWN)
            return
        instances = self._query.instances(answers.keys())
        originator = MoveOriginator(peer_of(association).calling_aet, int(request.MessageID or 0))
        job = self._store.create_for(name, instances, originator)
        worker = threading.Thread(target=self._runner.run, args=(job,), daemon=True)
        worker.start()
        while worker.is_alive():
            worker.join(REPORT_SECONDS)
            job = self._jobs.get(job.id)
            if answers.is_cancelled and not job.state.is_final:
                self._jobs.cancel(job.id)
                answers.end(CANCELLED, _counts(job, len(instances)))
                return
            if worker.is_alive():
                answers.pending(_counts(job, len(instances)))
        job = self._jobs.get(job.id)
        if job.state is JobState.SUCCESS:
            counts = _counts(job, len(instances))
            answers.end(counts.status, counts)
        else:
            answers.end(OUT_OF_RESOURCES if job.state is JobState.RETRY else SUB_OPERATIONS_FAILED)

    def _get(self, association: Association, answers: _Answers) -> None:
        identifiers = self._query.instances(answers.keys())
        counts = _Counts(len(identifiers))
        storing = Storing(association, peer_of(association).calling_aet)
        name = next(
            (m.aet for m in self._access.known(peer_of(association)).values()),
            peer_of(association).calling_aet,
        )
        for sop_instance_uid, error in self._getting.send(storing, identifiers, name):
            counts.remaining -= 1
            if error is None:
                counts.completed += 1
            else:
                counts.failed += 1
                counts.failed_uids += [sop_instance_uid] if sop_instance_uid else []
            if answers.is_cancelled:
                answers.end(CANCELLED, counts)
                return
            if storing.has_ended:
                return
            answers.pending(counts)
        answers.end(counts.status, counts)

    def _destination(self, aet: str) -> str | None:
        """The symbolic name of the modality with an AE title."""
        return next(iter(self._modalities.find(lambda modality: modality.aet == aet)), None)


def _counts(job: Job, total: int) -> _Counts:
    done, failed = job.checkpoint.get("done", 0), job.checkpoint.get("failed", 0)
    return _Counts(total - done, done - failed, failed, job.checkpoint.get("failed_uids", []))


class _Answers:
    """The answers to one request."""

    def __init__(self, association: Association, request: C_MOVE | C_GET, context_id: int) -> None:
        self._association = association
        self._request = request
        self._context_id = context_id
        contexts = {context.context_id: context for context in association.accepted_contexts}
        self._syntax: UID = contexts[context_id].transfer_syntax[0]

    @property
    def is_cancelled(self) -> bool:
        """Whether the peer has cancelled the request."""
        return self._request.MessageID in self._association.dimse.cancel_req

    def keys(self) -> dict[int, str]:
        """The keys of the request; raises `BadRequest` if it has none that can be read."""
        data = self._request.Identifier
        try:
            identifier = decode(BytesIO(data.getvalue() if data else b""), *self._encoding)
            return keys_of(identifier)
        except Exception as error:  # pydicom has no error of its own for this
            raise BadRequest("The identifier cannot be read") from error

    def pending(self, counts: _Counts) -> None:
        """Tell of the progress."""
        self._send(PENDING, counts)

    def end(self, status: int, counts: _Counts | None = None) -> None:
        """Tell of the end."""
        self._send(status, counts)

    @property
    def _encoding(self) -> tuple[bool, bool]:
        return self._syntax.is_implicit_VR, self._syntax.is_little_endian

    def _send(self, status: int, counts: _Counts | None) -> None:
        if not self._association.is_established:
            return
        answer = type(self._request)()
        answer.MessageIDBeingRespondedTo = self._request.MessageID
        answer.AffectedSOPClassUID = self._request.AffectedSOPClassUID
        answer.Status = status
        if counts is not None:
            if status in (PENDING, CANCELLED):
                answer.NumberOfRemainingSuboperations = min(counts.remaining, 0xFFFF)
            answer.NumberOfCompletedSuboperations = min(counts.completed, 0xFFFF)
            answer.NumberOfFailedSuboperations = min(counts.failed, 0xFFFF)
            answer.NumberOfWarningSuboperations = 0
        if counts is not None and status not in (SUCCESS, PENDING):
            listing = Dataset()
            listing.FailedSOPInstanceUIDList = counts.failed_uids[:MAXIMUM_FAILED_UIDS]
            answer.Identifier = BytesIO(encode(listing, *self._encoding) or b"")
        self._association.dimse.send_msg(answer, self._context_id)
