"""The jobs that have a remote modality send (`DicomMoveScu`), or fetch from it (`DicomGetScu`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chalicelib.dicom import queries as dicom
from chalicelib.dicom.tags_json import in_format, tag_text
from chalicelib.domain.errors import BadRequest, NetworkProtocol
from chalicelib.domain.jobs import Job
from chalicelib.domain.levels import Level
from chalicelib.domain.modalities import Remote
from chalicelib.domain.tag_format import TagFormat
from chalicelib.services import origins
from chalicelib.services.jobs.jobs import Jobs
from chalicelib.services.jobs.work import JobRun
from chalicelib.services.network.dicom_out import DicomOut
from chalicelib.services.reception import Reception
from chalicelib.storage.s3.notes import JobNotes

MOVE, GET = "DicomMoveScu", "DicomGetScu"
ITEMS = "items"
MAXIMUM_ITEMS = 1000
"""Of one job: it shows them all."""


@dataclass(frozen=True, slots=True)
class RetrieveRequest:
    """What is to be retrieved: from whom, at which level, the fields that name each resource.

    An empty `target_aet` asks for C-GET.
    """

    remote: Remote
    level: Level
    items: Sequence[Mapping[int, str]]
    target_aet: str = ""
    form: TagFormat = TagFormat.SHORT
    is_permissive: bool = False
    priority: int = 0
    is_awaited: bool = False


class Retrievals:
    """Creates jobs that retrieve."""

    def __init__(self, jobs: Jobs, notes: JobNotes) -> None:
        self._jobs = jobs
        self._notes = notes

    def create(self, request: RetrieveRequest) -> Job:
        """A job that nobody works on yet.

        Raises
        ------
        BadRequest
            It would retrieve too many resources.
        """
        if len(request.items) > MAXIMUM_ITEMS:
            raise BadRequest(f"One job retrieves up to {MAXIMUM_ITEMS} resources")
        remote = request.remote
        items = [{str(tag): text for tag, text in item.items()} for item in request.items]
        content: dict[str, Any] = {
            "Description": "REST API",
            "LocalAet": remote.local_aet,
            "Query": [_shown(request.level, item, request.form) for item in request.items],
            "RemoteAet": remote.aet,
        }
        if request.target_aet:
            content["TargetAet"] = request.target_aet
        arguments = {
            "remote": asdict(remote),
            "level": int(request.level),
            "target": request.target_aet,
            "permissive": request.is_permissive,
        }
        return self._jobs.create(
            MOVE if request.target_aet else GET,
            arguments,
            content,
            request.priority,
            before=lambda job_id: self._notes.put(job_id, ITEMS, items),
            lane=remote.name,
            is_awaited=request.is_awaited,
        )


class RetrieveWork:
    """Retrieves one resource after the other."""

    def __init__(self, kind: str, out: DicomOut, reception: Reception, notes: JobNotes) -> None:
        """`kind` is one of the types above."""
        self.type = kind
        self._out = out
        self._reception = reception
        self._notes = notes

    def run(self, run: JobRun) -> None:
        """Retrieve what is not retrieved yet. To have one sent twice does no harm."""
        items: list[dict[str, str]] = self._notes.get(run.job.id, ITEMS)
        arguments = run.job.arguments
        remote, level = Remote(**arguments["remote"]), Level(arguments["level"])
        with run.kept_alive():
            for done in range(run.job.checkpoint.get("done", 0), len(items)):
                item = {int(tag): text for tag, text in items[done].items()}
                try:
                    self._retrieve(remote, level, item, arguments["target"])
                except NetworkProtocol:
                    if not arguments["permissive"]:
                        raise
                run.checkpoint({"done": done + 1}, (done + 1) * 100 // len(items))

    def _retrieve(self, remote: Remote, level: Level, item: Mapping[int, str], target: str) -> None:
        # An empty key would name everything that has no value there: Orthanc 1.10 sends all of that.
        asked = dicom.identifier(level, {tag: text for tag, text in item.items() if text})
        if self.type == MOVE:
            self._out.move(remote, dicom.model_of(level, dicom.MOVE), asked, target)
            return
        origin = origins.dicom_protocol(remote.host, remote.aet, remote.local_aet)

        def store(path: Path, sop_instance_uid: str) -> None:
            self._reception.store(path, origin, sop_instance_uid)

        self._out.get(remote, dicom.model_of(level, dicom.GET), asked, store)

    def clean(self, job: Job) -> None:
        """A failed job keeps its list: it may be begun anew."""

    def forget(self, job: Job) -> None:
        """Remove the list."""
        self._notes.remove(job.id, [ITEMS])


def _shown(level: Level, item: Mapping[int, str], form: TagFormat) -> dict[str, Any]:
    fields = {dicom.QUERY_RETRIEVE_LEVEL: dicom.LEVEL_NAMES[level], **item}
    if form is TagFormat.SHORT:
        return {tag_text(tag): text for tag, text in fields.items()}
    return in_format(dicom.shown(fields), form)
