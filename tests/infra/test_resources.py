"""What the store needs of AWS is created as it is defined, and as often as one likes."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from moto import mock_aws

from chalicelib.settings import Settings
from chalicelib.storage.clients import Clients, make_clients
from infra.resources import MAX_RECEIVES, Resources, create, define, table_request


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        yield make_clients(region="us-east-1")


@pytest.fixture
def resources() -> Resources:
    return define(Settings.load({"NACRE_STAGE": "blue"}))


def expiry(clients: Clients, table: str) -> str:
    return clients.dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"][
        "TimeToLiveStatus"
    ]


def test_tables_have_their_keys_and_their_expiry(clients: Clients, resources: Resources) -> None:
    create(resources, clients)
    keys = {}
    for name in clients.dynamodb.list_tables()["TableNames"]:
        table = clients.dynamodb.describe_table(TableName=name)["Table"]
        assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
        keys[name] = [(key["AttributeName"], key["KeyType"]) for key in table["KeySchema"]]
    assert keys == {
        resources.index.name: [("pk", "HASH"), ("sk", "RANGE")],
        resources.log.name: [("pk", "HASH")],
    }
    assert expiry(clients, resources.index.name) == "ENABLED"


def test_the_inbox_alone_announces_and_its_queue_gives_up_in_the_end(
    clients: Clients, resources: Resources
) -> None:
    url = create(resources, clients).inbox
    attributes = clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    redrive = json.loads(attributes["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"].endswith(f":{resources.inbox_queue.dead_letter_name}")
    assert redrive["maxReceiveCount"] == MAX_RECEIVES
    for bucket in resources.buckets:
        configuration = clients.s3.get_bucket_notification_configuration(Bucket=bucket.name)
        if bucket is not resources.inbox:
            assert "QueueConfigurations" not in configuration
            continue
        (announcement,) = configuration["QueueConfigurations"]
        assert announcement["QueueArn"] == attributes["QueueArn"]
        (rule,) = announcement["Filter"]["Key"]["FilterRules"]
        assert (rule["Name"].lower(), rule["Value"]) == ("prefix", resources.inbox.events_prefix)


def test_creating_again_changes_nothing_and_ends_what_a_crash_left_undone(
    clients: Clients, resources: Resources
) -> None:
    clients.dynamodb.create_table(**table_request(resources.index))
    first = create(resources, clients)
    assert expiry(clients, resources.index.name) == "ENABLED"
    clients.s3.put_object(Bucket=resources.files.name, Key="kept")
    assert create(resources, clients) == first
    assert clients.s3.list_objects_v2(Bucket=resources.files.name)["KeyCount"] == 1
