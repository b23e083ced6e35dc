"""What all buckets have in common: private, versioned, encrypted, by TLS alone, and not removed with their stack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.resources import BucketDefinition
from infra.stacks.retention import RETAIN_NAMED

KEPT_VERSION_DAYS = 30
"""How long what was deleted or overwritten can be brought back."""

GIVEN_UP_AFTER_DAYS = 7


def make_bucket(
    scope: Construct, name: str, key: kms.IKey | None, rules: Sequence[s3.LifecycleRule], **options: Any
) -> s3.Bucket:
    """A bucket; without a key it is encrypted with S3's own. `options` are CDK's."""
    return s3.Bucket(
        scope,
        name,
        encryption=s3.BucketEncryption.KMS if key else s3.BucketEncryption.S3_MANAGED,
        encryption_key=key,
        bucket_key_enabled=True if key else None,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        versioned=True,
        lifecycle_rules=list(rules),
        removal_policy=RETAIN_NAMED if "bucket_name" in options else RemovalPolicy.RETAIN,
        **options,
    )


def expiring(bucket: BucketDefinition) -> list[s3.LifecycleRule]:
    """What a bucket keeps for some days only. Its copy needs the same: S3 copies no removal that is its own."""
    return [
        s3.LifecycleRule(id=f"remove what is old in {prefix}", prefix=prefix, expiration=Duration.days(days))
        for prefix, days in bucket.expiring.items()
    ]


def records(days: int) -> s3.LifecycleRule:
    """Records are kept for so many days."""
    return s3.LifecycleRule(
        expiration=Duration.days(days),
        noncurrent_version_expiration=Duration.days(KEPT_VERSION_DAYS),
        abort_incomplete_multipart_upload_after=Duration.days(GIVEN_UP_AFTER_DAYS),
    )
