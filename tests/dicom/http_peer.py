"""A small HTTP server that answers as a peer does, and tells what it was asked."""

from __future__ import annotations

import gzip
import json
import ssl
import threading
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

SYSTEM = {"ApiVersion": 27, "Name": "Peer", "Version": "1.12.7"}
STORED = {"ID": "x", "Path": "/instances/x", "Status": "Success"}


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: Message
    body: bytes

    @property
    def file(self) -> bytes:
        """The body without its compression."""
        return gzip.decompress(self.body) if self.headers["Content-Encoding"] == "gzip" else self.body


class HttpPeer:
    """Answers on a port, from `with` to its end.

    Below ``/404`` and the like it answers with that status, below ``/text`` with a text to a POST and with
    an array to a GET, below ``/long`` with more than anybody reads, below ``/redirect`` with a redirection to its root.
    """

    def __init__(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        """A `port` of 0 is a free one."""
        self.asked: list[Asked] = []
        self.statuses: list[int] = []
        """Of the first answers; the others are as the path says."""
        self.connections = 0
        self._server = _Server(("127.0.0.1", port), self)
        self.port = int(self._server.server_address[1])
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://localhost:{self.port}"

    def __enter__(self) -> HttpPeer:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], peer: HttpPeer) -> None:
        self.peer = peer
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes is no error here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        self.server.peer.connections += 1
        super().setup()

    def do_GET(self) -> None:
        self._answer(SYSTEM)

    def do_POST(self) -> None:
        self._answer(STORED)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is told."""

    def _answer(self, usual: dict[str, object]) -> None:
        peer = self.server.peer
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        peer.asked.append(Asked(self.command, self.path, self.headers, body))
        first = self.path.split("/")[1]
        status = peer.statuses.pop(0) if peer.statuses else int(first) if first.isdigit() else 200
        text = b"hello" if body else b"[1]"
        answer = text if first == "text" else b" " * 5_000_000 + b"{}" if first == "long" else b""
        self.send_response(302 if first == "redirect" else status)
        if first == "redirect":
            self.send_header("Location", f"http://127.0.0.1:{peer.port}/system")
        elif not answer:
            answer = json.dumps(usual).encode()
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
