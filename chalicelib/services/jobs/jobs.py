"""Start, show and steer jobs."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from chalicelib.domain.clock import Clock
from chalicelib.domain.errors import BadRequest, InexistentItem, Unavailable, UnknownResource
from chalicelib.domain.jobs import Job, JobError, JobOutput, JobState
from chalicelib.services.jobs.work import Work
from chalicelib.storage.dynamodb.jobs import JobStore
from chalicelib.storage.s3.files import FileStore
from chalicelib.storage.sqs.queue import Queue

CANCELLED = JobError(25, "Canceled job")
MAX_ATTEMPTS = 10


class Jobs:
    """The jobs of a store. They are in the table before anybody is told of them."""

    def __init__(
        self,
        store: JobStore,
        queues: Callable[[str], Queue],
        files: FileStore,
        works: Mapping[str, Work],
        clock: Clock,
        *,
        kept_seconds: int,
    ) -> None:
        """`queues` gives the queue of a kind of job; `kept_seconds` is how long a finished one and its outputs stay."""
        self._store = store
        self._queues = queues
        self._files = files
        self._works = works
        self._clock = clock
        self._kept_seconds = kept_seconds

    def submit(
        self, kind: str, arguments: Mapping[str, Any], content: Mapping[str, Any], priority: int = 0
    ) -> Job:
        """Start a job. Two calls; if the second fails, the sweep wakes the workers."""
        job = self.create(kind, arguments, content, priority)
        self.wake(job)
        return job

    def create(
        self,
        kind: str,
        arguments: Mapping[str, Any],
        content: Mapping[str, Any],
        priority: int = 0,
        before: Callable[[str], object] = lambda _job_id: None,
        *,
        lane: str = "",
        is_shown: bool = True,
        is_awaited: bool = False,
    ) -> Job:
        """As `submit`, without telling the workers: for who runs it, or wakes them.

        `before` gets the identifier and does what has to be done before anybody can take the job.
        """
        now = self._clock()
        job_id = str(uuid.uuid4())
        before(job_id)
        job = Job(
            id=job_id,
            type=kind,
            arguments=dict(arguments),
            created_at=now,
            updated_at=now,
            priority=priority,
            content=dict(content),
            lane=lane,
            is_shown=is_shown,
            is_awaited=is_awaited,
        )
        self._store.create(job)
        return job

    def wake(self, job: Job) -> None:
        """Tell a worker of such jobs that there is something to do."""
        self._queues(job.type).send("work")

    def get(self, job_id: str) -> Job:
        """A job; raises `UnknownResource` if there is none."""
        job = self._store.get(job_id)
        if job is None:
            raise UnknownResource
        return job

    def all(self) -> list[Job]:
        """Every job, oldest first."""
        return self._store.all(self._clock())

    def output(self, job_id: str, name: str) -> JobOutput:
        """What a job has made.

        Raises
        ------
        InexistentItem
            There is no such job, or it has made no such thing (yet, or any more).
        """
        job = self._store.get(job_id)
        if job is None or name not in job.outputs or job.state is not JobState.SUCCESS:
            raise InexistentItem(f"Job has no such output: {name[:64]}")
        return job.outputs[name]

    def delete_output(self, job_id: str, name: str) -> None:
        """Remove what a job has made; raises as `output` does."""
        output = self.output(job_id, name)
        job = self.get(job_id)
        rest = {n: o for n, o in job.outputs.items() if n != name}
        self._store.save(replace(job, outputs=rest), self._expiry())
        self._files.delete([output.key])

    def delete(self, job_id: str) -> None:
        """Forget a finished job and what it made.

        Raises
        ------
        InexistentItem
            There is no such job.
        BadRequest
            It is not finished.
        """
        job = self._store.get(job_id)
        if job is None:
            raise InexistentItem(f"No job found with this id: {job_id[:64]}")
        if not job.state.is_final:
            raise BadRequest("The job is not finished")
        self._files.delete([output.key for output in job.outputs.values()])
        self._works[job.type].forget(job)
        self._store.remove(job)

    def pause(self, job_id: str) -> None:
        """Have a job wait until it is resumed; one that is finished is left alone."""
        self._change(job_id, lambda job: replace(job, state=JobState.PAUSED))

    def cancel(self, job_id: str) -> None:
        """Have a job fail; one that is finished is left alone."""
        job = self._change(
            job_id,
            lambda job: replace(
                job, state=JobState.FAILURE, error=CANCELLED, completed_at=self._clock(), checkpoint={}
            ),
        )
        if job is not None:
            self._works[job.type].clean(job)

    def resume(self, job_id: str) -> None:
        """Have a paused job go on; raises `BadRequest` if it is not paused."""
        self._restart(job_id, JobState.PAUSED, lambda job: replace(job, state=JobState.PENDING))

    def resubmit(self, job_id: str) -> None:
        """Begin a failed job anew; raises `BadRequest` if it has not failed."""
        self._restart(
            job_id,
            JobState.FAILURE,
            lambda job: replace(
                job,
                state=JobState.PENDING,
                error=JobError(),
                checkpoint={},
                progress=0,
                attempts=0,
                is_awaited=False,
                completed_at=None,
            ),
        )

    def _restart(self, job_id: str, state: JobState, edit: Callable[[Job], Job]) -> None:
        job = self._known(job_id)
        if job.state is not state or self._store.save(edit(replace(job, updated_at=self._clock()))) is None:
            raise BadRequest(f"The job is not in the state {state.value}")
        self.wake(job)

    def _change(self, job_id: str, edit: Callable[[Job], Job]) -> Job | None:
        for _ in range(MAX_ATTEMPTS):
            job = self._known(job_id)
            if job.state.is_final:
                return None
            new = edit(replace(job, updated_at=self._clock()))
            if self._store.save(new, self._expiry() if new.state.is_final else None) is not None:
                return job
        raise Unavailable("The job is busy")

    def _known(self, job_id: str) -> Job:
        job = self._store.get(job_id)
        if job is None:
            raise BadRequest("There is no such job")
        return job

    def _expiry(self) -> float:
        return self._clock() + self._kept_seconds
