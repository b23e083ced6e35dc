"""Jobs that whoever starts them waits for."""

from __future__ import annotations

from chalicelib.domain.jobs import Job
from chalicelib.services.jobs.jobs import Jobs
from chalicelib.services.jobs.runner import Runner

SYNCHRONOUS_SECONDS = 25.0  # API Gateway ends a request after 29


def run_now(jobs: Jobs, runner: Runner, job: Job) -> Job:
    """Do a job that was created just now, for a while; returns it as it is then. What is left, workers go on with."""
    runner.run(job, SYNCHRONOUS_SECONDS)
    return jobs.get(job.id)
