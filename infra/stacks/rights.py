"""Roles with exactly the rights of `infra.permissions`."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Stack, Token
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.permissions import Arns, Part, Permission
from infra.stacks.data import DataStack
from infra.stacks.reasons import acknowledge

_OF_KEY = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)
"""What S3, DynamoDB, SQS and Secrets Manager do in the caller's name (KMS developer guide, "kms:ViaService")."""


def arns(data: DataStack) -> Arns:
    """Where the parts of a store are."""
    return {
        Part.INDEX: data.index.table_arn,
        Part.LOG: data.log.table_arn,
        Part.FILES: data.bucket_arns["files"],
        Part.FILES_OBJECTS: f"{data.bucket_arns['files']}/*",
        Part.INBOX: data.bucket_arns["inbox"],
        Part.INBOX_OBJECTS: f"{data.bucket_arns['inbox']}/*",
        Part.INBOX_QUEUE: data.inbox_queue.queue_arn,
        Part.JOBS_QUEUE: data.jobs_queue.queue_arn,
        Part.NETWORK_QUEUE: data.network_queue.queue_arn,
        Part.USERS: data.users.secret_arn,
    }


def make_role(
    scope: Construct, name: str, service: str, permissions: Sequence[Permission], data: DataStack
) -> iam.Role:
    """A role of a service (``lambda``, ``ecs-tasks``) for the parts of a store, and the use of its key through them."""
    where = arns(data)
    role = iam.Role(scope, name, assumed_by=iam.ServicePrincipal(f"{service}.amazonaws.com"))
    # Lambda reads the variables of a function in the name of its role.
    services = {"lambda": None} if service == "lambda" else {}
    for permission in permissions:
        role.add_to_policy(
            iam.PolicyStatement(
                actions=list(permission.actions), resources=[where[part] for part in permission.parts]
            )
        )
        services |= dict.fromkeys(action.split(":")[0] for action in permission.actions)
    role.add_to_policy(use_of_key(data, list(services)))
    for part in (Part.FILES_OBJECTS, Part.INBOX_OBJECTS):
        acknowledge(role, "objects", objects=_as_reported(where[part], data))
    return role


def _as_reported(arn: str, data: DataStack) -> str:
    """An ARN as cdk-nag writes it."""
    reported = arn.replace(data.partition, "<AWS::Partition>")
    return (
        reported.replace(data.account, "<AWS::AccountId>") if Token.is_unresolved(data.account) else reported
    )


def use_of_key(data: DataStack, services: Sequence[str]) -> iam.PolicyStatement:
    """The key of the store, in the hands of some services only."""
    region = Stack.of(data).region
    return iam.PolicyStatement(
        actions=list(_OF_KEY),
        resources=[data.key.key_arn],
        conditions={
            "StringEquals": {"kms:ViaService": [f"{service}.{region}.amazonaws.com" for service in services]}
        },
    )
