"""Reconstruct what may be large: by a job, which whoever asks waits for, for a while."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.domain.errors import Unavailable, UnknownResource
from chalicelib.domain.jobs import Job, JobState
from chalicelib.domain.levels import Level
from chalicelib.services.jobs.jobs import Jobs
from chalicelib.services.jobs.runner import Runner
from chalicelib.services.jobs.synchronous import run_now
from chalicelib.services.jobs.work import JobRun
from chalicelib.services.reconstruct import Reconstruct
from chalicelib.storage.dynamodb.index import Index

TYPE = "Reconstruct"
EVERYTHING = ""


class ReconstructWork:
    """Reconstructs a resource above instances, or everything: series after series, in their order."""

    type = TYPE

    def __init__(self, index: Index, reconstruct: Reconstruct) -> None:
        self._index = index
        self._reconstruct = reconstruct

    def run(self, run: JobRun) -> None:
        """Go on behind the last series that was done."""
        after = str(run.job.checkpoint.get("after", ""))
        done = int(run.job.checkpoint.get("done", 0))
        for series in self._series(str(run.job.arguments["resource"]), after):
            for count in self._reconstruct.series(series):
                done += count
                run.checkpoint({"after": after, "done": done}, _progress(series), _content(run.job, done))
            after = series
        run.checkpoint({"after": after, "done": done}, 100)

    def clean(self, job: Job) -> None:
        """It makes nothing that would be left."""

    def forget(self, job: Job) -> None:
        """It makes nothing that would be left."""

    def _series(self, resource: str, after: str) -> Iterable[str]:
        if resource == EVERYTHING:
            return self._reconstruct.all_series(after)
        row = self._index.resource(resource)
        return [one for one in self._reconstruct.series_of(row) if one > after] if row is not None else []


class Reconstructions:
    """Starts reconstructions."""

    def __init__(self, index: Index, reconstruct: Reconstruct, jobs: Jobs, runner: Runner) -> None:
        self._index = index
        self._reconstruct = reconstruct
        self._jobs = jobs
        self._runner = runner

    def resource(self, level: Level, identifier: str, *, this_level_alone: bool) -> Job | None:
        """Reconstruct a resource; the job if it is still at work.

        Raises
        ------
        UnknownResource
            There is no such resource.
        Unavailable
            It did not succeed; `/jobs` tells more.
        """
        if level is Level.INSTANCE:
            self._reconstruct.instance(identifier)
            return None
        row = self._index.resource(identifier)
        if row is None or row.level is not level:
            raise UnknownResource
        if this_level_alone:
            self._reconstruct.level_alone(identifier)
            return None
        return self._run(identifier)

    def everything(self) -> Job | None:
        """Reconstruct the whole store; the job if it is still at work."""
        return self._run(EVERYTHING)

    def _run(self, resource: str) -> Job | None:
        content = {"Description": "REST API", "InstancesCount": 0}
        job = self._jobs.create(TYPE, {"resource": resource}, content)
        job = run_now(self._jobs, self._runner, job)
        if job.state is JobState.FAILURE:
            raise Unavailable(job.error.details or job.error.description)
        return None if job.state is JobState.SUCCESS else job


def _content(job: Job, done: int) -> Mapping[str, Any]:
    return {**job.content, "InstancesCount": done}


def _progress(series: str) -> int:
    """Identifiers are spread evenly: the first digits of one tell how many are before it."""
    return int(series[:2], 16) * 99 // 256
