"""Jobs that whoever starts them waits for."""

from __future__ import annotations

import time
from collections.abc import Callable

from chalicelib.domain.clock import Clock
from chalicelib.domain.jobs import Job
from chalicelib.services.jobs.jobs import Jobs
from chalicelib.services.jobs.runner import Runner

SYNCHRONOUS_SECONDS = 25.0  # API Gateway ends a request after 29
FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 0.25


def run_now(jobs: Jobs, runner: Runner, job: Job) -> Job:
    """Do a job that was created just now, for a while; returns it as it is then. What is left, workers go on with."""
    runner.run(job, SYNCHRONOUS_SECONDS)
    return jobs.get(job.id)


class Waiting:
    """Waits for jobs that another process does, or does them where this one can."""

    def __init__(
        self,
        jobs: Jobs,
        runner: Runner | None,
        clock: Clock,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`runner` is there in a process that can do such jobs itself."""
        self._jobs = jobs
        self._runner = runner
        self._clock = clock
        self._sleep = sleep

    def wait(self, job: Job) -> Job:
        """Have a job done that was created just now; returns it as it is when it has ended, or after 25 seconds."""
        if self._runner is not None:
            return run_now(self._jobs, self._runner, job)
        self._jobs.wake(job)
        pause, deadline = FIRST_PAUSE_SECONDS, self._clock() + SYNCHRONOUS_SECONDS
        while not job.state.is_final and self._clock() < deadline:
            self._sleep(pause)
            pause = min(LONGEST_PAUSE_SECONDS, pause * 1.5)
            job = self._jobs.get(job.id)
        return job
