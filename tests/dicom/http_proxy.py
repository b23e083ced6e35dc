"""A small HTTP proxy, with a password or without: it passes requests by HTTP on, and tunnels others."""

from __future__ import annotations

import socket
import threading
from base64 import b64encode
from contextlib import suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import urlsplit

PIECE_BYTES = 65536


class HttpProxy:
    """Serves on a free port, from `with` to its end."""

    def __init__(self, credentials: str = "") -> None:
        """`credentials`, such as ``user:password``, are asked for unless they are empty."""
        self.expected = f"Basic {b64encode(credentials.encode()).decode()}" if credentials else ""
        self.asked: list[str] = []
        """The methods and targets that were let through."""
        self.seen: list[dict[str, str]] = []
        """The headers that the proxy got."""
        self.refused = 0
        self._server = _Server(("127.0.0.1", 0), self)
        self.port = int(self._server.server_address[1])

    def __enter__(self) -> HttpProxy:
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

    def __init__(self, address: tuple[str, int], proxy: HttpProxy) -> None:
        self.proxy = proxy
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    def do_CONNECT(self) -> None:
        if not self._is_allowed():
            return
        host, _, port = self.path.partition(":")
        with socket.create_connection((host, int(port))) as far:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=_copy, args=(far, self.connection), daemon=True)
            back.start()
            _copy(self.connection, far)
            back.join(5)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is told."""

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not self._is_allowed():
            return
        url = urlsplit(self.path)
        far = HTTPConnection(url.hostname or "", url.port)
        headers = {name: value for name, value in self.headers.items() if not name.startswith("Proxy-")}
        far.request(self.command, url.path or "/", body or None, headers)
        response = far.getresponse()
        answer = response.read()
        self.send_response(response.status)
        self.send_header("Content-Type", response.headers["Content-Type"] or "")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        far.close()

    def _is_allowed(self) -> bool:
        proxy = self.server.proxy
        proxy.seen.append(dict(self.headers))
        if proxy.expected and self.headers.get("Proxy-Authorization") != proxy.expected:
            proxy.refused += 1
            self.send_response(407)
            self.send_header("Proxy-Authenticate", 'Basic realm="proxy"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return False
        proxy.asked.append(f"{self.command} {self.path}")
        return True


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(PIECE_BYTES):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
