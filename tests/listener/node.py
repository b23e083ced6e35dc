"""A listener in the test's own process, over a fresh store."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.observability import Telemetry
from chalicelib.settings import Settings
from dicom_listener.listener import Listener
from dicom_listener.monitor import Monitor
from dicom_listener.process import make_listener, reporter
from dicom_listener.scu import DicomScu
from dicom_listener.tls import calling_contexts
from tests.support.local_world import local_world
from tests.support.world import World

BACKLOG = 16


@dataclass(frozen=True)
class Node:
    """A running listener and the store behind it."""

    listener: Listener
    world: World
    port: int
    folder: Path
    scu: DicomScu


@contextmanager
def running_node(folder: Path, telemetry: Telemetry | None = None, **options: Any) -> Iterator[Node]:
    """A listener on a free port; `options` are fields of the settings."""
    telemetry = telemetry or Telemetry(logging.getLogger("test"), None)
    environment = {n: v if isinstance(v, str) else json.dumps(v) for n, v in options.items()}
    environment["dicom_folder"] = str(folder)
    outgoing = Settings.load({f"NACRE_{n.upper()}": v for n, v in environment.items()})
    scu = DicomScu(
        16384, calling_contexts(outgoing, reporter(telemetry)), outgoing.dicom_association_close_delay
    )
    with (
        ThreadPoolExecutor(16) as pool,
        local_world(pool, scu, **environment) as world,
    ):
        settings = world.services.settings
        listening = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
        port = int(listening.getsockname()[1])
        monitor = Monitor(telemetry)
        listener = make_listener(settings, world.services, listening, folder, telemetry, monitor)
        listener.start()
        yield Node(listener, world, port, folder, scu)
        listener.drain(5)
        scu.close()
