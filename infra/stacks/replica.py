"""The second copy of files and tables, in another region."""

from __future__ import annotations

from typing import Any

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.resources import BucketDefinition, name_in_account
from infra.stacks.buckets import KEPT_VERSION_DAYS, expiring, make_bucket
from infra.stacks.reasons import acknowledge
from infra.stages import Stage


class ReplicaStack(Stack):
    """The bucket that S3 copies every file into, and the key of all copies in this region.

    The copies of the tables belong to the tables themselves (DynamoDB global tables).
    """

    def __init__(
        self, scope: Construct, name: str, stage: Stage, files: BucketDefinition, **options: Any
    ) -> None:
        super().__init__(scope, name, termination_protection=stage.protected, **options)
        self.key = kms.Key(
            self,
            "Key",
            alias=f"alias/nacre-{stage.name}",
            description="Encrypts the second copy of the files and the index of Nacre",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        self.bucket_name = name_in_account(f"{files.name}-copy", stage.account, stage.replica_region)
        rule = s3.LifecycleRule(
            id="cheapest at once: read only when the other region is lost",
            transitions=[
                s3.Transition(
                    storage_class=s3.StorageClass.GLACIER_INSTANT_RETRIEVAL, transition_after=Duration.days(0)
                )
            ],
            noncurrent_version_expiration=Duration.days(KEPT_VERSION_DAYS),
            expired_object_delete_marker=True,
        )
        rules = [rule, *expiring(files)]
        self.files = make_bucket(self, "Files", self.key, rules, bucket_name=self.bucket_name)
        acknowledge(self.files, "replica bucket")
