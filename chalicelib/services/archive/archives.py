"""Archives of resources: at once if they are small, else by a job that whoever asks waits for, for a while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from chalicelib.domain.errors import InexistentItem, UnknownResource
from chalicelib.domain.jobs import Job, JobOutput, JobState
from chalicelib.domain.levels import Level
from chalicelib.services.archive.build import MEDIA, MEGABYTE, OUTPUT, PLAN, RECORDS, in_memory, plan_note
from chalicelib.services.archive.files import FilesAhead
from chalicelib.services.archive.media import directory_records, media_entries
from chalicelib.services.archive.plan import Entry, Placed, Plans, archive_entries
from chalicelib.services.browse import Browse
from chalicelib.services.bulk import Bulk
from chalicelib.services.jobs.jobs import Jobs
from chalicelib.services.jobs.runner import Runner
from chalicelib.services.jobs.synchronous import run_now
from chalicelib.services.transcoding import Target
from chalicelib.storage.s3.notes import JobNotes

if TYPE_CHECKING:
    from chalicelib.dicom.dicomdir import Record

ARCHIVE = "Archive"
MAXIMUM_INLINE_BYTES = 64 * 1024**2
"""What is put together in memory, where the gateway carries as much."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be in an archive, and how it is asked for.

    A medium has a DICOMDIR, an extended one a larger one.
    """

    placed: Sequence[Placed]
    file_name: str
    is_media: bool = False
    is_extended: bool = False
    priority: int = 0
    target: Target | None = None
    """What the files are to be transcoded to, where they can be."""

    @property
    def size(self) -> int:
        """The size of the instances' files, in bytes."""
        return sum(placed.instance.file.size for placed in self.placed)

    @property
    def entries(self) -> list[Entry]:
        """Its files, but for the DICOMDIR."""
        return media_entries(self.placed) if self.is_media else archive_entries(self.placed)

    @property
    def records(self) -> list[Record] | None:
        """The records of its DICOMDIR, if it has one."""
        return directory_records(self.placed, extended=self.is_extended) if self.is_media else None


class Archives:
    """Makes archives."""

    def __init__(
        self,
        browse: Browse,
        bulk: Bulk,
        plans: Plans,
        jobs: Jobs,
        runner: Runner,
        notes: JobNotes,
        files: FilesAhead,
        *,
        maximum_inline_bytes: int,
    ) -> None:
        self._browse = browse
        self._bulk = bulk
        self._plans = plans
        self._jobs = jobs
        self._runner = runner
        self._notes = notes
        self._files = files
        self._maximum_inline_bytes = min(maximum_inline_bytes, MAXIMUM_INLINE_BYTES)

    def of_resource(self, level: Level, identifier: str) -> list[Placed]:
        """The instances of a resource.

        Raises
        ------
        InexistentItem
            There is none at this level.
        """
        try:
            node = self._browse.get(level, identifier)
        except UnknownResource:
            missing = f"Missing resource while creating an archive: {identifier[:64]}"
            raise InexistentItem(missing) from None
        return self._plans.plan([node])

    def of_resources(self, identifiers: Sequence[str]) -> list[Placed]:
        """The instances of resources of any level; raises `UnknownResource` if one of them is missing."""
        wanted = list(dict.fromkeys(identifiers))
        nodes = self._bulk.nodes(wanted)
        if len(nodes) < len(wanted):
            raise UnknownResource
        return self._plans.plan(nodes)

    def make(self, request: Request) -> bytes | JobOutput | Job:
        """An archive: its bytes, or where it lies, or the job that still works on it.

        Raises
        ------
        NacreError
            What the job failed of.
        """
        if request.size <= self._maximum_inline_bytes:
            return in_memory(request.entries, self._files, request.records, request.target)
        job = self._create(request)
        job = run_now(self._jobs, self._runner, job)
        if job.state is JobState.SUCCESS:
            return job.outputs[OUTPUT]
        if job.state is JobState.FAILURE:
            raise InexistentItem(job.error.details or job.error.description)
        return job

    def submit(self, request: Request) -> Job:
        """Start a job that makes an archive."""
        job = self._create(request)
        self._jobs.wake(job)
        return job

    def _create(self, request: Request) -> Job:
        content = {
            "ArchiveSize": "0",
            "ArchiveSizeMB": 0,
            "Description": "REST API",
            "InstancesCount": len(request.placed),
            "UncompressedSize": str(request.size),
            "UncompressedSizeMB": request.size // MEGABYTE,
        }
        return self._jobs.create(
            MEDIA if request.is_media else ARCHIVE,
            {"filename": request.file_name, "transcode": asdict(request.target) if request.target else None},
            content,
            request.priority,
            before=lambda job_id: self._note(job_id, request),
        )

    def _note(self, job_id: str, request: Request) -> None:
        """Keep what is to be built, before anybody can begin."""
        if request.records is not None:
            self._notes.put(job_id, RECORDS, [asdict(record) for record in request.records])
        self._notes.put(job_id, PLAN, plan_note(request.entries))
