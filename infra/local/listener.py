"""The DICOM listener as a child of the local stack, one of several processes that share the port."""

from __future__ import annotations

import argparse
import os
import socket
import sys
import threading

import msgspec

from chalicelib.observability import open_telemetry
from chalicelib.settings import Settings
from dicom_listener.process import serve
from infra.local.children import live_with_parent, say_ready

DRAIN_SECONDS = 10.0


def main() -> None:
    """Serve on a socket that the parent listens on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--socket", type=int, required=True, help="file descriptor of the listening socket")
    parser.add_argument("--endpoint", required=True, help="URL of the emulator")
    arguments = parser.parse_args()
    settings = msgspec.structs.replace(Settings.load(os.environ), aws_endpoint_url=arguments.endpoint)
    stop = threading.Event()
    drain = serve(
        settings,
        socket.socket(fileno=arguments.socket),
        open_telemetry(settings.log_level, stream=sys.stderr),
    )
    live_with_parent(stop.set)
    say_ready()
    stop.wait()
    drain(DRAIN_SECONDS)


if __name__ == "__main__":
    main()
