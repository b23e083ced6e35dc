"""The listener's processes. They stop at SIGTERM, after the running associations have ended."""

from __future__ import annotations

import argparse
import logging
import multiprocessing.connection
import multiprocessing.process
import os
import signal
import socket
import sys
from collections.abc import Sequence
from types import FrameType

from chalicelib.configuration_file import SettingsError
from chalicelib.observability import open_telemetry
from chalicelib.settings import Settings
from dicom_listener.process import serve
from dicom_listener.renewal import unreported
from dicom_listener.tls import calling_contexts, listening_context

BACKLOG = 128
DRAIN_SECONDS = 110.0  # ECS kills a container 120 seconds after SIGTERM at the latest


def run(settings: Settings, listening: socket.socket) -> None:
    """Serve in this process until SIGTERM."""
    telemetry = open_telemetry(
        settings.log_level,
        metrics_of="" if settings.aws_endpoint_url else settings.stage,
        service="nacre-dicom",
    )
    # Held back until it is waited for: a handler could run while this thread holds the lock that it needs.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent gets it too, and tells us
    drain = serve(settings, listening, telemetry)
    telemetry.event("listening")
    signal.sigwait({signal.SIGTERM})
    if drain(DRAIN_SECONDS):
        telemetry.event("drained")
    else:
        telemetry.event("drained in part", level=logging.WARNING)


def main() -> int:
    """Start the processes, and end when one of them does."""
    argparse.ArgumentParser(prog="dicom_listener", description=__doc__).parse_args()
    try:
        settings = Settings.load(os.environ)
        listening_context(settings, unreported)  # one message now, instead of one from each process
        calling_contexts(settings, unreported)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    with socket.create_server((settings.http_host, settings.dicom_port), backlog=BACKLOG) as listening:
        spawn = multiprocessing.get_context("spawn")
        processes = [
            spawn.Process(target=run, args=(settings, listening)) for _ in range(settings.dicom_processes)
        ]
        for process in processes:
            process.start()
    return _supervise(processes)


def _supervise(processes: Sequence[multiprocessing.process.BaseProcess]) -> int:
    """Pass SIGTERM on; if one dies, stop the others, so that the container is started anew."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        for process in processes:
            process.terminate()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    multiprocessing.connection.wait([process.sentinel for process in processes])
    stop(signal.SIGTERM, None)
    for process in processes:
        process.join()
    codes = [process.exitcode or 0 for process in processes]
    # A process that was still starting dies of the signal, as it should.
    return max((abs(code) for code in codes if code != -signal.SIGTERM), default=0)
