"""A world on moto: in process, single-threaded, for small tables. No evidence for concurrency."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace
from typing import Any

from moto import mock_aws

from chalicelib.bootstrap import build
from chalicelib.storage.clients import Clients, make_clients
from tests.support.faults import Calls
from tests.support.world import InlineExecutor, ManualClock, World

DEFAULTS = {
    "tenant": "t0",
    "index_table": "index",
    "log_table": "log",
    "files_bucket": "files",
    "overwrite_instances": "Never",
    "stable_age": 60,
    "gap_grace_seconds": 10,
    "keep_deleted_changes": False,
    "dictionary": {},
    "default_encoding": "Latin1",
    "maximum_inline_bytes": 4_000_000,
    "maximum_upload_bytes": 4_000_000,
    "inbox_bucket": "inbox",
    "inbox_prefix": "inbox/",
    "inbox_queue_url": "",
}


@contextmanager
def moto_world(**settings: Any) -> Iterator[World]:
    """A fresh store; `settings` override the defaults."""
    with mock_aws():
        clients, calls = _clients()
        calls.reset()
        resources = SimpleNamespace(index="index", log="log", files="files")
        for name, keys in (("index", ("pk", "sk")), ("log", ("pk",))):
            clients.dynamodb.create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                KeySchema=[
                    {"AttributeName": key, "KeyType": kind}
                    for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
                ],
            )
        clients.s3.create_bucket(Bucket="files")
        clients.s3.create_bucket(Bucket="inbox")
        clock = ManualClock()
        chosen: Any = SimpleNamespace(**{**DEFAULTS, **settings})
        services = build(
            chosen,
            clients,
            clock=clock,
            pool=InlineExecutor(),
            work_pool=lambda _threads: InlineExecutor(),
            sleep=lambda _seconds: None,
        )
        yield World(services, clients.dynamodb, clients.s3, resources, clock, calls)


@cache
def _clients() -> tuple[Clients, Calls]:
    """Made once: a client costs more than most tests."""
    os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
    clients = make_clients(region="us-east-1")
    return clients, Calls(clients.dynamodb, clients.s3)
