"""A world on the local stack's emulator, in a process of its own: for threads, races and large tables."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace

from chalicelib.bootstrap import build
from chalicelib.settings import Settings
from chalicelib.storage.clients import make_clients
from infra.resources import create, define
from tests.support.faults import Calls
from tests.support.world import ManualClock, World


@contextmanager
def ministack_world(url: str, pool: Executor | None = None, **settings: str) -> Iterator[World]:
    """A fresh store on a running emulator; `settings` are options as in the environment, without ``NACRE_``.

    Stores share an emulator and nothing else: each has tables and buckets of its own.
    """
    env = {f"NACRE_{name.upper()}": value for name, value in settings.items()}
    options = Settings.load({"NACRE_STAGE": f"t{time.time_ns()}", "NACRE_GAP_GRACE_SECONDS": "10", **env})
    resources = define(options)
    create(resources, make_clients(url))
    clients = make_clients(url)
    calls = Calls(clients.dynamodb, clients.s3)
    clock = ManualClock()
    with ThreadPoolExecutor(32) as threads:
        services = build(options, clients, clock=clock, pool=pool or threads)
        names = SimpleNamespace(
            index=resources.index.name, log=resources.log.name, files=resources.files.name
        )
        services.sweeper.tick()  # as in a new store before its first upload
        calls.reset()
        yield World(services, clients.dynamodb, clients.s3, names, clock, calls)
