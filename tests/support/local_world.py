"""A world on ministack in the test's own process: for faults, races and large tables, without a socket."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace

from botocore import UNSIGNED

from chalicelib.bootstrap import build
from chalicelib.services.network.dicom_out import DicomOut
from chalicelib.settings import Settings
from chalicelib.storage.clients import Clients, make_clients
from infra.load.recorder import InlineExecutor
from infra.resources import define, table_request
from tests.support.faults import Calls
from tests.support.inprocess import InProcess
from tests.support.world import ManualClock, World

_accounts = itertools.count(100_000_000_000)


@contextmanager
def local_world(
    pool: Executor | None = None, dicom_out: DicomOut | None = None, **settings: str
) -> Iterator[World]:
    """A fresh store; `settings` are options as in the environment, without ``NACRE_``.

    Without a `pool`, calls that the store makes side by side come one after another, always in the same order.
    """
    env = {f"NACRE_{name.upper()}": value for name, value in settings.items()}
    options = Settings.load({"NACRE_GAP_GRACE_SECONDS": "10", **env})
    resources = define(options)
    clients, calls, emulator = _shared()
    emulator.account = str(next(_accounts))
    calls.reset()
    for table in resources.tables:
        clients.dynamodb.create_table(**table_request(table))
    for bucket in resources.buckets:
        clients.s3.create_bucket(Bucket=bucket.name)
    clock = ManualClock()
    services = build(
        options,
        clients,
        clock=clock,
        pool=pool or InlineExecutor(),
        work_pool=ThreadPoolExecutor if pool else lambda _threads: InlineExecutor(),
        sleep=time.sleep if pool else lambda _seconds: None,
        dicom_out=dicom_out,
    )
    names = SimpleNamespace(
        index=resources.index.name,
        log=resources.log.name,
        files=resources.files.name,
        inbox=resources.inbox.name,
    )
    try:
        services.sweeper.tick()  # as in a new store before its first upload
        calls.reset()
        yield World(services, clients.dynamodb, clients.s3, names, clock, calls)
    finally:
        emulator.forget()


@cache
def _shared() -> tuple[Clients, Calls, InProcess]:
    """Made once: a client costs more than most tests."""
    clients = make_clients("https://127.0.0.1:9")
    emulator = InProcess()
    for client in (clients.dynamodb, clients.s3):
        client._endpoint.http_session = emulator  # type: ignore[attr-defined]
    clients.dynamodb.meta.events.register("choose-signer.dynamodb", unsigned)
    return clients, Calls(clients.dynamodb, clients.s3), emulator


def unsigned(**_: object) -> object:
    """Sign nothing: nobody checks signatures here, and they take a fifth of a call's time."""
    return UNSIGNED
