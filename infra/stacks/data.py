"""What must never be lost: files, index, logs, the queues in front of them, and the key that they are encrypted with.

Everything of `infra.resources`, which the local stack creates as well, with what only AWS has.
"""

from __future__ import annotations

from typing import Any

from aws_cdk import Duration, RemovalPolicy, SecretValue, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.resources import (
    MAX_RECEIVES,
    RETENTION_SECONDS,
    VISIBILITY_SECONDS,
    BucketDefinition,
    QueueDefinition,
    Resources,
    TableDefinition,
    name_in_account,
)
from infra.stacks.buckets import KEPT_VERSION_DAYS, expiring, make_bucket, records
from infra.stacks.keys import make_key
from infra.stacks.reasons import acknowledge
from infra.stacks.replica import ReplicaStack
from infra.stacks.retention import RETAIN_NAMED
from infra.stages import Stage

ACCESS_LOG_DAYS = 365
WARM_READ_UNITS = 12_000


class DataStack(Stack):
    """Tables, buckets, queues, secrets, and their key. All are retained when the stack is deleted."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        stage: Stage,
        resources: Resources,
        replica: ReplicaStack | None,
        **options: Any,
    ) -> None:
        super().__init__(scope, name, termination_protection=stage.protected, **options)
        self._stage = stage
        self._replica = replica
        self.key = make_key(self, stage)
        self.access_logs = self._make_access_logs()
        self.queues: dict[str, sqs.Queue] = {}
        self.dead_letters: dict[str, sqs.Queue] = {}
        self.inbox_queue = self._make_queue(resources.inbox_queue)
        self.jobs_queue = self._make_queue(resources.jobs_queue)
        self.network_queue = self._make_queue(resources.network_queue)
        self.index = self._make_table(resources.index)
        self.log = self._make_table(resources.log)
        self.bucket_arns: dict[str, str] = {}
        """Of `files` and `inbox`, by their names: other stacks need not import them."""
        self.files = self._make_bucket("Files", resources.files)
        self.inbox = self._make_bucket("Inbox", resources.inbox)
        self.users = self._make_secret(
            "Users", "The users of the API: a JSON object, user name to Argon2id hash"
        )
        self.tls = self._make_secret(
            "Tls", "What the listener for DICOM TLS shows and trusts: three PEM texts"
        )

    @property
    def tables(self) -> tuple[dynamodb.TableV2, dynamodb.TableV2]:
        """Both tables."""
        return self.index, self.log

    def _make_access_logs(self) -> s3.Bucket:
        # S3 writes its logs only into buckets with its own keys.
        bucket = make_bucket(self, "AccessLogs", None, [records(ACCESS_LOG_DAYS)])
        acknowledge(bucket, "log bucket")
        return bucket

    def _make_table(self, table: TableDefinition) -> dynamodb.TableV2:
        keys = {
            name: dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
            for name in (table.partition_key, table.sort_key)
            if name
        }
        replica = self._replica
        return dynamodb.TableV2(
            self,
            "Index" if table.sort_key else "Log",
            table_name=table.name,
            partition_key=keys[table.partition_key],
            sort_key=keys[table.sort_key] if table.sort_key else None,
            billing=dynamodb.Billing.on_demand(),
            encryption=dynamodb.TableEncryptionV2.customer_managed_key(
                self.key, {replica.region: replica.key.key_arn} if replica else None
            ),
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            replicas=[dynamodb.ReplicaTableProps(region=replica.region)] if replica else None,
            time_to_live_attribute=table.expiry_attribute,
            warm_throughput=_warm(self._stage),
            deletion_protection=self._stage.protected,
            # DynamoDB would refuse to take a protected one back.
            removal_policy=RemovalPolicy.RETAIN if self._stage.protected else RETAIN_NAMED,
        )

    def _make_queue(self, queue: QueueDefinition) -> sqs.Queue:
        def make(name: str, **options: Any) -> sqs.Queue:
            return sqs.Queue(
                self,
                name.removeprefix(f"nacre-{self._stage.name}-").title().replace("-", "") + "Queue",
                queue_name=name,
                encryption=sqs.QueueEncryption.KMS,
                encryption_master_key=self.key,
                data_key_reuse=Duration.hours(1),
                enforce_ssl=True,
                retention_period=Duration.seconds(RETENTION_SECONDS),
                removal_policy=RETAIN_NAMED,
                **options,
            )

        dead = make(queue.dead_letter_name)
        self.dead_letters[queue.name] = dead
        made = self.queues[queue.name] = make(
            queue.name,
            visibility_timeout=Duration.seconds(VISIBILITY_SECONDS),
            dead_letter_queue=sqs.DeadLetterQueue(max_receive_count=MAX_RECEIVES, queue=dead),
        )
        return made

    def _make_bucket(self, name: str, definition: BucketDefinition) -> s3.Bucket:
        rules = [
            s3.LifecycleRule(
                id="give up unfinished uploads, and what was deleted",
                abort_incomplete_multipart_upload_after=Duration.days(definition.given_up_after_days),
                noncurrent_version_expiration=Duration.days(KEPT_VERSION_DAYS),
                expired_object_delete_marker=True,
            )
        ]
        if definition.queue is None:
            rules.append(s3.LifecycleRule(id="tier by use", transitions=[_by_use()]))
        rules += expiring(definition)
        own_name = name_in_account(definition.name, self.account, self.region)
        self.bucket_arns[name.lower()] = f"arn:{self.partition}:s3:::{own_name}"
        replica = self._replica
        is_copied = replica is not None and definition.queue is None  # the inbox is empty most of the time
        bucket = make_bucket(
            self,
            name,
            self.key,
            rules,
            bucket_name=own_name,
            server_access_logs_bucket=self.access_logs,
            server_access_logs_prefix=f"s3/{name.lower()}/",
            replication_rules=[_copied_to(self, replica)] if replica and is_copied else None,
        )
        resource = bucket.node.default_child
        assert isinstance(resource, s3.CfnBucket)  # noqa: S101 - for the type
        if definition.queue is not None:
            self._announce(bucket, resource, definition, definition.queue)
        if replica and is_copied:
            copy = f"arn:<AWS::Partition>:s3:::{replica.bucket_name}"
            acknowledge(bucket, "copied", bucket=str(self.resolve(resource.logical_id)), copy=copy)
        else:
            acknowledge(bucket, "no replica")
        return bucket

    def _announce(
        self,
        bucket: s3.Bucket,
        resource: s3.CfnBucket,
        definition: BucketDefinition,
        announced: QueueDefinition,
    ) -> None:
        """Say in the bucket itself who hears of its objects: CDK's own way deploys a Lambda function for that."""
        queue = self.queues[announced.name]
        queue.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("s3.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[queue.queue_arn],
                conditions={
                    "ArnLike": {
                        "aws:SourceArn": f"arn:{self.partition}:s3:::{definition.name}-{self.account}-*"
                    },
                    "StringEquals": {"aws:SourceAccount": self.account},
                },
            )
        )
        under = s3.CfnBucket.FilterRuleProperty(name="prefix", value=definition.events_prefix)
        resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            queue_configurations=[
                s3.CfnBucket.QueueConfigurationProperty(
                    event="s3:ObjectCreated:*",
                    queue=queue.queue_arn,
                    filter=s3.CfnBucket.NotificationFilterProperty(
                        s3_key=s3.CfnBucket.S3KeyFilterProperty(rules=[under])
                    ),
                )
            ]
        )
        bucket.node.add_dependency(queue)  # S3 tries the queue when the bucket is made

    def _make_secret(self, name: str, description: str) -> secretsmanager.Secret:
        secret = secretsmanager.Secret(
            self,
            name,
            secret_name=f"nacre-{self._stage.name}-{name.lower()}",
            description=description,
            encryption_key=self.key,
            # Empty until somebody fills it in (docs/deployment.md); a deployment never overwrites that.
            secret_string_value=SecretValue.unsafe_plain_text("{}"),
            removal_policy=RETAIN_NAMED,
        )
        acknowledge(secret, "secret")
        return secret


def _by_use() -> s3.Transition:
    return s3.Transition(storage_class=s3.StorageClass.INTELLIGENT_TIERING, transition_after=Duration.days(0))


def _copied_to(scope: Construct, replica: ReplicaStack) -> s3.ReplicationRule:
    """Removed files go there too, as markers: what a patient wants gone must not live on."""
    # By their names, so that the rights stand in S3's role alone and the stacks do not depend on each other.
    key = kms.Key.from_key_arn(scope, "CopyKey", replica.key.key_arn)
    return s3.ReplicationRule(
        destination=s3.Bucket.from_bucket_name(scope, "Copy", replica.bucket_name),
        kms_key=key,
        sse_kms_encrypted_objects=True,
        replication_time_control=s3.ReplicationTimeValue.FIFTEEN_MINUTES,
        metrics=s3.ReplicationTimeValue.FIFTEEN_MINUTES,
        delete_marker_replication=True,
    )


def _warm(stage: Stage) -> dynamodb.WarmThroughput | None:
    if not stage.warm_write_units:
        return None
    return dynamodb.WarmThroughput(
        write_units_per_second=stage.warm_write_units,
        read_units_per_second=WARM_READ_UNITS,  # AWS's own: uploads write more than they read
    )
