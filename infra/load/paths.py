"""What binds on each way in: how many instances a second each key, queue, function and quota carries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from infra.costs import operations as op
from infra.costs.nacre import KMS_SHARE_OF_S3
from infra.costs.workload import Way
from infra.load import limits
from infra.load.simulation import SWEEP_EVERY, SWEEP_SECONDS, Simulated, side_by_side

LISTENER_CPU_MS = 10.3  # of a C-STORE of 0.5 MB (docs/performance.md)
INBOX_BATCH = 10  # app.py


class Beyond(StrEnum):
    """What happens beyond a limit."""

    WAITS = "throttled, retried; then 503 or a C-STORE that is refused"
    SPLITS = "throttled until DynamoDB has split the key, some minutes"
    RAISED = "throttled until the quota is raised"
    LAGS = "falls behind, and catches up when less comes in"


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit, as instances a second."""

    what: str
    carries: float
    beyond: Beyond


def bounds(way: Way, found: Simulated) -> list[Bound]:
    """What binds on a way in, the tightest first."""
    return sorted(
        [*_of_tables(way, found), *_of_sweep(found), *_OF_WAY[way](found)], key=lambda one: one.carries
    )


def _of_tables(way: Way, found: Simulated) -> Iterator[Bound]:
    index, log = index_units(way, found), found.units(found.log_table)
    yield Bound("index table on its first day", limits.NEW_TABLE_WRITE_UNITS / index, Beyond.WAITS)
    yield Bound("log table on its first day", limits.NEW_TABLE_WRITE_UNITS / log, Beyond.WAITS)
    yield Bound("index table, quota of write units", limits.TABLE_UNITS / index, Beyond.RAISED)
    yield Bound("log table, quota of write units", limits.TABLE_UNITS / log, Beyond.RAISED)
    for one in found.patterns:
        if one.hottest_key < HARDLY:
            continue
        beyond = Beyond.WAITS if one.pattern in UNSPLITTABLE else Beyond.SPLITS
        name = f"key `{one.pattern}` of the {'log' if one.table == found.log_table else 'index'}"
        units = one.hottest_key * TAKEN_AGAIN.get(one.pattern, 1)
        yield Bound(name, limits.PARTITION_WRITE_UNITS / units * found.rate, beyond)


def index_units(way: Way, found: Simulated) -> float:
    """Write units of the index for each instance; by the inbox there is a receipt as well."""
    receipt = op.INBOX.write_units - op.UPLOAD.write_units if way is Way.INBOX else 0
    return found.units(found.index_table) + receipt


HARDLY = 10
"""Write units a second of its hottest key, below which a pattern is left out."""

TAKEN_AGAIN = {"due#{h}": 2}
"""What an ingest writes and the sweep deletes soon after, for as many units."""

UNSPLITTABLE = {"changes head", "due#{h}"}
"""One item, and keys that rise with time: no split spreads them."""


def _of_sweep(found: Simulated) -> Iterator[Bound]:
    yield Bound("the sweep, following the log", found.follow_rate / found.entries_per_instance, Beyond.LAGS)
    new = found.resources / found.instances
    judged = 1000 / side_by_side(op.SETTLE) * SWEEP_SECONDS / SWEEP_EVERY
    yield Bound("the sweep, judging stability", judged / new if new else float("inf"), Beyond.LAGS)
    checked = 1000 / op.ORPHAN_CHECK.milliseconds * SWEEP_SECONDS / SWEEP_EVERY
    yield Bound("the sweep, checking files", checked, Beyond.LAGS)


def _of_files(calls: float) -> Iterator[Bound]:
    yield Bound("S3, the prefix of the hour, PUT", limits.PREFIX_PUTS, Beyond.WAITS)
    yield Bound("KMS with bucket keys", limits.KEY_REQUESTS / (calls * KMS_SHARE_OF_S3), Beyond.RAISED)


def _by_rest(_: Simulated) -> Iterator[Bound]:
    yield from _of_files(op.UPLOAD.s3_puts)
    milliseconds = op.UPLOAD.milliseconds + op.UPLOAD_CPU_MS_PER_MB / 2
    yield Bound("Lambda, functions at once", limits.FUNCTIONS_AT_ONCE / milliseconds * 1000, Beyond.RAISED)
    yield Bound("API Gateway, requests", limits.GATEWAY_REQUESTS, Beyond.RAISED)


def _by_dicom(_: Simulated) -> Iterator[Bound]:
    yield from _of_files(op.UPLOAD.s3_puts)
    cores = limits.TASK_CORES * core_rate()
    yield Bound(f"Fargate, {limits.TASK_CORES} cores of a new account", cores, Beyond.RAISED)


def core_rate() -> float:
    """C-STORE of 0.5 MB a second that one core of the listener does."""
    return 1000 / LISTENER_CPU_MS


def _by_inbox(_: Simulated) -> Iterator[Bound]:
    yield from _of_files(op.INBOX.s3_puts + op.INBOX.s3_gets)
    yield Bound("S3, one prefix of the inbox, PUT and DELETE", limits.PREFIX_PUTS / 2, Beyond.WAITS)
    gets = op.INBOX.s3_gets + 1  # the source of the copy
    yield Bound("S3, one prefix of the inbox, GET", limits.PREFIX_GETS / gets, Beyond.WAITS)
    batch = op.INBOX.depth * op.AWS_CALL_MS + INBOX_BATCH * op.INBOX.cpu_ms
    at_once = min(limits.BATCHES_AT_ONCE, limits.FUNCTIONS_AT_ONCE)
    yield Bound("Lambda, batches of the queue at once", at_once * INBOX_BATCH / batch * 1000, Beyond.RAISED)


_OF_WAY = {Way.REST: _by_rest, Way.DICOM: _by_dicom, Way.INBOX: _by_inbox}
