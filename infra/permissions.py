"""What each function and the listener may do: the calls that the store makes, on the store's own resources.

A role that lacks a call breaks the store, one that has a call too many helps an intruder. tests/infra runs the store
with these rights enforced, and compares them with the calls that were made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from infra.resources import Resources


class Part(Enum):
    """What rights are given on."""

    INDEX = "index"
    LOG = "log"
    FILES = "files"
    FILES_OBJECTS = "files/*"
    INBOX = "inbox"
    INBOX_OBJECTS = "inbox/*"
    INBOX_QUEUE = "inbox queue"
    JOBS_QUEUE = "jobs queue"
    NETWORK_QUEUE = "network queue"
    USERS = "users"


Arns = Mapping[Part, str]


@dataclass(frozen=True, slots=True)
class Permission:
    """Actions (as IAM names them) on parts of the store."""

    actions: tuple[str, ...]
    parts: tuple[Part, ...]


TABLE = (
    "dynamodb:BatchGetItem",
    "dynamodb:BatchWriteItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
)
OBJECTS = (
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:GetObject",
    "s3:ListMultipartUploadParts",
    "s3:PutObject",
)
# Without it, S3 answers 403 instead of 404 where an object is missing.
LISTING = ("s3:ListBucket",)
WAKING = ("sqs:SendMessage",)
# What Lambda itself needs to read a queue for a function.
EVENT_SOURCE = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
# What the listener's workers need to read theirs.
WORKING = ("sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage")

TABLES = Permission(TABLE, (Part.INDEX, Part.LOG))
STORING = (
    Permission(OBJECTS, (Part.FILES_OBJECTS, Part.INBOX_OBJECTS)),
    Permission(LISTING, (Part.FILES, Part.INBOX)),
)
WAKE = Permission(WAKING, (Part.JOBS_QUEUE,))
SEND = Permission(WAKING, (Part.NETWORK_QUEUE,))

FUNCTIONS: Mapping[str, tuple[Permission, ...]] = {
    "api_handler": (TABLES, *STORING, WAKE, SEND),
    "basic_authorizer": (Permission(("secretsmanager:GetSecretValue",), (Part.USERS,)),),
    "sweep": (TABLES, *STORING, WAKE),
    "jobs": (TABLES, *STORING, WAKE, Permission(EVENT_SOURCE, (Part.JOBS_QUEUE,))),
    "inbox": (TABLES, *STORING, Permission(EVENT_SOURCE, (Part.INBOX_QUEUE,))),
}
"""By the name that app.py gives the function."""

LISTENER: tuple[Permission, ...] = (
    TABLES,
    *STORING,
    WAKE,
    SEND,
    Permission(WORKING, (Part.NETWORK_QUEUE,)),
)


def names(resources: Resources) -> dict[Part, tuple[str, str]]:
    """The service and the name of each part, as they stand in ARNs; not of the secret, whose ARN AWS makes."""
    return {
        Part.INDEX: ("dynamodb", f"table/{resources.index.name}"),
        Part.LOG: ("dynamodb", f"table/{resources.log.name}"),
        Part.FILES: ("s3", resources.files.name),
        Part.FILES_OBJECTS: ("s3", f"{resources.files.name}/*"),
        Part.INBOX: ("s3", resources.inbox.name),
        Part.INBOX_OBJECTS: ("s3", f"{resources.inbox.name}/*"),
        Part.INBOX_QUEUE: ("sqs", resources.inbox_queue.name),
        Part.JOBS_QUEUE: ("sqs", resources.jobs_queue.name),
        Part.NETWORK_QUEUE: ("sqs", resources.network_queue.name),
    }
