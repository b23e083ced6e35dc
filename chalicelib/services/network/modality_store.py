"""Have resources stored at remote modalities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chalicelib.domain.errors import BadFileFormat
from chalicelib.domain.jobs import Job
from chalicelib.services.bulk import Bulk
from chalicelib.services.description import describe
from chalicelib.services.jobs.jobs import Jobs
from chalicelib.services.network.commitment_reports import CommitmentReports
from chalicelib.services.network.dicom_out import NOBODY, MoveOriginator
from chalicelib.services.network.modality_destination import TYPE, arguments
from chalicelib.services.network.remotes import UNCHANGED, Changes, Remotes
from chalicelib.services.network.requests import Requests
from chalicelib.services.network.resources import instances_of
from chalicelib.services.network.store_work import INSTANCES
from chalicelib.storage.s3.notes import JobNotes


@dataclass(frozen=True, slots=True)
class StoreRequest:
    """What is to be stored where: resources of any levels by identifier, a modality by its symbolic name."""

    modality: str
    resources: tuple[str, ...]
    changes: Changes = UNCHANGED
    originator: MoveOriginator = NOBODY
    is_permissive: bool = False
    priority: int = 0
    is_awaited: bool = False
    wants_commitment: bool = False


class ModalityStore:
    """Creates jobs that store."""

    def __init__(
        self,
        remotes: Remotes,
        requests: Requests,
        commitment: CommitmentReports,
        bulk: Bulk,
        jobs: Jobs,
        notes: JobNotes,
        default_encoding: Callable[[], str],
    ) -> None:
        self._remotes = remotes
        self._requests = requests
        self._commitment = commitment
        self._default_encoding = default_encoding
        self._bulk = bulk
        self._jobs = jobs
        self._notes = notes

    def create(self, request: StoreRequest) -> Job:
        """A job that stores resources, which nobody works on yet.

        Raises
        ------
        InexistentItem
            No modality has this name.
        BadFileFormat
            A text is no identifier.
        UnknownResource
            There is no such resource.
        """
        return self._create(request, instances_of(self._bulk, request.resources))

    def create_for(self, modality: str, instances: Sequence[str], originator: MoveOriginator) -> Job:
        """A job that does a C-MOVE to a modality; raises `InexistentItem`."""
        request = StoreRequest(modality, (), originator=originator, is_permissive=True, is_awaited=True)
        return self._create(request, instances)

    def _create(self, request: StoreRequest, instances: Sequence[str]) -> Job:
        remote = self._remotes.remote(request.modality, request.changes)
        content = {
            "Description": "REST API",
            "FailedInstancesCount": 0,
            "InstancesCount": len(instances),
            "LocalAet": remote.local_aet,
            "RemoteAet": remote.aet,
        }
        if request.resources:
            content["ParentResources"] = sorted(set(request.resources))
        if request.originator.aet:
            content["MoveOriginatorAET"] = request.originator.aet
            content["MoveOriginatorID"] = request.originator.message_id
        transaction_uid = ""
        if request.wants_commitment:
            references = self._commitment.of_instances(instances)
            transaction_uid = self._commitment.expect(remote.aet, references)
            content["StorageCommitmentTransactionUID"] = transaction_uid
        return self._jobs.create(
            TYPE,
            arguments(
                remote,
                request.originator,
                is_permissive=request.is_permissive,
                transaction_uid=transaction_uid,
            ),
            content,
            request.priority,
            before=lambda job_id: self._notes.put(job_id, INSTANCES, instances),
            lane=remote.name,
            is_awaited=request.is_awaited,
        )

    def straight(self, name: str, file: bytes) -> dict[str, str]:
        """Store a DICOM file at a modality, and not here; gives its UIDs.

        Raises
        ------
        InexistentItem
            No modality has this name.
        BadFileFormat, InexistentTag
            It is no DICOM file.
        NetworkProtocol
            It could not be sent.
        """
        remote = self._remotes.remote(name)
        try:
            described = describe(file, len(file), "", self._default_encoding())
        except BadFileFormat:
            raise BadFileFormat(f"Cannot parse an invalid DICOM file (size: {len(file)} bytes)") from None
        kind = described.metadata.get("SopClassUid", ""), described.metadata.get("TransferSyntax", "")
        self._requests.store(remote, file, kind, described.sop_instance_uid)
        return {"SOPClassUID": kind[0], "SOPInstanceUID": described.sop_instance_uid}
