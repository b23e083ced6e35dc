"""What each function and the listener may do: the calls that the store makes, on the store's own resources.

A role that lacks a call breaks the store, one that has a call too many helps an intruder. tests/infra runs the store
with these rights enforced, and compares them with the calls that were made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


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


_INDEX = Permission(
    (
        "dynamodb:BatchGetItem",
        "dynamodb:BatchWriteItem",
        "dynamodb:ConditionCheckItem",
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
    ),
    (Part.INDEX,),
)
# Numbers are reserved, written, sealed and read; only the sweep removes what a log has let go of.
_LOG = Permission(
    ("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"), (Part.LOG,)
)
_TRIM = Permission(("dynamodb:BatchWriteItem",), (Part.LOG,))
_FILES = (
    Permission(
        ("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"), (Part.FILES_OBJECTS,)
    ),
    # Without it, S3 answers 403 instead of 404 where an object is missing.
    Permission(("s3:ListBucket",), (Part.FILES,)),
)
_STORE = (_INDEX, _LOG, *_FILES)
_TAKE_IN = (
    Permission(("s3:DeleteObject", "s3:GetObject", "s3:PutObject"), (Part.INBOX_OBJECTS,)),
    Permission(("s3:ListBucket",), (Part.INBOX,)),
)
# Handing out URLs gives no right that the role does not have itself.
_HAND_OUT = Permission(
    ("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:ListMultipartUploadParts", "s3:PutObject"),
    (Part.INBOX_OBJECTS,),
)
_WAKE = Permission(("sqs:SendMessage",), (Part.JOBS_QUEUE,))
_CALL = Permission(("sqs:SendMessage",), (Part.NETWORK_QUEUE,))
_SECRET = Permission(("secretsmanager:GetSecretValue",), (Part.USERS,))


def _reads(queue: Part) -> Permission:
    """What Lambda itself needs to read a queue for a function (its developer guide, "Using Lambda with SQS")."""
    return Permission(("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"), (queue,))


FUNCTIONS: Mapping[str, tuple[Permission, ...]] = {
    "api_handler": (*_STORE, _HAND_OUT, _WAKE, _CALL),
    "basic_authorizer": (_SECRET,),
    "sweep": (*_STORE, _TRIM, *_TAKE_IN, _WAKE),
    "jobs": (*_STORE, _WAKE, _reads(Part.JOBS_QUEUE)),
    "inbox": (*_STORE, *_TAKE_IN, _reads(Part.INBOX_QUEUE)),
}
"""By the name that app.py gives the function."""

LISTENER: tuple[Permission, ...] = (
    *_STORE,
    _WAKE,
    _CALL,
    Permission(("sqs:DeleteMessage", "sqs:ReceiveMessage"), (Part.NETWORK_QUEUE,)),
)
"""Of the container."""
