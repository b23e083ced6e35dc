"""Every table, bucket and queue of the store, defined once, for the local stack, the tests and the deployment."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chalicelib.storage.s3.file_listing import ASIDE

if TYPE_CHECKING:
    from chalicelib.settings import Settings
    from chalicelib.storage.clients import Clients

MAX_RECEIVES = 5
VISIBILITY_SECONDS = 5400  # six times the function's timeout, as AWS advises
ARCHIVE_DAYS = 2  # S3 counts from the midnight after; a job is forgotten after one day
ASIDE_DAYS = 30
RETENTION_SECONDS = 14 * 24 * 3600  # SQS's longest


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """A DynamoDB table, paid by request; all key attributes are strings."""

    name: str
    partition_key: str
    sort_key: str | None = None
    expiry_attribute: str | None = None


@dataclass(frozen=True, slots=True)
class QueueDefinition:
    """An SQS queue, and the one that takes what it cannot deliver."""

    name: str
    dead_letter_name: str


@dataclass(frozen=True, slots=True)
class BucketDefinition:
    """An S3 bucket; objects that are created under `events_prefix` are announced in `queue`.

    Uploads in parts that nobody completes are given up after some days; their parts would be paid for ever.
    """

    name: str
    given_up_after_days: int = 7
    expiring: dict[str, int] = field(default_factory=dict)
    """What is removed: prefix to days after it was made."""
    events_prefix: str = ""
    queue: QueueDefinition | None = None


@dataclass(frozen=True, slots=True)
class Resources:
    """All that the store needs of AWS."""

    index: TableDefinition
    log: TableDefinition
    files: BucketDefinition
    inbox: BucketDefinition
    inbox_queue: QueueDefinition
    jobs_queue: QueueDefinition
    network_queue: QueueDefinition

    @property
    def queues(self) -> tuple[QueueDefinition, ...]:
        """Every queue."""
        return self.inbox_queue, self.jobs_queue, self.network_queue

    @property
    def tables(self) -> tuple[TableDefinition, ...]:
        """Every table."""
        return self.index, self.log

    @property
    def buckets(self) -> tuple[BucketDefinition, ...]:
        """Every bucket."""
        return self.files, self.inbox


def name_in_account(bucket: str, account: str, region: str) -> str:
    """The name of a bucket on AWS, where names are unique in the world."""
    return f"{bucket}-{account}-{region}"


def define(settings: Settings) -> Resources:
    """The resources under the names that the settings give them."""
    prefix = f"nacre-{settings.stage}-inbox"
    queue = QueueDefinition(prefix, f"{prefix}-dead")
    jobs, network = (f"nacre-{settings.stage}-{name}" for name in ("jobs", "network"))
    return Resources(
        index=TableDefinition(settings.index_table, "pk", "sk", expiry_attribute="expires"),
        log=TableDefinition(settings.log_table, "pk"),
        files=BucketDefinition(
            settings.files_bucket,
            expiring={
                f"{settings.tenant}/archives/": ARCHIVE_DAYS,
                f"{settings.tenant}/{ASIDE}/": ASIDE_DAYS,
            },
        ),
        inbox=BucketDefinition(settings.inbox_bucket, events_prefix=settings.inbox_prefix, queue=queue),
        inbox_queue=queue,
        jobs_queue=QueueDefinition(jobs, f"{jobs}-dead"),
        network_queue=QueueDefinition(network, f"{network}-dead"),
    )


@dataclass(frozen=True, slots=True)
class QueueUrls:
    """Where the queues are."""

    inbox: str
    jobs: str
    network: str


def create(resources: Resources, clients: Clients) -> QueueUrls:
    """Create what is missing; safe to repeat."""
    for table in resources.tables:
        _create_table(clients.dynamodb, table)
    url, arn = _create_queue(clients.sqs, resources.inbox_queue)
    jobs_url, _ = _create_queue(clients.sqs, resources.jobs_queue)
    network_url, _ = _create_queue(clients.sqs, resources.network_queue)
    for bucket in resources.buckets:
        _create_bucket(clients.s3, bucket, arn)
    return QueueUrls(url, jobs_url, network_url)


def table_request(table: TableDefinition) -> dict[str, Any]:
    """The parameters of CreateTable."""
    keys = {table.partition_key: "HASH"}
    if table.sort_key:
        keys[table.sort_key] = "RANGE"
    return {
        "TableName": table.name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in keys],
        "KeySchema": [{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
    }


def _create_table(client: Any, table: TableDefinition) -> None:
    if table.name not in client.list_tables()["TableNames"]:
        client.create_table(**table_request(table))
        client.get_waiter("table_exists").wait(TableName=table.name)
    if table.expiry_attribute and not _expires(client, table):
        expiry = {"Enabled": True, "AttributeName": table.expiry_attribute}
        client.update_time_to_live(TableName=table.name, TimeToLiveSpecification=expiry)


def _expires(client: Any, table: TableDefinition) -> bool:
    answer = client.describe_time_to_live(TableName=table.name)["TimeToLiveDescription"]
    return str(answer["TimeToLiveStatus"]).startswith("ENABL")  # ENABLED, or ENABLING for up to an hour


def _create_queue(client: Any, queue: QueueDefinition) -> tuple[str, str]:
    retention = {"MessageRetentionPeriod": str(RETENTION_SECONDS)}
    dead_letter_url = client.create_queue(QueueName=queue.dead_letter_name, Attributes=retention)["QueueUrl"]
    redrive = {"deadLetterTargetArn": _queue_arn(client, dead_letter_url), "maxReceiveCount": MAX_RECEIVES}
    attributes = {
        **retention,
        "VisibilityTimeout": str(VISIBILITY_SECONDS),
        "RedrivePolicy": json.dumps(redrive),
    }
    url = client.create_queue(QueueName=queue.name, Attributes=attributes)["QueueUrl"]
    return url, _queue_arn(client, url)


def _queue_arn(client: Any, url: str) -> str:
    answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(answer["Attributes"]["QueueArn"])


def _create_bucket(client: Any, bucket: BucketDefinition, queue_arn: str) -> None:
    if bucket.name not in [found["Name"] for found in client.list_buckets()["Buckets"]]:
        client.create_bucket(Bucket=bucket.name)
    rule = {
        "ID": "give up unfinished uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": bucket.given_up_after_days},
    }
    rules: list[dict[str, Any]] = [rule]
    for prefix, days in bucket.expiring.items():
        rules.append(
            {
                "ID": f"remove what is old in {prefix}",
                "Status": "Enabled",
                "Filter": {"Prefix": prefix},
                "Expiration": {"Days": days},
            }
        )
    client.put_bucket_lifecycle_configuration(Bucket=bucket.name, LifecycleConfiguration={"Rules": rules})
    if bucket.queue is None:
        return
    under = {"Key": {"FilterRules": [{"Name": "prefix", "Value": bucket.events_prefix}]}}
    announcement = {"QueueArn": queue_arn, "Events": ["s3:ObjectCreated:*"], "Filter": under}
    client.put_bucket_notification_configuration(
        Bucket=bucket.name, NotificationConfiguration={"QueueConfigurations": [announcement]}
    )
