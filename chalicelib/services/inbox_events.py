"""The messages that S3 writes into the queue when an object is put into the inbox, on Lambda and locally."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from chalicelib.domain.errors import BadJson
from chalicelib.services.inbox import Inbox
from chalicelib.storage.s3.inbox import InboxBucket
from chalicelib.storage.sqs.queue import Queue

FIRST_RETRY_SECONDS = 2
LAST_RETRY_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Failure:
    """A message that is to be delivered again, and why."""

    message_id: str
    error: Exception


class InboxEvents:
    """Handles the messages of the inbox's queue."""

    def __init__(self, inbox: Inbox, bucket: InboxBucket, queue: Queue, pool: Executor) -> None:
        self._inbox = inbox
        self._bucket = bucket
        self._queue = queue
        self._pool = pool

    def handle_records(self, records: Sequence[Mapping[str, Any]]) -> list[Failure]:
        """Handle the records of an SQS event as Lambda gives it; returns those that failed.

        One that fails does not keep the others from being handled. `batch_response` makes Lambda's answer.
        """
        messages = [(str(record["messageId"]), str(record["body"])) for record in records]
        return self._handle(messages)

    def poll_once(self, wait_seconds: int = 20) -> list[Failure]:
        """Receive some messages and handle them; returns those that failed, which come again later.

        Waits for the first message for at most `wait_seconds` (0 to 20).
        """
        messages = self._queue.receive(wait_seconds)
        failures = self._handle([(message.id, message.body) for message in messages])
        failed = {failure.message_id for failure in failures}
        for message in messages:
            if message.id in failed:
                pause = FIRST_RETRY_SECONDS * 2 ** (message.deliveries - 1)
                self._queue.postpone(message, min(pause, LAST_RETRY_SECONDS))
        self._queue.delete([message for message in messages if message.id not in failed])
        return failures

    def _handle(self, messages: Sequence[tuple[str, str]]) -> list[Failure]:
        results = self._pool.map(lambda message: self._attempt(*message), messages)
        return [failure for failure in results if failure is not None]

    def _attempt(self, message_id: str, body: str) -> Failure | None:
        """Handle one message. Whatever goes wrong, it is delivered again, and at last among the dead letters."""
        try:
            for key in self._keys(body):
                self._inbox.take(key)
        except Exception as error:
            return Failure(message_id, error)
        return None

    def _keys(self, body: str) -> list[str]:
        """The objects that a notification tells of (S3 user guide, "Event message structure").

        A test event has no records; what lies outside the inbox is none of ours.
        """
        try:
            records = json.loads(body).get("Records", [])
            created = [r["s3"] for r in records if r["eventName"].startswith("ObjectCreated:")]
            found = [(s3["bucket"]["name"], unquote_plus(s3["object"]["key"])) for s3 in created]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadJson("The message is not a notification of S3") from error
        return [key for bucket, key in found if self._bucket.holds(bucket, key)]


def batch_response(failures: Sequence[Failure]) -> dict[str, list[dict[str, str]]]:
    """Lambda's answer to an SQS event, by which only the failed messages come again."""
    return {"batchItemFailures": [{"itemIdentifier": failure.message_id} for failure in failures]}
