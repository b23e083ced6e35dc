"""The jobs that store instances elsewhere: at a remote modality, or at a peer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from chalicelib.domain.errors import InexistentItem, NacreError
from chalicelib.domain.jobs import Job
from chalicelib.domain.resources import Instance
from chalicelib.services.jobs.work import JobRun
from chalicelib.services.network.exports import Exports
from chalicelib.storage.dynamodb.index import Index
from chalicelib.storage.s3.notes import JobNotes

INSTANCES = "instances"
"""The note that lists the instances of a job."""

PERMISSIVE = "permissive"
"""The argument that says whether the job goes on where an instance cannot be sent."""

BATCH = 20
"""Instances between two checkpoints: as many at most are sent again after a kill."""

LEG = 1000
"""Instances that are read, and sent by one association, at a time."""


MAXIMUM_FAILED_UIDS = 1000
"""SOP Instance UIDs of failures that are kept: more would not fit into an element with a length of two bytes."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An instance with why it was not sent, or None, and the bytes that it took on the line."""

    instance: Instance
    error: NacreError | None
    size: int = 0


class Destination(Protocol):
    """Where a job sends to."""

    @property
    def name(self) -> str:
        """Its symbolic name."""

    def send(self, instances: Sequence[Instance]) -> Iterator[Attempt]:
        """Send instances one after the other; gives each."""

    def conclude(self) -> None:
        """Do what follows when all are sent. Safe to repeat."""


@dataclass(slots=True)
class _Progress:
    total: int
    done: int = 0
    failed: int = 0
    size: int = 0
    failed_uids: list[str] = field(default_factory=list)

    def add(self, attempt: Attempt) -> None:
        """Count an attempt."""
        self.done += 1
        self.size += attempt.size
        if attempt.error is not None:
            self.failed += 1
            if len(self.failed_uids) < MAXIMUM_FAILED_UIDS:
                self.failed_uids.append(attempt.instance.sop_instance_uid)

    def checkpoint(self) -> dict[str, Any]:
        """What the job keeps of it."""
        kept = asdict(self)
        del kept["total"]
        return kept


class StoreWork:
    """Sends a batch, tells of it in the exports log, and goes on."""

    def __init__(
        self,
        kind: str,
        destination_of: Callable[[Mapping[str, Any]], Destination],
        exports: Exports,
        index: Index,
        notes: JobNotes,
    ) -> None:
        """`kind` is Orthanc's name of the jobs; `destination_of` makes a destination of their arguments."""
        self.type = kind
        self._destination_of = destination_of
        self._exports = exports
        self._index = index
        self._notes = notes

    def run(self, run: JobRun) -> None:
        """Send what is not sent yet. A job that is not permissive ends at the first instance that cannot be sent."""
        destination = self._destination_of(run.job.arguments)
        identifiers: list[str] = self._notes.get(run.job.id, INSTANCES)
        progress = _Progress(len(identifiers), **run.job.checkpoint)
        with run.kept_alive():
            while progress.done < len(identifiers):
                self._send(run, destination, identifiers[progress.done : progress.done + LEG], progress)
            destination.conclude()

    def _send(
        self, run: JobRun, destination: Destination, identifiers: list[str], progress: _Progress
    ) -> None:
        is_permissive = run.job.arguments[PERMISSIVE]
        there = self._index.instances(list(dict.fromkeys(identifiers)))
        missing = [identifier for identifier in identifiers if identifier not in there]
        if missing and not is_permissive:
            identifiers = identifiers[: identifiers.index(missing[0])]
        sent: list[Instance] = []
        error: NacreError | None = None
        found = [there[identifier] for identifier in identifiers if identifier in there]
        for attempt in destination.send(found):
            error = attempt.error
            if error is not None and not is_permissive:
                break
            progress.add(attempt)
            if error is None:
                sent.append(attempt.instance)
            if len(sent) == BATCH:
                self._keep(run, progress, sent, destination.name)
                sent = []
        else:
            error = None
        if is_permissive:
            progress.done += len(missing)
            progress.failed += len(missing)
        elif error is None and missing:
            error = InexistentItem("An instance was deleted meanwhile")
        self._keep(run, progress, sent, destination.name)
        if error is not None:
            raise error

    def _keep(self, run: JobRun, progress: _Progress, sent: list[Instance], name: str) -> None:
        content = {**run.job.content, "FailedInstancesCount": progress.failed}
        if "Size" in content:
            content |= sizes(progress.size)
        run.checkpoint(
            progress.checkpoint(),
            progress.done * 100 // progress.total,
            content,
            self._exports.entries(sent, name),
        )

    def clean(self, job: Job) -> None:
        """A failed job keeps its list: it may be begun anew."""

    def forget(self, job: Job) -> None:
        """Remove the list."""
        self._notes.remove(job.id, [INSTANCES])


def sizes(size: int) -> dict[str, str | int]:
    """How many bytes were sent, as jobs show it that tell so."""
    return {"Size": str(size), "SizeMB": size // 1024**2}
