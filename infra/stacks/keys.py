"""The key that everything is encrypted with."""

from __future__ import annotations

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from infra.stages import Stage as StageOptions


def trail_name(stage: StageOptions) -> str:
    """Of the trail, which the key has to know before there is one."""
    return f"nacre-{stage.name}"


def make_key(stack: Stack, stage: StageOptions) -> kms.Key:
    """The key of a store, rotated each year, and which services may use it in whose name."""
    key = kms.Key(
        stack,
        "Key",
        alias=f"alias/nacre-{stage.name}",
        description="Encrypts the files, the index, the queues and the logs of Nacre",
        enable_key_rotation=True,
        removal_policy=RemovalPolicy.RETAIN,
    )
    for service in ("s3", "cloudwatch"):  # announces objects; sends alarms
        key.grant_encrypt_decrypt(
            iam.ServicePrincipal(
                f"{service}.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
            )
        )
    logs = iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com")
    of_account = f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:*"
    key.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[logs],
            actions=[
                "kms:Encrypt",
                "kms:Decrypt",
                "kms:ReEncrypt*",
                "kms:GenerateDataKey*",
                "kms:DescribeKey",
            ],
            resources=["*"],  # a key's own policy names no other key
            conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": of_account}},
        )
    )
    trail = stack.format_arn(service="cloudtrail", resource="trail", resource_name=trail_name(stage))
    key.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal("cloudtrail.amazonaws.com")],
            actions=["kms:GenerateDataKey*", "kms:DescribeKey"],
            resources=["*"],
            # CloudTrail names the trail, not the account (its user guide, "Configure AWS KMS key policies").
            conditions={"StringEquals": {"aws:SourceArn": trail}},
        )
    )
    return key
