"""IAM, which no emulator has: refuses what a role may not do, and keeps what it did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from infra.permissions import Part, Permission

Right = tuple[str, Part]

_S3 = {
    "AbortMultipartUpload": "AbortMultipartUpload",
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteObject": "DeleteObject",
    "DeleteObjects": "DeleteObject",
    "GetObject": "GetObject",
    "HeadObject": "GetObject",
    "ListParts": "ListMultipartUploadParts",
    "PutObject": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
}
"""What each call needs on an object (S3 user guide, "Required permissions for Amazon S3 API operations")."""

_OBJECTS = {Part.FILES: Part.FILES_OBJECTS, Part.INBOX: Part.INBOX_OBJECTS}
_TRANSACTION = {
    "ConditionCheck": "ConditionCheckItem",
    "Delete": "DeleteItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
}
_SQS = {"DeleteMessageBatch": "DeleteMessage"}


class Guard:
    """Watches the clients of one role."""

    def __init__(self, allowed: tuple[Permission, ...], parts: Mapping[str, Part]) -> None:
        """`parts` tells what the tables, buckets and queues of the store are, by their names."""
        self.allowed = rights(allowed)
        self.used: set[Right] = set()
        self.refused: set[Right] = set()
        self._parts = parts

    def watch(self, *clients: Any) -> None:
        """Check every call of these clients from now on."""
        for client in clients:
            client.meta.events.register("provide-client-params.*.*", self._check)

    def _check(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        needed = set(_needed(model.service_model.service_name, model.name, params, self._parts))
        self.used |= needed
        self.refused |= needed - self.allowed
        if not needed <= self.allowed:
            answer = {
                "Error": {"Code": "AccessDenied", "Message": str(sorted(needed - self.allowed, key=str))}
            }
            raise ClientError(answer, model.name)  # type: ignore[arg-type]


def rights(permissions: tuple[Permission, ...]) -> set[Right]:
    """Each action on each part."""
    return {(action, part) for each in permissions for action in each.actions for part in each.parts}


def _needed(
    service: str, operation: str, params: dict[str, Any], parts: Mapping[str, Part]
) -> Iterator[Right]:
    if service == "dynamodb":
        yield from _of_dynamodb(operation, params, parts)
    elif service == "sqs":
        queue = parts[params["QueueUrl"].rpartition("/")[2]]
        yield f"sqs:{_SQS.get(operation, operation)}", queue
    elif operation == "ListObjectsV2":
        yield "s3:ListBucket", parts[params["Bucket"]]
    else:
        bucket = parts[params["Bucket"]]
        yield f"s3:{_S3[operation]}", _OBJECTS[bucket]
        if operation in ("GetObject", "HeadObject"):  # without it: 403 for what is missing
            yield "s3:ListBucket", bucket
        if "CopySource" in params:
            yield "s3:GetObject", _OBJECTS[parts[_source_bucket(params["CopySource"])]]


def _source_bucket(source: Any) -> str:
    return str(source["Bucket"] if isinstance(source, dict) else source.split("/")[0])


def _of_dynamodb(operation: str, params: dict[str, Any], parts: Mapping[str, Part]) -> Iterator[Right]:
    if operation in ("BatchGetItem", "BatchWriteItem"):
        for table in params["RequestItems"]:
            yield f"dynamodb:{operation}", parts[table]
    elif operation == "TransactWriteItems":
        for item in params["TransactItems"]:
            ((kind, details),) = item.items()
            yield f"dynamodb:{_TRANSACTION[kind]}", parts[details["TableName"]]
    else:
        yield f"dynamodb:{operation}", parts[params["TableName"]]
