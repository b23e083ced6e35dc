"""What the same work costs elsewhere: AWS HealthImaging, and Orthanc on a virtual machine."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from infra.costs.nacre import Line, stored_files
from infra.costs.workload import DAYS_PER_MONTH, GB, HOURS_PER_MONTH, Workload


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What cannot be derived from the workload."""

    compressed: float = 0.5
    """Of HealthImaging, which keeps pixels as lossless HTJ2K: the part that is left. The others keep what comes."""

    active_days: float = 30
    """After so many days without a read HealthImaging moves an image set into its archive tier."""

    standby: bool = False
    """Of Orthanc: a second machine with a copy of all."""

    archive_in_s3: bool = False
    """Of Orthanc: by its plugin, instead of on EBS."""

    snapshots: float = 1.0
    """Of Orthanc on EBS: the size of what backups keep, over that of the disk."""

    disk_reserve: float = 1.2
    """A disk is bought before it is full."""

    index_bytes: float = 1500
    """Of Orthanc's database, for each instance."""


def healthimaging(load: Workload, month: float, assumed: Assumptions) -> list[Line]:
    """Of AWS HealthImaging. It has no DICOM listener and not Orthanc's API: what bridges that is not in here."""
    service = "HealthImaging"
    raw = load.instances * load.instance_bytes / GB
    gb = raw * assumed.compressed
    active = min(load.months_held(month), assumed.active_days / DAYS_PER_MONTH)
    archived = load.months_held(month) - active
    requests = load.instances * load.requests_per_instance
    requests += (load.read_bytes + load.sent_bytes) / load.instance_bytes
    requests += load.finds_per_day * DAYS_PER_MONTH
    out = (load.read_bytes + load.sent_bytes) / GB
    found = [
        Line(service, "import", raw, "healthimaging_import_gb"),
        Line(service, "storage, active", gb * active, "healthimaging_active_gb_month"),
        Line(service, "storage, archive", gb * archived, "healthimaging_archive_gb_month"),
        Line(service, "requests", requests, "healthimaging_request"),
        Line("S3", "PUT for the import", load.instances, "s3_put"),
        Line("Data transfer", "out to the internet", out, "transfer_out_gb"),
    ]
    return [line for line in found if line.quantity]


@dataclass(frozen=True, slots=True)
class Machine:
    """A virtual machine, and how many instances a second it is given on average over the busiest hour."""

    name: str
    price: str
    instances_per_second: float


MACHINES = (
    Machine("t3.medium", "ec2_t3_medium_hour", 2),
    Machine("m6i.large", "ec2_m6i_large_hour", 20),
    Machine("m6i.xlarge", "ec2_m6i_xlarge_hour", 50),
)
"""docs/performance.md tells what Orthanc does on two cores at its best: 150 to 260 a second of 0.5 MB."""

SYSTEM_GB = 30
BUSIEST_HOUR = 0.2
"""Its part of the day's instances."""


def machine(load: Workload) -> tuple[Machine, int]:
    """The smallest machine that does the busiest hour, or how many of the largest do."""
    busiest = load.instances_per_day * BUSIEST_HOUR / 3600
    for one in MACHINES:
        if busiest <= one.instances_per_second:
            return one, 1
    return MACHINES[-1], math.ceil(busiest / MACHINES[-1].instances_per_second)


def orthanc(load: Workload, month: float, assumed: Assumptions) -> list[Line]:
    """Of Orthanc on EC2. Whoever installs, updates and watches the machine is not in here."""
    return [line for line in _orthanc(load, month, assumed) if line.quantity]


def _orthanc(load: Workload, month: float, assumed: Assumptions) -> Iterator[Line]:
    copies = 2 if assumed.standby else 1
    held = load.instances * load.months_held(month)
    files, index = held * load.instance_bytes / GB, held * assumed.index_bytes / GB
    disk = index + (0 if assumed.archive_in_s3 else files)
    one, count = machine(load)
    yield Line("EC2", f"{one.name}, hours", count * copies * HOURS_PER_MONTH, one.price)
    system = SYSTEM_GB * count * copies
    yield Line("EBS", "gp3", disk * assumed.disk_reserve * copies + system, "ebs_gp3_gb_month")
    yield Line("EBS", "snapshots", disk * assumed.snapshots, "ebs_snapshot_gb_month")
    if assumed.archive_in_s3:
        yield from stored_files(load, month)
        yield Line("S3", "PUT", load.instances, "s3_put")
        read = (load.read_bytes + load.sent_bytes) / load.instance_bytes
        yield Line("S3", "GET", read, "s3_get")
    yield Line("Load balancer", "hours", HOURS_PER_MONTH * assumed.standby, "nlb_hour")
    yield Line(
        "Data transfer", "out to the internet", (load.read_bytes + load.sent_bytes) / GB, "transfer_out_gb"
    )
