"""The load model as tables in Markdown, and docs/load.md made of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chalicelib.domain.levels import Level
from infra.costs import operations as op
from infra.costs.workload import Way
from infra.load import archive, limits, paths
from infra.load.arrivals import INSTANCES_PER_STREAM, KINDS
from infra.load.paths import Bound
from infra.load.simulation import SWEEP_EVERY, SWEEP_SECONDS, Simulated, simulate

DOCUMENT = Path(__file__).parents[2] / "docs" / "load.md"
RATE, SECONDS, INSTANCES = 5000.0, 2, 1e9
SMALL_STUDIES = tuple(kind for kind in KINDS if kind.modality in ("CR", "MG"))
SMALL_RATE = 500.0
PLENTY = 20
"""Times the rate: what carries more is left out."""
DAY_SECONDS = 86_400

NAMES = {Way.REST: "By REST", Way.DICOM: "By DICOM", Way.INBOX: "By the inbox"}

INTRODUCTION = """\
# Load

Made by `python -m infra.load --document`; a test keeps it up to date. `python -m infra.load --help` tells how to
ask for other rates.

Instances are drawn as sites send them ({streams} series at once at {rate:,.0f} instances a second, of CT, MR, CR,
US and MG) and stored by the store's own code over clients that count what each key gets. What is written below is
thus what an ingest writes, and not a formula. Only three things are assumed: the mix of studies
(`infra/load/arrivals.py`), {call_ms:g} ms for a call and the CPU of [performance](performance.md). AWS's limits are
those known in {known} (`infra/load/limits.py`), to be checked against its documentation. Nothing here was measured
on AWS. What carries twenty times the load is left out of the tables.
"""
HOT = """\
## {rate:,.0f} instances a second: the keys

An ingest writes {index:.1f} units into the index and {log:.1f} into the log. A partition takes {units:,} write
units and {reads:,} read units a second; of a key, its items share them, unless DynamoDB splits it by sort key.
"""
FINDINGS = """\
## What this says

- **The counter of the log binds first** of what cannot be raised: {head:,.0f} instances a second for a tenant. To
  carry {rate:,.0f} it would have to give out several numbers at once, as to a process that stores many side by side,
  or be split by tenant. Beyond it reservations are throttled and retried; nothing is lost or answered wrongly.
- **`i#{{h}}` needs DynamoDB's splitting** from {shard:,.0f} instances a second on: sixteen keys share
  {instance:,.0f} units. Their sort keys are digests, so any split is even, but it takes minutes. A table whose warm
  throughput was raised beforehand is split already.
- **`due#{{h}}` cannot be split** beyond its sixteen keys, since what is in them rises with time. Where each study has
  one or two instances (CR and MG alone) it binds at {due:,.0f} instances a second. The sweep keeps up with the
  stability of {judged:,.0f} of these.
- **S3's prefix of the hour** takes 3,500 a second, and begins anew each hour: what S3 has split for one hour does
  not help the next.
- **To be raised** for {rate:,.0f}: by the inbox the write units of the index table (it needs {needed:,.0f}), by DICOM
  the cores of Fargate ({cores:.0f} of them). A new table has to be warmed up, by its settings or by doubling the load
  each half an hour.
- **The sweep** follows {follow:,.0f} entries a second with {streams} series at once. Beyond that stable events,
  `LastUpdate` and completed series come late until less arrives, and `/statistics` reads more. It shares its time
  with the check of files.
"""
ARCHIVE = """\
## {instances:,.0f} instances

{patients:,.0f} patients, {studies:,.0f} studies, {series:,.0f} series. The index has {index_gb:,.0f} GB, the log
{log_gb:,.0f} GB. How evenly the store's keys spread was sampled with {sample:,} of each level: 1 is even.
"""
ARCHIVE_FINDINGS = """\
A query is taken for {query_ms:g} ms, one after the other. **A jump into the list of instances**, to an offset whose
page before was not read in the last minute, reads whole rows of a 256th of them at worst: beyond {jumps:,.0f}
instances it takes longer than API Gateway waits. Pages one after the other stay at one or two queries. The counts
take {stats} write units each time a sweep keeps them. `DELETE /changes` hides the log at once, while the sweep
removes {trimmed:,.0f} entries a second as long as its time lasts, with as many write units of the log: {trim:.1f} days
for all of them, which are paid for meanwhile.
"""


@dataclass(frozen=True, slots=True)
class Model:
    """All that is calculated."""

    found: Simulated
    small: Simulated


def model(rate: float = RATE, seconds: int = SECONDS, seed: int = 1) -> Model:
    """Calculate it."""
    return Model(simulate(rate, seconds, seed), simulate(SMALL_RATE, 4, seed, SMALL_STUDIES))


def document() -> str:
    """The document's text."""
    return "\n".join([*text(model(), INSTANCES), ""])


def text(found: Model, instances: float) -> Iterator[str]:
    """All of it."""
    one = found.found
    streams = round(one.rate / INSTANCES_PER_STREAM)
    yield INTRODUCTION.format(streams=streams, rate=one.rate, call_ms=op.AWS_CALL_MS, known=limits.KNOWN)
    yield HOT.format(
        rate=one.rate,
        index=one.units(one.index_table),
        log=one.units(one.log_table),
        units=limits.PARTITION_WRITE_UNITS,
        reads=limits.PARTITION_READ_UNITS,
    )
    yield from hot_keys(one)
    for way in Way:
        yield f"\n## {NAMES[way]}: what binds\n"
        yield from binding(paths.bounds(way, one), one.rate)
    yield ""
    yield FINDINGS.format(**_numbers(found), streams=streams)
    yield from large(instances)


def hot_keys(one: Simulated) -> Iterator[str]:
    """Each pattern's hottest key, in its busiest second."""
    yield "| table | key | keys written | units a second, all | hottest key | of 1,000 | hottest item | hottest read |"
    yield "|---|---|---:|---:|---:|---:|---:|---:|"
    for hot in one.patterns:
        table = "log" if hot.table == one.log_table else "index"
        share = hot.hottest_key / limits.PARTITION_WRITE_UNITS
        yield (
            f"| {table} | `{hot.pattern}` | {hot.keys:,} | {hot.writes:,.0f} | {hot.hottest_key:,} | {share:.1%} "
            f"| {hot.hottest_item:,} | {hot.reads:,} |"
        )


def binding(found: list[Bound], rate: float) -> Iterator[str]:
    """What binds, the tightest first, with its headroom."""
    yield f"| limit | instances a second | headroom at {rate:,.0f} | beyond it |"
    yield "|---|---:|---:|---|"
    for one in (bound for bound in found if bound.carries < rate * PLENTY):
        yield f"| {one.what} | {one.carries:,.0f} | {one.carries / rate:.2g} | {one.beyond} |"


def large(instances: float) -> Iterator[str]:
    """An archive of so many instances."""
    of = archive.counts(instances)
    index, log = archive.kept_bytes(instances)
    yield ARCHIVE.format(
        instances=instances,
        patients=of[Level.PATIENT],
        studies=of[Level.STUDY],
        series=of[Level.SERIES],
        index_gb=index / 2**30,
        log_gb=log / 2**30,
        sample=archive.SAMPLE,
    )
    yield "| level | keys of its listing | fullest key | fullest of the 256 counts |"
    yield "|---|---:|---:|---:|"
    for one in archive.spreads():
        yield f"| {one.level.name.lower()} | {one.partitions} | {one.fullest:.3f} | {one.fullest_bucket:.3f} |"
    yield "\n| key | items of one | bytes of one |\n|---|---:|---:|"
    for pattern, items, size in archive.partitions(instances):
        yield f"| {pattern} | {items:,.0f} | {size:,.0f} |"
    yield "\n| operation | items read | bytes read | queries | seconds |\n|---|---:|---:|---:|---:|"
    for walk in archive.walks(instances):
        yield f"| {walk.what} | {walk.items:,.0f} | {walk.bytes:,.0f} | {walk.queries:,.0f} | {walk.seconds:,.3g} |"
    yield ""
    yield ARCHIVE_FINDINGS.format(
        query_ms=archive.QUERY_MS,
        jumps=archive.largest_with_jumps(),
        stats=-(-archive.tally_bytes(instances) // 1024),
        trimmed=1000 / op.TRIM.milliseconds,
        trim=instances * op.TRIM.milliseconds / 1000 * SWEEP_EVERY / SWEEP_SECONDS / DAY_SECONDS,
    ).rstrip()


def _numbers(found: Model) -> dict[str, float]:
    one = found.found
    carried = {bound.what: bound.carries for bound in paths.bounds(Way.REST, one)}
    small = {bound.what: bound.carries for bound in paths.bounds(Way.REST, found.small)}
    return {
        "rate": one.rate,
        "head": carried["key `changes head` of the log"],
        "shard": carried["key `i#{h}` of the index"],
        "instance": next(hot.writes for hot in one.patterns if hot.pattern == "i#{h}"),
        "due": small["key `due#{h}` of the index"],
        "judged": small["the sweep, judging stability"],
        "needed": paths.index_units(Way.INBOX, one) * one.rate,
        "cores": one.rate / paths.core_rate(),
        "follow": one.follow_rate,
    }
