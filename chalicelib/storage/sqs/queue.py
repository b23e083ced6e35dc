"""One SQS queue, received from by long polls. Delivers at least once, in any order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.domain.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MAX_MESSAGES = 10  # ReceiveMessage, SQS limit


@dataclass(frozen=True, slots=True)
class Message:
    """A message; `receipt` is for this delivery of it, the `deliveries`-th."""

    id: str
    body: str
    receipt: str
    deliveries: int


class Queue:
    """Receives, postpones and deletes messages."""

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, body: str) -> None:
        """Put a message in. Without a URL nobody listens, and nothing is done."""
        if self._url:
            with _translated():
                self._client.send_message(QueueUrl=self._url, MessageBody=body)

    def receive(self, wait_seconds: int, maximum: int = MAX_MESSAGES) -> list[Message]:
        """Up to `maximum` messages (ten at most); waits for the first for at most `wait_seconds` (0 to 20)."""
        with _translated():
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=maximum,
                WaitTimeSeconds=wait_seconds,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        return [
            Message(
                message["MessageId"],
                message["Body"],
                message["ReceiptHandle"],
                int(message.get("Attributes", {}).get("ApproximateReceiveCount", "1")),
            )
            for message in answer.get("Messages", [])
        ]

    def delete(self, messages: Sequence[Message]) -> None:
        """Delete messages that are done (at most ten). One that stays is delivered again."""
        entries = [{"Id": str(n), "ReceiptHandle": m.receipt} for n, m in enumerate(messages)]
        if entries:
            with _translated():
                self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)  # type: ignore[arg-type]  # the stubs want another name for plain dictionaries

    def postpone(self, message: Message, seconds: int) -> None:
        """Have a message delivered again after some seconds; after too often it goes to the dead letters."""
        with _translated():
            self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=message.receipt, VisibilityTimeout=seconds
            )


@contextmanager
def _translated() -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise Unavailable("The queue did not answer") from error
