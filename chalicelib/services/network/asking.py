"""Jobs that nobody sees: questions to other nodes whose answers a client waits for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.domain.errors import NetworkProtocol, error_of
from chalicelib.domain.jobs import Job, JobState
from chalicelib.services.jobs.jobs import Jobs
from chalicelib.services.jobs.synchronous import Waiting
from chalicelib.storage.s3.notes import JobNotes

FILE = "file"
"""The note that holds what the question is about."""


class Asking:
    """Starts such jobs and waits for them."""

    def __init__(self, jobs: Jobs, waiting: Waiting, notes: JobNotes) -> None:
        self._jobs = jobs
        self._waiting = waiting
        self._notes = notes

    def ask(self, kind: str, arguments: Mapping[str, Any], silence: str, file: bytes | None = None) -> Job:
        """Have a question asked; gives the job when it has ended well.

        Raises
        ------
        NetworkProtocol
            There is no answer in time, which `silence` says, or the other node refuses.
        NacreError
            As the work of this kind raises.
        """

        def keep(job_id: str) -> None:
            if file is not None:
                self._notes.put_bytes(job_id, FILE, file)

        job = self._jobs.create(kind, arguments, {}, before=keep, is_shown=False, is_awaited=True)
        job = self._waiting.wait(job)
        if job.state is JobState.FAILURE:
            raise error_of(job.error.status, job.error.details)
        if job.state is not JobState.SUCCESS:
            self._jobs.cancel(job.id)
            raise NetworkProtocol(silence)
        return job
