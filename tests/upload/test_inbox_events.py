"""What S3 writes into the queue is handled message by message, and comes again only where that failed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from chalicelib.domain.errors import Unavailable
from chalicelib.services.inbox_events import InboxEvents, batch_response
from chalicelib.storage.s3.inbox import InboxBucket
from chalicelib.storage.sqs.queue import Queue
from infra.load.recorder import InlineExecutor
from tests.support.moto_world import moto_world
from tests.support.world import World
from tests.upload.files import CT_ID, ct

TEST_EVENT = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "inbox"})


class Taken:
    """Stands for the inbox: notes what it is to take in, and fails at some."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def take(self, key: str) -> None:
        self.keys.append(key)
        if "away" in key:
            raise Unavailable
        if "poison" in key:
            raise ZeroDivisionError


def notification(*keys: str, event: str = "ObjectCreated:Put", bucket: str = "inbox") -> str:
    records = [
        {"eventName": event, "s3": {"bucket": {"name": bucket}, "object": {"key": key, "size": 1}}}
        for key in keys
    ]
    return json.dumps({"Records": records})


def record(identifier: str, body: str) -> dict[str, Any]:
    return {"messageId": identifier, "receiptHandle": "r", "body": body, "attributes": {}}


@dataclass
class Stage:
    """A queue with its dead letters, and who handles its messages."""

    world: World
    sqs: Any
    url: str
    dead_url: str
    taken: Taken
    events: InboxEvents

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def waiting(self, url: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(counts[name]) for name in names)


@pytest.fixture
def stage() -> Iterator[Stage]:
    with moto_world() as world:
        sqs = boto3.client("sqs", region_name="us-east-1")
        dead_url = sqs.create_queue(QueueName="dead")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=dead_url, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
        attributes = {"VisibilityTimeout": "300", "RedrivePolicy": redrive}
        url = sqs.create_queue(QueueName="inbox", Attributes=attributes)["QueueUrl"]
        taken = Taken()
        bucket = InboxBucket(world.s3, "inbox", "inbox/")
        events = InboxEvents(taken, bucket, Queue(sqs, url), InlineExecutor())  # type: ignore[arg-type]
        yield Stage(world, sqs, url, dead_url, taken, events)


def test_keys_are_decoded_as_s3_encodes_them(stage: Stage) -> None:
    body = notification("inbox/a+b%2Bc/%C3%A9+%25.dcm", "inbox/two")
    assert stage.events.handle_records([record("1", body)]) == []
    assert stage.taken.keys == ["inbox/a b+c/é %.dcm", "inbox/two"]


@pytest.mark.parametrize(
    "body",
    [
        TEST_EVENT,
        notification("inbox/a", event="ObjectRemoved:Delete"),
        notification("inbox/a", bucket="other"),
        notification("elsewhere/a"),
        notification("inbox/folder/"),
        notification(),
    ],
)
def test_what_tells_of_nothing_to_take_in_is_done(stage: Stage, body: str) -> None:
    assert stage.events.handle_records([record("1", body)]) == []
    assert stage.taken.keys == []


@pytest.mark.parametrize(
    "body", ["", "no JSON", "[]", "3", '{"Records":[{}]}', '{"Records":[{"eventName":7}]}', "null"]
)
def test_what_is_no_notification_fails(stage: Stage, body: str) -> None:
    failures = stage.events.handle_records([record("1", body)])
    assert batch_response(failures) == {"batchItemFailures": [{"itemIdentifier": "1"}]}


def test_a_failing_message_does_not_hold_up_the_others(stage: Stage) -> None:
    keys = ["inbox/a", "inbox/away", "inbox/poison", "inbox/b"]
    failures = stage.events.handle_records([record(key, notification(key)) for key in keys])
    assert stage.taken.keys == keys
    assert [failure.message_id for failure in failures] == ["inbox/away", "inbox/poison"]
    assert [type(failure.error) for failure in failures] == [Unavailable, ZeroDivisionError]


def test_a_poll_deletes_what_is_done_and_postpones_what_failed(stage: Stage) -> None:
    stage.send(notification("inbox/a"), notification("inbox/away"))
    assert len(stage.events.poll_once(0)) == 1
    assert stage.waiting(stage.url) == 1
    assert stage.events.poll_once(0) == []  # it comes after a pause
    assert sorted(stage.taken.keys) == ["inbox/a", "inbox/away"]


def test_a_poison_message_ends_among_the_dead_letters(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.services.inbox_events.FIRST_RETRY_SECONDS", 0)
    stage.send(notification("inbox/poison"), notification("inbox/a"))
    for _ in range(4):
        stage.events.poll_once(0)
    assert stage.taken.keys.count("inbox/poison") == 2
    assert stage.waiting(stage.url) == 0
    assert stage.waiting(stage.dead_url) == 1


def test_events_in_any_order_and_number_store_the_object_once(stage: Stage) -> None:
    services = stage.world.services
    stage.world.s3.put_object(Bucket="inbox", Key="inbox/ct", Body=ct())
    late = notification("inbox/ct", event="ObjectRemoved:Delete")
    records = [record(str(n), body) for n, body in enumerate([late, *[notification("inbox/ct")] * 3])]
    assert services.inbox_events.handle_records(records) == []
    assert services.reading.instance(CT_ID).file.size == len(ct())
    assert services.inbox.lookup("inbox/ct").outcomes[0].status == "Success"


def test_a_queue_that_is_away_is_told(stage: Stage) -> None:
    stage.sqs.delete_queue(QueueUrl=stage.url)
    with pytest.raises(Unavailable):
        stage.events.poll_once(0)
