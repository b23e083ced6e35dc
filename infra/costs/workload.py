"""What a site does with the store, and what the deployment consists of: the input of the calculation."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

DAYS_PER_MONTH = 365 / 12
HOURS_PER_MONTH = 24 * DAYS_PER_MONTH
MB = 1e6
GB = 2**30  # as AWS bills it


class Way(StrEnum):
    """How instances come in."""

    REST = "rest"
    DICOM = "dicom"
    INBOX = "inbox"


class DataEvents(StrEnum):
    """Which single accesses CloudTrail records."""

    NONE = "none"
    S3 = "s3"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Stage:
    """What is paid for whether it is used or not, and what makes each use dearer; by default what `prod` deploys."""

    tasks: int = 2
    """Of the listener, all the time; 0 for a store without DICOM."""

    task_vcpu: float = 1.0
    task_memory_gb: float = 2.0
    zones: int = 2
    interface_endpoints: int = 5
    """Beside the endpoints of S3 and DynamoDB, which cost nothing."""

    load_balancer: bool = True
    waf_rules: int = 4
    """0: no firewall."""

    kms_keys: int = 1
    data_events: DataEvents = DataEvents.S3
    alarms: int = 24
    metrics: int = 20
    log_bytes_per_request: float = 800.0
    log_months: float = 1.0
    secrets: int = 2
    image_gb: float = 1.0
    """Of the listener, in ECR."""

    backup: bool = True
    """Point-in-time recovery of both tables."""

    intelligent_tiering: bool = True


@dataclass(frozen=True, slots=True)
class Workload:
    """A site: sizes in bytes; what is read is per month."""

    instances_per_day: float = 10_000
    instance_bytes: float = 0.5 * MB
    instances_per_series: float = 100
    series_per_study: float = 4
    studies_per_patient: float = 2
    retention_days: float = 3650
    way: Way = Way.DICOM
    series_at_once: float = 4
    """How many series come in at the same time."""

    requests_per_instance: float = 1.0
    """Requests for a resource, by REST, for each instance that comes in."""

    finds_per_day: float = 500
    read_bytes: float = 100e9
    """Of files, by REST."""

    sent_bytes: float = 100e9
    """Of files, by DICOM."""

    stage: Stage = field(default_factory=Stage)

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        for name in (
            "instances_per_day",
            "requests_per_instance",
            "finds_per_day",
            "read_bytes",
            "sent_bytes",
        ):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is negative")
        for name in (
            "instance_bytes",
            "instances_per_series",
            "series_per_study",
            "studies_per_patient",
            "retention_days",
            "series_at_once",
        ):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is not above zero")
        if self.way is Way.DICOM and self.instances_per_day and not self.stage.tasks:
            raise ValueError("What comes by DICOM needs a task that listens")

    @property
    def instances(self) -> float:
        """Those that come in a month."""
        return self.instances_per_day * DAYS_PER_MONTH

    @property
    def series(self) -> float:
        """Those that come in a month."""
        return self.instances / self.instances_per_series

    @property
    def studies(self) -> float:
        """Those that come in a month."""
        return self.series / self.series_per_study

    @property
    def patients(self) -> float:
        """Those that come in a month."""
        return self.studies / self.studies_per_patient

    @property
    def retention_months(self) -> float:
        """After how many months as much is deleted as comes in."""
        return self.retention_days / DAYS_PER_MONTH

    def months_held(self, month: float) -> float:
        """How many months' instances there are at the end of a month of the archive's life, the first being 1."""
        return min(month, self.retention_months)

    def deletes(self, month: float) -> bool:
        """Whether the month deletes what has reached its age."""
        return month > self.retention_months
