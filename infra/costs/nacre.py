"""What the store uses in a month, line by line: service, what, how much, by which price."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from infra.costs import operations as op
from infra.costs.operations import Operation
from infra.costs.workload import DAYS_PER_MONTH, GB, HOURS_PER_MONTH, DataEvents, Way, Workload

LAMBDA_GB = 1769 / 1024  # at which Lambda gives one whole core
SWEEPS = 60 * HOURS_PER_MONTH
POLLERS = 5  # that Lambda keeps at each queue
LONG_POLLS = 180 * HOURS_PER_MONTH  # of 20 seconds
LISTENER_POLLS = 1800 * HOURS_PER_MONTH  # of 2 seconds (dicom_listener/workers.py)
LISTENER_WAKES = 720 * HOURS_PER_MONTH  # every 5 seconds
LISTENER_WORKERS = 8  # of a process (setting `ConcurrentNetworkJobs`), one process for each core
KMS_SHARE_OF_S3 = 0.01  # with bucket keys; AWS speaks of up to 99% less
KMS_FOR_TABLES_AND_QUEUES = 10 * 12 * HOURS_PER_MONTH  # their data keys are kept for five minutes
UNIT_BYTES_PER_HOUR = GB  # of a capacity unit of the load balancer
TIERED_BYTES = 128 * 1024  # what is smaller is not moved by Intelligent-Tiering
AUTHORIZER_CALLS = 12 * HOURS_PER_MONTH  # API Gateway keeps an answer for five minutes; of ten users
USERS = 10
AUTHORIZER_MS = 60.0  # Argon2id


@dataclass(frozen=True, slots=True)
class Line:
    """How much of something with a price a month uses."""

    service: str
    what: str
    quantity: float
    price: str


@dataclass(frozen=True, slots=True)
class Traffic:
    """How often each operation runs in a month."""

    runs: tuple[tuple[str, Operation, float], ...]

    def total(self, name: str) -> float:
        """Of a field of `Operation`, over all."""
        return float(sum(getattr(operation, name) * count for _, operation, count in self.runs))


def traffic(load: Workload, month: float) -> Traffic:
    """The operations of a month of the archive's life."""
    ingest = op.INBOX if load.way is Way.INBOX else op.UPLOAD
    new = load.series + load.studies + load.patients
    entries = load.instances + 2 * new  # each is announced, and once it is stable again
    # Each sweep that finds something has a batch.
    batches = max(entries / op.BATCH_ENTRIES, min(SWEEPS, entries))
    touched = 3 * min(load.series_at_once, entries / batches if batches else 0)
    files_read = (load.read_bytes + load.sent_bytes) / load.instance_bytes
    return Traffic(
        (
            ("ingest", ingest, load.instances),
            ("first of a series", op.NEW_SERIES, load.series),
            ("first of a study", op.NEW_STUDY, load.studies),
            ("first of a patient", op.NEW_PATIENT, load.patients),
            ("requests", op.GET_RESOURCE, load.instances * load.requests_per_instance),
            ("files read", op.GET_FILE, files_read),
            ("finds", op.FIND, load.finds_per_day * DAYS_PER_MONTH),
            ("sweeps", op.IDLE_SWEEP, SWEEPS),
            ("entries followed", op.FOLLOW_ENTRY, entries),
            ("windows followed", op.FOLLOW_WINDOW, max(entries / op.WINDOW_ENTRIES, batches)),
            ("batches followed", op.FOLLOW_BATCH, batches),
            ("last arrivals", op.TOUCH, batches * touched),
            ("stable events", op.SETTLE, new),
            ("checks of files", op.ORPHAN_CHECK, load.instances),
            ("deletes", op.DELETE, load.instances if load.deletes(month) else 0),
        )
    )


def lines(load: Workload, month: float) -> list[Line]:
    """All that is paid for in a month of the archive's life, the first being 1."""
    found = traffic(load, month)
    parts = (
        _files(load, month, found),
        _tables(load, month, found),
        _functions(load, found),
        _listener(load),
        _around(load, found),
    )
    return [line for part in parts for line in part if line.quantity]


def rest_requests(load: Workload) -> float:
    """What API Gateway and the API's function answer in a month."""
    uploads = load.instances if load.way is Way.REST else 0
    return uploads + load.instances * load.requests_per_instance + load.read_bytes / load.instance_bytes


def stored_files(load: Workload, month: float) -> Iterator[Line]:
    """The storage of the files in S3, whoever put them there."""
    service = "S3"
    gb = load.instances * load.instance_bytes / GB
    held = load.months_held(month)
    if not load.stage.intelligent_tiering or load.instance_bytes < TIERED_BYTES:
        yield Line(service, "storage", gb * held, "s3_standard_gb_month")
        return
    per_day, days = gb / DAYS_PER_MONTH, held * DAYS_PER_MONTH
    yield Line(service, "storage, frequent access", per_day * min(days, 30), "s3_standard_gb_month")
    infrequent = per_day * max(0, min(days, 90) - 30)
    yield Line(service, "storage, infrequent access", infrequent, "s3_infrequent_gb_month")
    archived = per_day * max(0, days - 90)
    yield Line(service, "storage, archive instant access", archived, "s3_archive_instant_gb_month")
    yield Line(service, "objects monitored", load.instances * held, "s3_monitored_object_month")


def _files(load: Workload, month: float, found: Traffic) -> Iterator[Line]:
    yield from stored_files(load, month)
    inbox = load.instances if load.way is Way.INBOX else 0  # its producer's own PUT
    yield Line("S3", "PUT, COPY and LIST", found.total("s3_puts") + inbox, "s3_put")
    yield Line("S3", "GET", found.total("s3_gets"), "s3_get")


def _tables(load: Workload, month: float, found: Traffic) -> Iterator[Line]:
    service = "DynamoDB"
    yield Line(service, "write units", found.total("write_units"), "dynamodb_write_unit")
    polled = LISTENER_WAKES * _processes(load)
    yield Line(service, "read units", found.total("read_units") + polled, "dynamodb_read_unit")
    gb = kept_bytes(load) * load.months_held(month) / GB
    yield Line(service, "storage", gb, "dynamodb_gb_month")
    if load.stage.backup:
        yield Line(service, "point-in-time recovery", gb, "dynamodb_backup_gb_month")


def kept_bytes(load: Workload) -> float:
    """What the tables keep of a month's instances."""
    events = load.series + load.studies + load.patients
    return (
        load.instances * op.KEPT_INSTANCE.total
        + load.series * op.KEPT_SERIES.total
        + load.studies * op.KEPT_STUDY.total
        + load.patients * op.KEPT_PATIENT.total
        + events * op.KEPT_EVENT.total
    )


def _functions(load: Workload, found: Traffic) -> Iterator[Line]:
    requests = rest_requests(load)
    authorized = USERS * AUTHORIZER_CALLS if requests else 0
    yield Line("API Gateway", "requests", requests, "apigateway_request")
    events = load.instances if load.way is Way.INBOX else 0
    yield Line("Lambda", "calls", requests + authorized + SWEEPS + events, "lambda_request")
    by_listener = {"ingest"} if load.way is Way.DICOM else set()
    seconds = sum(
        operation.milliseconds / 1000 * count
        for name, operation, count in found.runs
        if name not in by_listener | {"finds", "files read"}
    )
    bytes_in = load.instances * load.instance_bytes if load.way is Way.REST else 0
    seconds += (bytes_in + load.read_bytes) / 1e6 * op.UPLOAD_CPU_MS_PER_MB / 1000
    seconds += load.read_bytes / load.instance_bytes * op.GET_FILE.milliseconds / 1000
    seconds += authorized * AUTHORIZER_MS / 1000
    yield Line("Lambda", "GB-seconds", seconds * LAMBDA_GB, "lambda_gb_second")
    listener = LISTENER_POLLS * LISTENER_WORKERS * _processes(load)
    polls = 2 * POLLERS * LONG_POLLS + listener
    yield Line("SQS", "polls", polls, "sqs_request")
    yield Line("SQS", "messages sent, received, deleted", 3 * events, "sqs_request")


def _processes(load: Workload) -> float:
    """The listener's, one for each core."""
    return load.stage.tasks * max(1, load.stage.task_vcpu) if load.stage.tasks else 0


def _listener(load: Workload) -> Iterator[Line]:
    stage = load.stage
    hours = stage.tasks * HOURS_PER_MONTH
    yield Line("Fargate", "vCPU-hours", hours * stage.task_vcpu, "fargate_vcpu_hour")
    yield Line("Fargate", "GB-hours", hours * stage.task_memory_gb, "fargate_gb_hour")
    if not stage.tasks:
        return
    yield Line("ECR", "images", stage.image_gb, "ecr_gb_month")
    received = load.instances * load.instance_bytes if load.way is Way.DICOM else 0
    if stage.load_balancer:
        yield Line("Load balancer", "hours", HOURS_PER_MONTH, "nlb_hour")
        units = (received + load.finds_per_day * 1e4) / UNIT_BYTES_PER_HOUR
        yield Line("Load balancer", "capacity unit hours", units, "nlb_capacity_unit_hour")
    hours = stage.interface_endpoints * stage.zones * HOURS_PER_MONTH
    yield Line("VPC endpoints", "hours", hours, "vpc_endpoint_hour")


def _around(load: Workload, found: Traffic) -> Iterator[Line]:
    stage = load.stage
    requests = rest_requests(load)
    s3_calls = found.total("s3_puts") + found.total("s3_gets")
    if stage.waf_rules:
        yield Line("WAF", "web ACL", 1, "waf_acl_month")
        yield Line("WAF", "rules", stage.waf_rules, "waf_rule_month")
        yield Line("WAF", "requests", requests, "waf_request")
    if stage.kms_keys:
        yield Line("KMS", "keys", stage.kms_keys, "kms_key_month")
        calls = s3_calls * KMS_SHARE_OF_S3 + KMS_FOR_TABLES_AND_QUEUES
        yield Line("KMS", "requests", calls, "kms_request")
    if stage.data_events is not DataEvents.NONE:
        tables = found.total("dynamodb_calls") if stage.data_events is DataEvents.ALL else 0
        yield Line("CloudTrail", "data events", s3_calls + tables, "cloudtrail_data_event")
    yield Line("CloudWatch", "alarms", stage.alarms, "cloudwatch_alarm")
    yield Line("CloudWatch", "metrics", stage.metrics, "cloudwatch_metric")
    events = load.instances if load.way is Way.INBOX else 0
    gb = (requests + events + SWEEPS) * stage.log_bytes_per_request / GB
    yield Line("CloudWatch", "logs taken in", gb, "cloudwatch_logs_gb")
    yield Line("CloudWatch", "logs kept", gb * stage.log_months, "cloudwatch_logs_gb_month")
    yield Line("Secrets Manager", "secrets", stage.secrets, "secret_month")
    out = (load.read_bytes + load.sent_bytes) / GB
    yield Line("Data transfer", "out to the internet", out, "transfer_out_gb")
