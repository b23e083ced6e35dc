"""What `/tools/metrics-prometheus` tells: Orthanc's names, for what has a meaning in a store of many processes."""

from __future__ import annotations

from chalicelib.domain.clock import Clock
from chalicelib.domain.jobs import JobState
from chalicelib.domain.levels import Level
from chalicelib.services.changes import Tallies
from chalicelib.storage.dynamodb.jobs import JobStore
from chalicelib.storage.dynamodb.log import SequencedLog

BYTES_PER_MB = 1024 * 1024
_COUNTS = {
    Level.INSTANCE: "orthanc_count_instances",
    Level.PATIENT: "orthanc_count_patients",
    Level.SERIES: "orthanc_count_series",
    Level.STUDY: "orthanc_count_studies",
}


class Metrics:
    """Gathers metrics in a handful of calls, whatever the size of the store."""

    def __init__(self, tallies: Tallies, log: SequencedLog, jobs: JobStore, clock: Clock) -> None:
        self._tallies = tallies
        self._log = log
        self._jobs = jobs
        self._clock = clock

    def prometheus(self) -> str:
        """The metrics in Prometheus's text format 0.0.4: name, value, milliseconds since the epoch."""
        tally = self._tallies.current()
        states = [job.state for job in self._jobs.unfinished()]
        size = tally.size / BYTES_PER_MB
        values: dict[str, float] = {name: tally.total(level) for level, name in _COUNTS.items()}
        values |= {
            "orthanc_disk_size_mb": size,
            "orthanc_jobs_pending": states.count(JobState.PENDING) + states.count(JobState.RETRY),
            "orthanc_jobs_running": states.count(JobState.RUNNING),
            "orthanc_last_change": self._log.head().last,
            "orthanc_uncompressed_size_mb": size,
        }
        at = int(self._clock() * 1000)
        return "".join(f"{name} {value:.10g} {at}\n" for name, value in sorted(values.items()))
