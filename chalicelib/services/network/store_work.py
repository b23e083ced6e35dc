"""The job that stores instances at a remote modality (`DicomModalityStore`)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from chalicelib.domain.errors import InexistentItem, NacreError
from chalicelib.domain.jobs import Job
from chalicelib.domain.modalities import Remote
from chalicelib.domain.resources import Instance
from chalicelib.services.jobs.work import JobRun
from chalicelib.services.network.dicom_out import MoveOriginator
from chalicelib.services.network.exports import Exports
from chalicelib.services.network.sending import Sending
from chalicelib.storage.dynamodb.index import Index
from chalicelib.storage.s3.notes import JobNotes

TYPE = "DicomModalityStore"
INSTANCES = "instances"
"""The note that lists the instances of a job."""

BATCH = 20
"""Instances between two checkpoints: as many at most are sent again after a kill."""

LEG = 1000
"""Instances that are read, and sent by one association, at a time."""


def arguments(remote: Remote, originator: MoveOriginator, *, is_permissive: bool) -> dict[str, Any]:
    """What the job needs, but for the instances."""
    return {"remote": asdict(remote), "originator": asdict(originator), "permissive": is_permissive}


@dataclass(slots=True)
class _Progress:
    total: int
    done: int = 0
    failed: int = 0


class StoreWork:
    """Sends a batch, tells of it in the exports log, and goes on."""

    type = TYPE

    def __init__(self, sending: Sending, exports: Exports, index: Index, notes: JobNotes) -> None:
        self._sending = sending
        self._exports = exports
        self._index = index
        self._notes = notes

    def run(self, run: JobRun) -> None:
        """Send what is not sent yet. A job that is not permissive ends at the first instance that cannot be sent."""
        identifiers: list[str] = self._notes.get(run.job.id, INSTANCES)
        progress = _Progress(len(identifiers), **run.job.checkpoint)
        with run.kept_alive():
            while progress.done < len(identifiers):
                self._send(run, identifiers[progress.done : progress.done + LEG], progress)

    def _send(self, run: JobRun, identifiers: list[str], progress: _Progress) -> None:
        arguments = run.job.arguments
        remote, originator = Remote(**arguments["remote"]), MoveOriginator(**arguments["originator"])
        is_permissive = arguments["permissive"]
        there = self._index.instances(list(dict.fromkeys(identifiers)))
        missing = [identifier for identifier in identifiers if identifier not in there]
        if missing and not is_permissive:
            identifiers = identifiers[: identifiers.index(missing[0])]
        sent: list[Instance] = []
        error: NacreError | None = None
        found = [there[identifier] for identifier in identifiers if identifier in there]
        for instance, error in self._sending.send(remote, found, originator):
            if error is not None and not is_permissive:
                break
            progress.done += 1
            progress.failed += error is not None
            if error is None:
                sent.append(instance)
            if len(sent) == BATCH:
                self._keep(run, progress, sent, remote)
                sent = []
        else:
            error = None
        if is_permissive:
            progress.done += len(missing)
            progress.failed += len(missing)
        elif error is None and missing:
            error = InexistentItem("An instance was deleted meanwhile")
        self._keep(run, progress, sent, remote)
        if error is not None:
            raise error

    def _keep(self, run: JobRun, progress: _Progress, sent: list[Instance], remote: Remote) -> None:
        run.checkpoint(
            {"done": progress.done, "failed": progress.failed},
            progress.done * 100 // progress.total,
            {**run.job.content, "FailedInstancesCount": progress.failed},
            self._exports.entries(sent, remote.name),
        )

    def clean(self, job: Job) -> None:
        """A failed job keeps its list: it may be begun anew."""

    def forget(self, job: Job) -> None:
        """Remove the list."""
        self._notes.remove(job.id, [INSTANCES])
