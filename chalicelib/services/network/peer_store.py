"""Have resources stored at peers."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.domain.errors import BadFileFormat, ParameterOutOfRange
from chalicelib.domain.jobs import Job
from chalicelib.services.bulk import Bulk
from chalicelib.services.jobs.jobs import Jobs
from chalicelib.services.network.resources import instances_of
from chalicelib.services.network.store_work import INSTANCES, PERMISSIVE, sizes
from chalicelib.services.peer_json import job_json
from chalicelib.services.peers import Peers
from chalicelib.services.transcoding import Transcoding
from chalicelib.storage.s3.notes import JobNotes

TYPE = "OrthancPeerStore"


@dataclass(frozen=True, slots=True)
class PeerStoreRequest:
    """What is to be stored where: resources of any levels by identifier, a peer by its symbolic name.

    `transcode` is a transfer syntax, or empty; `quality` of None and a timeout of 0 are those of the store.
    """

    peer: str
    resources: tuple[str, ...]
    compresses: bool = False
    transcode: str = ""
    quality: int | None = None
    timeout_seconds: int = 0
    is_permissive: bool = False
    priority: int = 0
    is_awaited: bool = False


class PeerStore:
    """Creates jobs that store."""

    def __init__(
        self, peers: Peers, bulk: Bulk, jobs: Jobs, notes: JobNotes, transcoding: Transcoding
    ) -> None:
        self._peers = peers
        self._bulk = bulk
        self._jobs = jobs
        self._notes = notes
        self._transcoding = transcoding

    def create(self, request: PeerStoreRequest) -> Job:
        """A job that stores resources, which nobody works on yet.

        Raises
        ------
        UnknownResource
            No peer has this name, or there is no such resource.
        BadFileFormat
            A text is no identifier, or no transfer syntax.
        """
        peer = self._peers.get(request.peer)
        instances = instances_of(self._bulk, request.resources)
        content = {
            "Compress": request.compresses,
            "Description": "REST API",
            "FailedInstancesCount": 0,
            "InstancesCount": len(instances),
            "Peer": job_json(peer),
            **sizes(0),
        }
        if request.resources:
            content["ParentResources"] = sorted(set(request.resources))
        if request.transcode:
            self._check_transfer_syntax(request.transcode)
            content["Transcode"] = request.transcode
        how = {
            "name": request.peer,
            "compresses": request.compresses,
            "transcode": request.transcode,
            "quality": request.quality,
            "timeout_seconds": request.timeout_seconds,
        }
        return self._jobs.create(
            TYPE,
            {"peer": how, PERMISSIVE: request.is_permissive},
            content,
            request.priority,
            before=lambda job_id: self._notes.put(job_id, INSTANCES, instances),
            lane=f"peer {request.peer}",
            is_awaited=request.is_awaited,
        )

    def _check_transfer_syntax(self, name: str) -> None:
        try:
            self._transcoding.target(name, None)
        except ParameterOutOfRange:
            raise BadFileFormat(f"Unknown transfer syntax UID: {name[:64]}") from None
