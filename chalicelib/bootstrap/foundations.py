"""What all services stand on: tables, buckets, logs, threads, the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.domain.clock import Clock, system_clock
from chalicelib.services.runtime_options import RuntimeOptions
from chalicelib.storage.dynamodb.index import Index
from chalicelib.storage.dynamodb.keys import Keys
from chalicelib.storage.dynamodb.log import SequencedLog
from chalicelib.storage.dynamodb.registry import Registry
from chalicelib.storage.dynamodb.table import Table
from chalicelib.storage.dynamodb.writes import IndexWrites
from chalicelib.storage.s3.files import FileStore

if TYPE_CHECKING:
    from chalicelib.settings import Settings
    from chalicelib.storage.clients import Clients

POOL_THREADS = 32
UPLOAD_THREADS = 8
EVENT_THREADS = 8


@dataclass(frozen=True, slots=True)
class Foundations:
    """What services are made of.

    `pool` is for AWS calls, `upload_pool` for what waits for them, `event_pool` for what waits for uploads: none of
    the three may be another.
    """

    settings: Settings
    clients: Clients
    clock: Clock
    sleep: Callable[[float], None]
    pool: Executor
    upload_pool: Executor
    event_pool: Executor
    keys: Keys
    table: Table
    index: Index
    writes: IndexWrites
    log: SequencedLog
    exports_log: SequencedLog
    files: FileStore
    options: RuntimeOptions

    @classmethod
    def lay(
        cls,
        settings: Settings,
        clients: Clients,
        *,
        clock: Clock = system_clock,
        pool: Executor | None = None,
        work_pool: Callable[[int], Executor] = ThreadPoolExecutor,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Foundations:
        """Lay them; `work_pool` makes the pools of work. No AWS call is made."""
        keys = Keys(settings.tenant)
        table = Table(clients.dynamodb, settings.index_table, sleep)
        log_table = Table(clients.dynamodb, settings.log_table, sleep)
        pool = pool or ThreadPoolExecutor(POOL_THREADS, thread_name_prefix="aws")
        grace = settings.gap_grace_seconds
        return cls(
            settings=settings,
            clients=clients,
            clock=clock,
            sleep=sleep,
            pool=pool,
            upload_pool=work_pool(UPLOAD_THREADS),
            event_pool=work_pool(EVENT_THREADS),
            keys=keys,
            table=table,
            index=Index(table, keys),
            writes=IndexWrites(table, keys),
            log=SequencedLog(log_table, settings.tenant, "changes", clock, grace, pool),
            exports_log=SequencedLog(log_table, settings.tenant, "exports", clock, grace, pool),
            files=FileStore(clients.s3, settings.files_bucket, settings.tenant),
            options=RuntimeOptions(Registry(table, keys, "options"), settings, clock),
        )
