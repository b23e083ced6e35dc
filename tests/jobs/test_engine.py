"""The jobs engine: one worker at a time, nothing lost, whatever dies."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.errors import BadRequest, InexistentItem, UnknownResource
from chalicelib.domain.jobs import Job, JobState
from chalicelib.services.jobs.jobs import Jobs
from chalicelib.services.jobs.runner import MAX_ATTEMPTS, MAX_IN_LANE, Runner
from chalicelib.services.jobs.work import LEASE_SECONDS, JobRun
from chalicelib.storage.dynamodb.jobs import JobStore
from tests.support.faults import Killed
from tests.support.local_world import local_world
from tests.support.world import World

STEPS = 5


class Messages:
    """A queue in memory."""

    def __init__(self) -> None:
        self.waiting = 0

    def send(self, _body: str) -> None:
        self.waiting += 1


class Counting:
    """A work of some steps; `done` tells how often each was done."""

    type = "Counting"

    def __init__(self) -> None:
        self.done: list[int] = []
        self.cleaned: list[str] = []
        self.forgotten: list[str] = []
        self.fail_at: dict[int, list[Exception]] = {}
        self.during: dict[int, Any] = {}

    def run(self, run: JobRun) -> None:
        for step in range(run.job.checkpoint.get("next", 0), STEPS):
            for failure in self.fail_at.get(step, [])[:1]:
                self.fail_at[step].pop(0)
                raise failure
            if step in self.during:
                self.during.pop(step)()
            self.done.append(step)
            run.checkpoint({"next": step + 1}, 100 * (step + 1) // STEPS)

    def clean(self, job: Job) -> None:
        self.cleaned.append(job.id)

    def forget(self, job: Job) -> None:
        self.forgotten.append(job.id)


class Engine:
    """An engine over a store."""

    def __init__(self, world: World) -> None:
        services = world.services
        self.world = world
        self.work = Counting()
        self.queue = Messages()
        self.store = JobStore(services.ingest._index.table, services.ingest._index.keys)
        works = {self.work.type: self.work}
        queue: Any = self.queue
        self.jobs = Jobs(
            self.store, lambda _kind: queue, services.files, works, world.clock, kept_seconds=3600
        )
        self.runner = Runner(self.store, queue, works, world.clock, kept_seconds=3600)

    def submit(self, priority: int = 0) -> str:
        return self.jobs.submit("Counting", {}, {"shown": 1}, priority).id

    def create(self, lane: str) -> str:
        self.world.clock.advance(1)
        return self.jobs.create("Counting", {}, {}, 0, lane=lane).id

    def state(self, job_id: str) -> JobState:
        return self.jobs.get(job_id).state


@pytest.fixture
def engine() -> Iterator[Engine]:
    with local_world() as world:
        yield Engine(world)


def test_a_job_runs_once_and_is_forgotten_in_the_end(engine: Engine) -> None:
    job_id = engine.submit()
    assert engine.queue.waiting == 1
    assert engine.runner.run_next()
    assert not engine.runner.run_next()
    job = engine.jobs.get(job_id)
    assert (job.state, job.progress, engine.work.done) == (JobState.SUCCESS, 100, list(range(STEPS)))
    assert [found.id for found in engine.jobs.all()] == [job_id]
    engine.world.clock.advance(3601)
    assert engine.jobs.all() == []


def test_a_job_that_was_turned_away_from_a_full_lane_is_called_for_when_there_is_room(engine: Engine) -> None:
    ids = [engine.create(lane="peer") for _ in range(MAX_IN_LANE + 1)]
    other = engine.create(lane="other")
    found: list[bool] = []
    engine.work.during = {
        0: lambda: found.append(engine.runner.run_next()),  # the second beside the first
        1: lambda: found.extend(engine.runner.run_next() for _ in range(2)),
    }
    assert engine.queue.waiting == 0
    assert engine.runner.run_next()
    assert found == [True, False, True]
    assert [engine.state(one) for one in (*ids, other)] == [
        *[JobState.SUCCESS] * MAX_IN_LANE,
        JobState.PENDING,
        JobState.SUCCESS,
    ]
    assert engine.queue.waiting > 0
    assert engine.runner.run_next()
    called = engine.queue.waiting
    assert not engine.runner.run_next()
    assert engine.queue.waiting == called


def test_the_highest_priority_comes_first_then_the_oldest(engine: Engine) -> None:
    order = []
    ids = {}
    for name, priority in (("low", -1), ("first", 0), ("second", 0), ("high", 9)):
        engine.world.clock.advance(1)
        ids[engine.submit(priority)] = name
    while any(engine.state(i) is JobState.PENDING for i in ids):
        before = {i for i in ids if engine.state(i) is JobState.PENDING}
        engine.runner.run_next()
        (ran,) = before - {i for i in ids if engine.state(i) is JobState.PENDING}
        order.append(ids[ran])
    assert order == ["high", "first", "second", "low"]


def test_of_many_workers_one_gets_the_job() -> None:
    with ThreadPoolExecutor(8) as pool, local_world(pool) as world:
        engine = Engine(world)
        engine.submit()
        world.calls.contend()
        with ThreadPoolExecutor(8) as workers:
            list(workers.map(lambda _n: engine.runner.run_next(), range(8)))
        assert engine.work.done == list(range(STEPS))


@pytest.mark.parametrize("position", range(12))
def test_a_killed_workers_job_goes_on_from_its_checkpoint(engine: Engine, position: int) -> None:
    job_id = engine.submit()
    engine.world.calls.reset()
    engine.world.calls.kill_after(position)
    with suppress(Killed):
        engine.runner.run_next()
    engine.world.calls.reset()
    assert not engine.runner.run_next() or engine.state(job_id) is JobState.SUCCESS
    engine.world.clock.advance(LEASE_SECONDS + 1)
    engine.runner.run_next()
    assert engine.state(job_id) is JobState.SUCCESS
    assert sorted(set(engine.work.done)) == list(range(STEPS))
    assert len(engine.work.done) <= STEPS + 1


def test_a_worker_whose_job_was_taken_over_stops(engine: Engine) -> None:
    job_id = engine.submit()

    def take_over() -> None:
        engine.world.clock.advance(LEASE_SECONDS + 1)
        assert engine.runner.run_next()

    engine.work.during[2] = take_over
    engine.runner.run_next()
    assert engine.state(job_id) is JobState.SUCCESS
    assert engine.work.done == [0, 1, 2, 3, 4, 2]


def test_a_worker_that_has_to_end_hands_the_job_on(engine: Engine) -> None:
    job_id = engine.submit()
    engine.work.during[2] = lambda: engine.world.clock.advance(11)
    engine.runner.run_next(10)
    assert engine.state(job_id) is JobState.PENDING
    assert engine.queue.waiting == 2
    engine.runner.run_next(10)
    assert engine.work.done == list(range(STEPS))


def test_pause_resume_cancel_resubmit(engine: Engine) -> None:
    job_id = engine.submit()
    engine.work.during[1] = lambda: engine.jobs.pause(job_id)
    engine.runner.run_next()
    assert engine.state(job_id) is JobState.PAUSED
    assert not engine.runner.run_next()
    with pytest.raises(BadRequest):
        engine.jobs.resubmit(job_id)
    engine.jobs.resume(job_id)
    engine.work.during[3] = lambda: engine.jobs.cancel(job_id)
    engine.runner.run_next()
    job = engine.jobs.get(job_id)
    assert (job.state, job.error.description) == (JobState.FAILURE, "Canceled job")
    assert engine.work.cleaned == [job_id]
    with pytest.raises(BadRequest):
        engine.jobs.resume(job_id)
    engine.jobs.resubmit(job_id)
    engine.runner.run_next()
    assert engine.state(job_id) is JobState.SUCCESS
    assert engine.work.forgotten == [job_id]
    engine.jobs.pause(job_id)
    engine.jobs.cancel(job_id)
    assert engine.state(job_id) is JobState.SUCCESS
    engine.jobs.delete(job_id)
    with pytest.raises(UnknownResource):
        engine.jobs.get(job_id)
    with pytest.raises(InexistentItem):
        engine.jobs.delete(job_id)


def test_what_may_pass_is_tried_again_and_in_the_end_fails(engine: Engine) -> None:
    job_id = engine.submit()
    engine.work.fail_at[2] = [RuntimeError("secret name") for _ in range(MAX_ATTEMPTS)]
    for attempt in range(MAX_ATTEMPTS):
        assert engine.runner.run_next()
        expected = JobState.RETRY if attempt < MAX_ATTEMPTS - 1 else JobState.FAILURE
        assert engine.state(job_id) is expected
        assert not engine.runner.run_next()
        engine.world.clock.advance(3600)
        engine.queue.waiting = 0
        engine.runner.wake_forgotten()
        assert engine.queue.waiting == (1 if expected is JobState.RETRY else 0)
    job = engine.jobs.get(job_id)
    assert "secret" not in str(job)
    assert engine.work.cleaned == [job_id]
    engine.jobs.resubmit(job_id)
    engine.runner.run_next()
    assert engine.state(job_id) is JobState.SUCCESS


def test_what_cannot_pass_fails_at_once(engine: Engine) -> None:
    job_id = engine.submit()
    engine.work.fail_at[0] = [InexistentItem("gone")]
    engine.runner.run_next()
    job = engine.jobs.get(job_id)
    assert (job.state, job.error.status, job.error.details) == (JobState.FAILURE, 7, "gone")


def test_a_lost_message_is_made_good(engine: Engine) -> None:
    job_id = engine.submit()
    engine.queue.waiting = 0
    engine.runner.wake_forgotten()
    assert engine.queue.waiting == 0
    engine.world.clock.advance(60)
    engine.runner.wake_forgotten()
    assert engine.queue.waiting == 1
    assert engine.state(job_id) is JobState.PENDING


def test_the_calls_of_the_engine(engine: Engine) -> None:
    calls = engine.world.calls
    calls.reset()
    job_id = engine.submit()
    assert calls.names == ["TransactWriteItems"]
    calls.reset()
    engine.runner.run_next()
    steps = ["TransactWriteItems"] * STEPS
    assert calls.names == ["Query", "BatchGetItem", "TransactWriteItems", *steps, "TransactWriteItems"]
    calls.reset()
    engine.jobs.get(job_id)
    engine.jobs.all()
    assert calls.names == ["GetItem", "Query", "BatchGetItem"]


def test_a_write_over_another_version_is_refused(engine: Engine) -> None:
    job = engine.jobs.get(engine.submit())
    assert engine.store.save(replace(job, progress=1)) is not None
    assert engine.store.save(replace(job, progress=2)) is None
