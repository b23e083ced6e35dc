"""Removes what CloudFormation retains of a stage: queues, buckets, tables, secrets. Each step is safe to repeat."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from infra.commands.common import Account, CommandFailed, Say, is_missing
from infra.commands.contents import Surroundings, is_stored, versions_of

SECRETS = ("users", "tls")
_BATCH = 1000  # DeleteObjects takes no more


def remove_queues(around: Surroundings, say: Say) -> None:
    """Remove the queues, and those of dead letters."""
    client = around.account.client("sqs")
    for queue in around.resources.queues:
        for name in (queue.name, queue.dead_letter_name):
            with _missing_allowed():
                client.delete_queue(QueueUrl=client.get_queue_url(QueueName=name)["QueueUrl"])
                say(f"Removed the queue {name}")


def remove_buckets(around: Surroundings, say: Say, *, forget: bool) -> None:
    """Remove the empty buckets; with `forget`, also older versions of what was in them.

    Raises
    ------
    CommandFailed
        There is something in a bucket, whatever was counted before.
    """
    for bucket in around.buckets:
        client = around.account.client("s3", bucket.region)
        _remove_older(client, bucket.name, forget=forget)
        with _missing_allowed():
            client.delete_bucket(Bucket=bucket.name)
            say(f"Removed the bucket {bucket.name}")


def remove_tables(around: Surroundings, say: Say) -> None:
    """Remove the tables, in every region."""
    for region in reversed(around.regions):
        client = around.account.client("dynamodb", region)
        for table in around.resources.tables:
            with _missing_allowed():
                client.delete_table(TableName=table.name)
                say(f"Removed the table {table.name} in {region}")


def remove_secrets(account: Account, days: int, say: Say) -> None:
    """Have the secrets removed after some days, in which they can be restored."""
    client = account.client("secretsmanager")
    for name in (f"nacre-{account.stage.name}-{part}" for part in SECRETS):
        with _missing_allowed():
            if "DeletedDate" not in client.describe_secret(SecretId=name):
                client.delete_secret(SecretId=name, RecoveryWindowInDays=days)
                say(f"Removed the secret {name}, for good in {days} days")


def _remove_older(client: Any, bucket: str, *, forget: bool) -> None:
    """Remove the markers of deletes, and with `forget` the versions that are not current."""
    versions = versions_of(client, bucket)
    while batch := list(islice(versions, _BATCH)):
        if any(is_stored(version) and (version["IsLatest"] or not forget) for version in batch):
            raise CommandFailed(f"The bucket {bucket} holds data: it stays")
        named = [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in batch]
        answer = client.delete_objects(Bucket=bucket, Delete={"Objects": named, "Quiet": True})
        if errors := answer.get("Errors"):
            code = errors[0]["Code"]
            raise CommandFailed(f"{len(errors)} versions in {bucket} stay ({code}): give the command again")


@contextmanager
def _missing_allowed() -> Iterator[None]:
    """Let AWS say that the thing does not exist."""
    try:
        yield
    except ClientError as error:
        if not is_missing(error):
            raise
