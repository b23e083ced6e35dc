"""Runs the store's own ingest and sweep on drawn instances, over clients that count what every key gets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from chalicelib.bootstrap import Services, build
from chalicelib.bootstrap.foundations import POOL_THREADS
from chalicelib.services.description import Description
from chalicelib.settings import Settings
from chalicelib.storage.clients import Clients
from infra.costs import operations as op
from infra.load.arrivals import KINDS, Arrivals, Kind
from infra.load.heat import Heat, PatternHeat, patterns
from infra.load.recorder import InlineExecutor, Recorder

START = 1_800_000_000.0
SWEEP_SECONDS, SWEEP_EVERY = 45.0, 60.0  # app.py
ORIGIN = {
    "RequestOrigin": "DicomProtocol",
    "RemoteIP": "10.0.0.1",
    "RemoteAET": "MODALITY01",
    "CalledAET": "NACRE",
}


@dataclass(frozen=True, slots=True)
class Simulated:
    """What some seconds of arrivals asked for."""

    rate: float
    seconds: int
    instances: int
    resources: int
    """Patients, studies and series that were new."""

    heat: Heat
    calls: Counter[str]
    index_table: str
    log_table: str
    followed: int
    """Entries of the log that a sweep went through afterwards."""

    follow_calls: int
    """One after the other."""

    touches: int
    """Rows of patients, studies and series that it wrote."""

    @property
    def patterns(self) -> list[PatternHeat]:
        """By pattern of key."""
        return patterns(self.heat, self.seconds)

    def units(self, table: str) -> float:
        """Write units of a table for each instance."""
        counts = (
            units
            for second in self.heat.writes.values()
            for (name, _), units in second.items()
            if name == table
        )
        return sum(counts) / self.instances

    @property
    def follow_rate(self) -> float:
        """How many entries a second sweeps follow, on average over their minute.

        The rows are written side by side, by threads that share one core; what else there is to do, in turn.
        """
        windows, batches = self.followed / op.WINDOW_ENTRIES, self.followed / op.BATCH_ENTRIES
        cpu_ms = windows * op.FOLLOW_WINDOW.cpu_ms + batches * op.FOLLOW_BATCH.cpu_ms
        calls_ms = (self.follow_calls - self.touches) * op.AWS_CALL_MS
        touch_ms = self.touches * side_by_side(op.TOUCH)
        return self.followed * 1000 / (cpu_ms + calls_ms + touch_ms) * SWEEP_SECONDS / SWEEP_EVERY

    @property
    def entries_per_instance(self) -> float:
        """Of the log: its own, those of what is new above it, and one for each of those when it becomes stable."""
        return 1 + 2 * self.resources / self.instances


def side_by_side(operation: op.Operation) -> float:
    """How long one of many takes (ms) that threads do, which share one core and wait for AWS each by itself."""
    return max(operation.cpu_ms, operation.depth * op.AWS_CALL_MS / POOL_THREADS)


class _Clock:
    now = START

    def __call__(self) -> float:
        return self.now


def simulate(rate: float, seconds: int, seed: int = 1, kinds: Sequence[Kind] = KINDS) -> Simulated:
    """Draw arrivals, store them, and sweep.

    Parameters
    ----------
    rate
        Instances a second.
    seconds
        How long.
    seed
        The same gives the same arrivals.
    kinds
        Of the studies.
    """
    clock = _Clock()
    recorder = Recorder(clock)
    services = _services(recorder, clock)
    arrivals = Arrivals(rate, seed, kinds)
    clock.now = START - 1
    for description in arrivals.known():
        _store(services, description)
    while not services.sweeper.follow():
        pass
    begun = services.log.head().last
    recorder.heat = Heat()
    recorder.calls.clear()
    instances = 0
    for at, description in arrivals.draw(seconds):
        clock.now = START + at
        _store(services, description)
        instances += 1
    heat, calls = recorder.heat, Counter(recorder.calls)
    entries = services.log.head().last - begun
    follow_calls, touches = _follow(services, recorder)
    return Simulated(
        rate=rate,
        seconds=seconds,
        instances=instances,
        resources=entries - instances,
        heat=heat,
        calls=calls,
        index_table=services.settings.index_table,
        log_table=services.settings.log_table,
        followed=entries,
        follow_calls=follow_calls,
        touches=touches,
    )


def _services(recorder: Recorder, clock: _Clock) -> Services:
    client = cast(Any, recorder)
    return build(
        Settings.load({}),
        Clients(dynamodb=client, s3=client, sqs=client),
        clock=clock,
        pool=InlineExecutor(),
        work_pool=lambda _threads: InlineExecutor(),
        sleep=lambda _seconds: None,
    )


def _store(services: Services, description: Description) -> None:
    write = partial(services.files.put, data=b"", md5=description.md5)
    services.ingest.place(description, write, ORIGIN)


def _follow(services: Services, recorder: Recorder) -> tuple[int, int]:
    """Follow the log to its end; returns the calls, and how many of them wrote rows."""
    recorder.heat = Heat()
    recorder.calls.clear()
    while not services.sweeper.follow():
        pass
    return recorder.calls.total(), recorder.calls["TransactWriteItems"]
