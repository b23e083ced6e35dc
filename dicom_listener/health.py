"""Tells over HTTP whether a listener serves, for ECS and load balancers: ``GET /health``."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATH = "/health"
PROBE_SECONDS = 3.0
REMEMBERED_SECONDS = 1.0
"""So that whoever asks often does not make the store be asked as often."""


class Health:
    """What the answer is."""

    def __init__(
        self,
        is_serving: Callable[[], bool],
        probe: Callable[[], object],
        *,
        seconds: float = PROBE_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`probe` asks the store for something, and raises if it cannot; it may take `seconds`."""
        self._is_serving = is_serving
        self._probe = probe
        self._seconds = seconds
        self._monotonic = monotonic
        self._pool = ThreadPoolExecutor(1, "health")
        self._lock = threading.Lock()
        self._running: Future[object] | None = None
        self._answered: tuple[float, bool] | None = None

    def status(self) -> tuple[int, str]:
        """The HTTP status, and the word that goes with it."""
        if not self._is_serving():
            return 503, "draining"
        return (200, "ok") if self._is_store_there() else (503, "store unavailable")

    def _is_store_there(self) -> bool:
        with self._lock:
            now = self._monotonic()
            if self._answered is None or now - self._answered[0] > REMEMBERED_SECONDS:
                self._answered = now, self._ask()
            return self._answered[1]

    def _ask(self) -> bool:
        if self._running is None or self._running.done():
            self._running = self._pool.submit(self._probe)
        try:
            self._running.result(self._seconds)
        # Whatever the reason, the store cannot be used.
        except Exception:
            return False
        return True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    health: Health

    def server_bind(self) -> None:
        """All processes of a container share the port; each connection is answered by one of them."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        super().server_bind()


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 5.0  # of a client that sends nothing

    def do_GET(self) -> None:
        status, word = self.server.health.status() if self.path == PATH else (404, "unknown path")
        body = json.dumps({"Status": word}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        return "Nacre"

    def log_message(self, *_: Any) -> None:
        """Nothing: health is asked for every few seconds."""


def start_health(health: Health, host: str, port: int) -> ThreadingHTTPServer:
    """Answer on a port (0: a free one) until the process ends, or `shutdown`; raises `OSError` if it cannot be had."""
    server = _Server((host, port), _Handler)
    server.health = health
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
