"""What a kind of job is, and what it sees while it runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, Protocol

from chalicelib.domain.clock import Clock
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.jobs import Job, JobOutput, JobState
from chalicelib.storage.dynamodb.jobs import JobStore
from chalicelib.storage.dynamodb.table import Item

MAX_ATTEMPTS = 10
LEASE_SECONDS = 60.0
"""How long a worker is believed to be alive after its last checkpoint."""


class JobStopped(Exception):
    """The job is no longer this worker's: it was paused, cancelled, deleted, or taken over."""


class OutOfTime(Exception):
    """The worker has to end; the job goes on elsewhere, from its checkpoint."""


class JobRun:
    """A job on its way. Its work reports here, often enough that the lease does not run out."""

    def __init__(self, job: Job, store: JobStore, clock: Clock, deadline: float) -> None:
        """`deadline` (epoch seconds) is when the worker has to end."""
        self.job = job
        self._store = store
        self._clock = clock
        self._deadline = deadline
        self._lock = threading.Lock()

    def checkpoint(
        self,
        checkpoint: Mapping[str, Any],
        progress: int,
        content: Mapping[str, Any] | None = None,
        beside: Callable[[], Sequence[Item]] = tuple,
    ) -> None:
        """Keep how far the work has come; it is to be repeatable from here. One transaction.

        Parameters
        ----------
        checkpoint
            What the work needs to go on, as JSON.
        progress
            Percent.
        content
            What users are shown, if it changes.
        beside
            Makes actions that are to be part of the same transaction, anew for each attempt.

        Raises
        ------
        JobStopped
            The job is no longer this worker's; what was done since the last checkpoint is to be dropped.
        OutOfTime
            The worker has to end. The checkpoint is kept.
        """
        now = self._clock()
        with self._lock:
            reported = replace(
                self.job,
                checkpoint=dict(checkpoint),
                progress=progress,
                content=dict(self.job.content if content is None else content),
                lease_until=now + LEASE_SECONDS,
                updated_at=now,
            )
            self._save(reported, beside)
        if now > self._deadline:
            raise OutOfTime

    @contextmanager
    def kept_alive(self) -> Iterator[None]:
        """Renew the lease in between, for steps that may take longer than it."""
        done = threading.Event()

        def renew() -> None:
            while not done.wait(LEASE_SECONDS / 3):
                with suppress(JobStopped, Unavailable), self._lock:
                    self._save(replace(self.job, lease_until=self._clock() + LEASE_SECONDS))

        thread = threading.Thread(target=renew, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def add_output(self, name: str, output: JobOutput) -> None:
        """Give the job something that users can fetch at ``/jobs/{id}/{name}``; kept with the next write."""
        self.job = replace(self.job, outputs={**self.job.outputs, name: output})

    def _save(self, job: Job, beside: Callable[[], Sequence[Item]] = tuple) -> None:
        for _ in range(MAX_ATTEMPTS):
            saved = self._store.save(job, beside=beside())
            if saved is not None:
                self.job = saved
                return
            there = self._store.get(job.id)
            if there is None or there.state is not JobState.RUNNING or there.owner != job.owner:
                break
            job = replace(job, version=there.version)
        raise JobStopped


class Work(Protocol):
    """One kind of job."""

    type: str
    """Orthanc's name of it, as `/jobs` shows it."""

    def run(self, run: JobRun) -> None:
        """Do the job, from `run.job.checkpoint` on. May be called again at any time after a crash."""

    def clean(self, job: Job) -> None:
        """Remove what a failed job has made, but nothing that it needs to begin anew. Safe to repeat."""

    def forget(self, job: Job) -> None:
        """Remove all but the outputs: the job succeeded or is deleted. Safe to repeat."""
