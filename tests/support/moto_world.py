"""A world on moto: in process, single-threaded, for small tables. No evidence for concurrency."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace
from typing import Any

import msgspec
from moto import mock_aws

from chalicelib.bootstrap import build
from chalicelib.settings import Settings
from chalicelib.storage.clients import Clients, make_clients
from infra.load.recorder import InlineExecutor
from infra.resources import create, define
from tests.support.faults import Calls
from tests.support.world import ManualClock, World

DEFAULTS = {
    "inbox_bucket": "inbox",
    "gap_grace_seconds": 10.0,
    "maximum_inline_bytes": 4_000_000,
    "maximum_upload_bytes": 4_000_000,
}


@contextmanager
def moto_world(**settings: Any) -> Iterator[World]:
    """A fresh store; `settings` override the defaults."""
    with mock_aws():
        clients, calls = _clients()
        chosen = msgspec.structs.replace(Settings.load({}), **{**DEFAULTS, **settings})
        resources = define(chosen)
        create(resources, clients)
        clock = ManualClock()
        services = build(
            chosen,
            clients,
            clock=clock,
            pool=InlineExecutor(),
            work_pool=lambda _threads: InlineExecutor(),
            sleep=lambda _seconds: None,
        )
        names = SimpleNamespace(
            index=resources.index.name, log=resources.log.name, files=resources.files.name
        )
        calls.reset()
        services.sweeper.tick()  # as in a new store before its first upload
        calls.reset()
        yield World(services, clients.dynamodb, clients.s3, names, clock, calls)


@cache
def _clients() -> tuple[Clients, Calls]:
    """Made once: a client costs more than most tests."""
    os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
    clients = make_clients(region="us-east-1")
    return clients, Calls(clients.dynamodb, clients.s3)
