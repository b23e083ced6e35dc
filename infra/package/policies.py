"""What each Lambda function may do: the calls that the store makes, on the store's own resources.

Chalice's generated policy sees only the calls in app.py, which makes none.
"""

from __future__ import annotations

from typing import Any

from infra.resources import BucketDefinition, QueueDefinition, Resources, TableDefinition

Document = dict[str, Any]
Statement = dict[str, Any]

USERS_SECRET = "UsersSecretArn"  # noqa: S105 - the name of a parameter of the template
LOGS = ("logs:CreateLogStream", "logs:PutLogEvents")
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
QUEUE = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")


def policies(resources: Resources) -> dict[str, Document]:
    """The policy of each function, by the name that Chalice gives the function."""
    tables = [_table(table) for table in resources.tables]
    buckets = [statement for bucket in resources.buckets for statement in _bucket(bucket)]
    wake = _allow(WAKING, _regional_arn("sqs", resources.jobs_queue.name))
    send = _allow(WAKING, _regional_arn("sqs", resources.network_queue.name))
    secret = _allow(("secretsmanager:GetSecretValue",), {"Ref": USERS_SECRET})
    return {
        "api_handler": _document(*tables, *buckets, wake, send),
        "basic_authorizer": _document(secret),
        "sweep": _document(*tables, *buckets, wake),
        "jobs": _document(*tables, *buckets, wake, _queue(resources.jobs_queue)),
        "inbox": _document(*tables, *buckets, _queue(resources.inbox_queue)),
    }


def _table(table: TableDefinition) -> Statement:
    return _allow(TABLE, _regional_arn("dynamodb", f"table/{table.name}"))


def _bucket(bucket: BucketDefinition) -> list[Statement]:
    arn = f"arn:${{AWS::Partition}}:s3:::{bucket.name}"
    return [_allow(OBJECTS, {"Fn::Sub": f"{arn}/*"}), _allow(LISTING, {"Fn::Sub": arn})]


def _queue(queue: QueueDefinition) -> Statement:
    return _allow(QUEUE, _regional_arn("sqs", queue.name))


def _document(*statements: Statement) -> Document:
    # CloudFormation names the functions, and so their log groups, after the stack.
    logs = _allow(LOGS, _regional_arn("logs", "log-group:/aws/lambda/${AWS::StackName}-*"))
    return {"Version": "2012-10-17", "Statement": [logs, *statements]}


def _allow(actions: tuple[str, ...], resource: Statement) -> Statement:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


def _regional_arn(service: str, name: str) -> dict[str, str]:
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{name}"}
