"""Writes docs/costs.md: ``python -m infra.costs --document``. A test keeps it up to date."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from infra.costs import operations as op
from infra.costs import prices, report
from infra.costs.alternatives import MACHINES, Assumptions
from infra.costs.nacre import Line
from infra.costs.prices import Prices
from infra.costs.workload import DataEvents, Stage, Way, Workload

BRIDGE = ("Fargate", "Load balancer", "VPC endpoints")
DOCUMENT = Path(__file__).parents[2] / "docs" / "costs.md"

NO_DICOM = Stage(tasks=0, interface_endpoints=0)
PLAIN = Stage(tasks=1, zones=1, interface_endpoints=0, waf_rules=0, kms_keys=0, data_events=DataEvents.NONE)
SITES = {
    "Practice": (
        "500 instances of 0.5 MB a day by DICOM, one task, no WAF, no keys of one's own, no trail",
        Workload(instances_per_day=500, finds_per_day=50, read_bytes=5e9, sent_bytes=5e9, stage=PLAIN),
    ),
    "Clinic": (
        "10,000 instances of 0.5 MB a day by DICOM, the defaults",
        Workload(),
    ),
    "Hospital group": (
        "200,000 instances of 0.5 MB a day by DICOM, eight tasks in three zones",
        Workload(
            instances_per_day=200_000,
            series_at_once=20,
            finds_per_day=20_000,
            read_bytes=2e12,
            sent_bytes=2e12,
            stage=Stage(tasks=8, zones=3),
        ),
    ),
    "Hospital group, not tiered": (
        "the same without Intelligent-Tiering",
        Workload(
            instances_per_day=200_000,
            series_at_once=20,
            finds_per_day=20_000,
            read_bytes=2e12,
            sent_bytes=2e12,
            stage=Stage(tasks=8, zones=3, intelligent_tiering=False),
        ),
    ),
    "Research, by the inbox": (
        "50,000 instances of 0.2 MB a day dropped into S3, no DICOM, kept for three years",
        Workload(
            instances_per_day=50_000,
            instance_bytes=0.2e6,
            retention_days=3 * 365,
            way=Way.INBOX,
            finds_per_day=0,
            sent_bytes=0,
            stage=NO_DICOM,
        ),
    ),
}

INTRODUCTION = """\
# Costs

Made by `python -m infra.costs --document`; a test keeps it up to date. For a site of your own:

```
python -m infra.costs --instances-per-day 3000 --instance-mb 0.6 --retention-years 10 --tasks 1
python -m infra.costs --help
```

List prices of {region} **as known in {known}**, to be checked against the AWS price pages, in USD, without taxes,
free tiers, discounts and commitments. They stand in one file, `infra/costs/prices.json`, which takes sets for other
regions. Known with less certainty than the others: {doubtful}.

What an operation asks of AWS is measured: a test runs each of them on the code and holds the numbers of
`infra/costs/operations.py` to it. Lambda's time is the CPU of [performance](performance.md) with {call_ms:g} ms
assumed for each AWS call that waits for another.
"""
CANDOUR = r"""\ ## Where Nacre costs more

- **At a small site.** The listener's tasks, endpoints in a VPC, the load balancer, metrics, alarms and polls of
  queues cost what they cost without any image: {fixed} USD a month with the defaults, {plain} with the plain stage
  of the practice above, where a virtual machine with Orthanc costs {machine} with all that it keeps after a year.
- **By the number of instances, not by their bytes.** A million instances cost {million} USD to take in by DICOM, of
  which write units are {write_units}; Orthanc writes them for nothing. An object of 20 kB costs as much as one of 2
  MB.
- **For each gigabyte of the index.** DynamoDB's storage with its backup costs 0.45 USD a GB and month, twenty times
  what S3 does: {index_share} of the last month's storage of files and index at the clinic.
- **Against Orthanc with its files in S3**, at the sites above that use DICOM: a machine costs less than the listener,
  a VPC. It fails as one machine does.
- **Against HealthImaging**, if its prices are what we know and its compression halves the files: its archive tier
  costs a quarter of S3 Standard. It speaks neither DICOM nor Orthanc's API; a listener and a gateway as ours
  ({bridge} USD a month at the clinic) would have to be added.

Where it costs less: against disks, from some terabytes on, since EBS with its snapshots costs six times what S3 does
for each gigabyte.

## What was assumed of the others

Orthanc runs on the smallest of {machines} that takes in the busiest hour, a fifth of the day, at {rates} instances a
second, with disks a fifth larger than what they hold and snapshots as large as the disk. With a standby everything
but the snapshots is there twice. HealthImaging keeps half of the bytes, an image set is active for {active} days, a
request is a file, a resource or a query.

## What stands out

- The listener's workers ask their queue every two seconds, eight of them in each process: {polls} USD a month for
  each process of the listener, whether it sends anything or not.
- Each instance that is deleted costs as much in write units as its upload.
- Single accesses in CloudTrail (`--data-events all`) add {trail} USD for a million instances.

## What is not in here

People, support plans, networks to the sites (VPN, Direct Connect), traffic between zones, cold starts, retries, jobs
(archives, modifications), the price of what Orthanc's machine runs beside Orthanc. All transfer out is taken for
transfer to the internet. The tables assume that a month deletes as much as it takes in once the retention is over.
"""


def document() -> str:
    """The document's text."""
    found = prices.load()
    lines = [
        INTRODUCTION.format(
            region=found.region,
            known=found.known,
            doubtful=", ".join(f"`{name}`" for name in sorted(found.doubtful)),
            call_ms=op.AWS_CALL_MS,
        ),
        "## Sites\n",
        *(line for name in SITES for line in _site(name, found)),
        CANDOUR.format(**_numbers(found)),
        "## One operation\n",
        *_operations(found),
        "",
    ]
    return "\n".join(lines)


def _site(name: str, found: Prices) -> Iterator[str]:
    text, load = SITES[name]
    several = report.bills(load, found, report.months(load))
    yield f"### {name}\n"
    yield f"{text[0].upper()}{text[1:]}.\n"
    yield from report.table(several["Nacre"])
    yield ""
    yield from report.comparison(several)
    yield ""


def _numbers(found: Prices) -> dict[str, str]:
    clinic = SITES["Clinic"][1]
    last = clinic.retention_months
    idle = replace(clinic, instances_per_day=0, finds_per_day=0, read_bytes=0, sent_bytes=0)
    plain = replace(idle, stage=PLAIN)
    practice = report.bills(SITES["Practice"][1], found, [12])
    held = report.bill(clinic, last, found)
    kept = {line.service: 0.0 for line, _ in held.lines}
    for line, usd in held.lines:
        if line.price in ("s3_standard_gb_month", "dynamodb_gb_month", "dynamodb_backup_gb_month"):
            kept[line.service] += usd
    process = replace(clinic.stage, tasks=clinic.stage.tasks + 1)
    return {
        "fixed": report.money(report.bill(idle, 1, found).total),
        "plain": report.money(report.bill(plain, 1, found).total),
        "machine": report.money(practice["Orthanc, EBS"][0].total),
        "bridge": report.money(sum(report.bill(clinic, 1, found).services[name] for name in BRIDGE)),
        "machines": ", ".join(one.name for one in MACHINES),
        "rates": ", ".join(f"{one.instances_per_second:g}" for one in MACHINES),
        "active": f"{Assumptions().active_days:g}",
        "million": report.money(1e6 * per_instance(found, clinic)),
        "write_units": report.money(1e6 * op.UPLOAD.write_units * found.cost("dynamodb_write_unit", 1)),
        "index_share": f"{kept['DynamoDB'] / (kept['DynamoDB'] + kept['S3']):.0%}",
        "polls": report.money(
            _price_of("SQS", replace(clinic, stage=process), found) - _price_of("SQS", clinic, found)
        ),
        "trail": report.money(1e6 * (_ingest_calls()) * found.cost("cloudtrail_data_event", 1)),
    }


def per_instance(found: Prices, load: Workload) -> float:
    """USD for one instance more in the month, without keeping it."""
    storage = {"s3_standard_gb_month", "dynamodb_gb_month", "dynamodb_backup_gb_month"}

    def passing(one: Workload) -> float:
        return sum(usd for line, usd in report.bill(one, 1, found).lines if line.price not in storage)

    more = replace(load, instances_per_day=load.instances_per_day * 2, requests_per_instance=0)
    less = replace(load, requests_per_instance=0)
    return (passing(more) - passing(less)) / (more.instances - less.instances)


def _price_of(service: str, load: Workload, found: Prices) -> float:
    return report.bill(load, 1, found).services[service]


def _ingest_calls() -> float:
    return op.UPLOAD.dynamodb_calls + op.UPLOAD.s3_puts


def _operations(found: Prices) -> Iterator[str]:
    yield "| operation | read units | write units | S3 PUT | S3 GET | USD a million, AWS's stores alone |"
    yield "|---|---:|---:|---:|---:|---:|"
    shown = {
        "instance, by REST or DICOM": op.UPLOAD,
        "instance, by the inbox": op.INBOX,
        "first of a series, more": op.NEW_SERIES,
        "first of a study, more": op.NEW_STUDY,
        "first of a patient, more": op.NEW_PATIENT,
        "duplicate": op.DUPLICATE,
        "GET of a resource": op.GET_RESOURCE,
        "GET of a file": op.GET_FILE,
        "C-FIND of ten studies with counts": op.FIND,
        "stability of a resource": op.SETTLE,
        "check of a file after two hours": op.ORPHAN_CHECK,
        "entry that leaves the log after `DELETE /changes`": op.TRIM,
        "delete of an instance": op.DELETE,
    }
    for name, one in shown.items():
        quantities = [
            Line("", "", one.read_units, "dynamodb_read_unit"),
            Line("", "", one.write_units, "dynamodb_write_unit"),
            Line("", "", one.s3_puts, "s3_put"),
            Line("", "", one.s3_gets, "s3_get"),
        ]
        usd = sum(found.cost(line.price, line.quantity) for line in quantities)
        numbers = " | ".join(f"{line.quantity:g}" if line.quantity else "-" for line in quantities)
        yield f"| {name} | {numbers} | {1e6 * usd:.2f} |"
