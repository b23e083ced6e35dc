"""A wire between this store and a peer, which counts the connections and can cut them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

PIECE_BYTES = 65536


class Relay:
    """Passes what comes to its port on to another one."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self.connections = self.most_at_a_time = 0

    @property
    def open_connections(self) -> int:
        """Those that neither side has ended."""
        return len(self._open)

    def modality(self, **fields: Any) -> dict[str, object]:
        """The peer as a modality, by this wire."""
        return {"AET": "RECEIVER", "Host": "127.0.0.1", "Port": self.port, **fields}

    def serve(self) -> None:
        """Take connections until the relay is closed."""
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                with self._lock:
                    self._open.add(near)
                    self.connections += 1
                    self.most_at_a_time = max(self.most_at_a_time, len(self._open))
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(*pair, near), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, near: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(PIECE_BYTES):
                target.sendall(piece)
        with self._lock:
            self._open.discard(near)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Take no more connections."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


@contextmanager
def relay(target: int) -> Iterator[Relay]:
    """A running relay to a port of this machine."""
    running = Relay(target)
    thread = threading.Thread(target=running.serve, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        running.close()
        thread.join()
