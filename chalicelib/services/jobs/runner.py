"""Work on jobs. Any process may: a lease keeps two from working on one, and a dead one's job is taken over.

A message of the queue says no more than that there is something to do; the worker takes the job of the highest
priority. So duplicates do no harm, and a lost message is made good by the sweep (`Runner.wake_forgotten`).
"""

from __future__ import annotations

import random
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

from chalicelib.domain.clock import Clock
from chalicelib.domain.errors import InternalError, NacreError, NetworkProtocol, Unavailable
from chalicelib.domain.jobs import Job, JobError, JobState
from chalicelib.services.jobs.work import LEASE_SECONDS, JobRun, JobStopped, OutOfTime, Work
from chalicelib.storage.dynamodb.jobs import JobStore
from chalicelib.storage.sqs.queue import Queue

MAX_ATTEMPTS = 5
MAX_IN_LANE = 2  # jobs at a time to one destination, so that a dead one does not hold all workers
FIRST_RETRY_SECONDS = 5.0
LONGEST_RETRY_SECONDS = 600.0
FORGOTTEN_SECONDS = 15.0
MAX_WAKES = 4  # a tick; each tells one worker, who then finds the others
FOREVER = float("inf")


class Runner:
    """Takes jobs and does them."""

    def __init__(
        self,
        store: JobStore,
        queue: Queue,
        works: Mapping[str, Work],
        clock: Clock,
        *,
        kept_seconds: int,
        on_error: Callable[[BaseException], object] = lambda _error: None,
    ) -> None:
        """`on_error` hears of faults that are no errors of the store."""
        self._store = store
        self._queue = queue
        self._works = works
        self._clock = clock
        self._kept_seconds = kept_seconds
        self._on_error = on_error

    def poll(self, wait_seconds: int) -> bool:
        """Wait for a message and do a job; says whether there was one."""
        messages = self._queue.receive(wait_seconds, 1)
        for message in messages:
            self.run_next()
            self._queue.delete([message])
        return bool(messages)

    def run_next(self, seconds: float = FOREVER) -> bool:
        """Do the waiting job of the highest priority, for about `seconds` at most; says whether there was one."""
        now = self._clock()
        unfinished = self._store.unfinished()
        running = Counter(job.lane for job in unfinished if job.lane and _is_running(job, now))
        waiting = [job for job in unfinished if self._can_take(job, now) and running[job.lane] < MAX_IN_LANE]
        waiting.sort(key=lambda job: (-job.priority, job.created_at))
        return any(self.run(job, seconds) for job in waiting)

    def run(self, job: Job, seconds: float = FOREVER) -> bool:
        """Do a job, for about `seconds` at most; says whether it could be taken."""
        started = self._clock()
        taken = self._store.save(
            replace(
                job,
                state=JobState.RUNNING,
                owner=secrets.token_hex(8),
                attempts=job.attempts + 1,
                lease_until=started + LEASE_SECONDS,
                updated_at=started,
            )
        )
        if taken is None:
            return False
        self._do(JobRun(taken, self._store, self._clock, started + seconds), started)
        if job.lane:
            self._call_for_next(job.lane)
        return True

    def _do(self, run: JobRun, started: float) -> None:
        work = self._works[run.job.type]
        try:
            work.run(run)
        except JobStopped:
            return
        except OutOfTime:
            self._hand_on(run.job, started)
        except Exception as error:
            self._fail(run.job, error, started)
        else:
            if self._finish(run.job, JobState.SUCCESS, JobError(), started):
                work.forget(run.job)

    def _call_for_next(self, lane: str) -> None:
        """Send for a worker for a lane that has room again: who came for its jobs meanwhile was turned away."""
        now = self._clock()
        if any(job.lane == lane and self._can_take(job, now) for job in self._store.unfinished()):
            self._queue.send("work")

    def _can_take(self, job: Job, now: float) -> bool:
        return job.type in self._works and _can_be_taken(job, now)

    def wake_forgotten(self) -> None:
        """Send for workers where a message was lost or a worker died."""
        now = self._clock()
        forgotten = [
            job
            for job in self._store.unfinished()
            if self._can_take(job, now) and job.updated_at < now - FORGOTTEN_SECONDS
        ]
        for _ in forgotten[:MAX_WAKES]:
            self._queue.send("work")

    def _hand_on(self, job: Job, started: float) -> None:
        if self._store.save(replace(self._timed(job, started), state=JobState.PENDING, attempts=0)):
            self._queue.send("work")

    def _fail(self, job: Job, error: Exception, started: float) -> None:
        failure = error if isinstance(error, NacreError) else InternalError()
        if not isinstance(error, NacreError):
            self._on_error(error)
        why = JobError(failure.orthanc_status, failure.orthanc_error, failure.details)
        if _may_pass(job, failure) and job.attempts < MAX_ATTEMPTS:
            longest = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2**job.attempts)
            due = self._clock() + random.uniform(longest / 2, longest)
            again = replace(self._timed(job, started), state=JobState.RETRY, error=why, lease_until=due)
            self._store.save(again)
            return
        if self._finish(job, JobState.FAILURE, why, started):
            self._works[job.type].clean(job)

    def _finish(self, job: Job, state: JobState, why: JobError, started: float) -> bool:
        """Say how a job has ended; False if it is no longer this worker's."""
        now = self._clock()
        done = replace(
            self._timed(job, started),
            state=state,
            error=why,
            progress=100 if state is JobState.SUCCESS else job.progress,
            completed_at=now,
        )
        return self._store.save(done, now + self._kept_seconds) is not None

    def _timed(self, job: Job, started: float) -> Job:
        now = self._clock()
        return replace(job, runtime_seconds=job.runtime_seconds + now - started, updated_at=now)


def _may_pass(job: Job, failure: NacreError) -> bool:
    """Whether to try again is of use; who waits for an answer of the network wants to hear of a failure at once."""
    if isinstance(failure, NetworkProtocol):
        return not job.is_awaited
    return isinstance(failure, Unavailable | InternalError)


def _is_running(job: Job, now: float) -> bool:
    return job.state is JobState.RUNNING and job.lease_until >= now


def _can_be_taken(job: Job, now: float) -> bool:
    if job.state is JobState.PENDING:
        return True
    return job.state in (JobState.RUNNING, JobState.RETRY) and job.lease_until < now
