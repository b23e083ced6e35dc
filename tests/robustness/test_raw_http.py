"""Bytes that are hardly HTTP, sent to the running stack: refused by 4xx or by closing, and the next is served."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.support.stack import RunningStack, running_stack

SECONDS = 10.0
HOST = b"Host: x\r\n"
CLOSE = HOST + b"Connection: close\r\n"


def get(target: bytes, headers: bytes = b"") -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\n" + CLOSE + headers + b"\r\n"


def post(headers: bytes, body: bytes = b"") -> bytes:
    return b"POST /instances HTTP/1.1\r\n" + CLOSE + headers + b"\r\n" + body


MESSAGES = {
    "nothing": b"\r\n\r\n",
    "noise": bytes(range(256)) * 4 + b"\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n",
    "another version": b"GET / HTTP/9.9\r\n" + CLOSE + b"\r\n",
    "no version": b"GET /system\r\n\r\n",
    "lower case": b"get /system HTTP/1.1\r\n" + CLOSE + b"\r\n",
    "NUL in the path": get(b"/instances/\0"),
    "line break in the path": get(b"/instances/%0d%0aX-Evil:1"),
    "path of 10 kB": get(b"/" + b"x" * 10_000),
    "path of 1 MB": get(b"/" + b"x" * 1_000_000),
    "query of 10 kB": get(b"/instances?" + b"x" * 10_000),
    "a URL": get(b"http://example.org/system"),
    "a URL with a bracket": get(b"http://[/system"),
    "a URL with a port": get(b"http://x:99999999/system"),
    "no path": get(b"?a"),
    "a star": b"OPTIONS * HTTP/1.1\r\n" + CLOSE + b"\r\n",
    "a tunnel": b"CONNECT example.org:443 HTTP/1.1\r\n" + CLOSE + b"\r\n",
    "dots": get(b"/instances/../../../../etc/passwd"),
    "encoded dots": get(b"/%2e%2e/%2e%2e/etc/passwd"),
    "10,000 headers": get(b"/system", b"X: y\r\n" * 10_000),
    "a header of 1 MB": get(b"/system", b"X: " + b"y" * 1_000_000 + b"\r\n"),
    "a header without a name": get(b"/system", b": y\r\n"),
    "a header without a colon": get(b"/system", b"nonsense\r\n"),
    "a folded header": get(b"/system", b"X: y\r\n z\r\n"),
    "bytes in a header": get(b"/system", b"Accept: \xff\xfe\0\r\n"),
    "no host": b"GET /system HTTP/1.1\r\nConnection: close\r\n\r\n",
    "giant length": post(b"Content-Length: 99999999999999999999\r\n"),
    "length of 2 GB": post(b"Content-Length: 2147483648\r\n", b"x"),
    "length and chunks": post(b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
    "bad chunk": post(b"Transfer-Encoding: chunked\r\n", b"zz\r\nx\r\n0\r\n\r\n"),
    "negative chunk": post(b"Transfer-Encoding: chunked\r\n", b"-5\r\nx\r\n0\r\n\r\n"),
    "giant chunk": post(b"Transfer-Encoding: chunked\r\n", b"f" * 100 + b"\r\nx"),
    "no chunks": post(b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
    "another expectation": post(b"Expect: the unexpected\r\nContent-Length: 1\r\n", b"x"),
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with running_stack(tmp_path_factory.mktemp("raw")) as running:
        yield running


def exchange(port: int, message: bytes) -> bytes:
    """What comes back until the connection is closed, or all that does if more is awaited of us."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        with suppress(ConnectionError):  # a server that has refused may close while we send
            connection.sendall(message)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        with suppress(ConnectionError):
            while piece := connection.recv(65536):
                received += piece
    return received


@pytest.mark.parametrize("name", MESSAGES)
def test_what_is_hardly_http_is_refused(stack: RunningStack, name: str) -> None:
    received = exchange(stack.port, MESSAGES[name])
    statuses = [int(status) for status in re.findall(rb"^HTTP/1\.[01] (\d{3})", received, re.MULTILINE)]
    assert all(100 <= status < 500 or status in (501, 505) for status in statuses), received[:300]
    assert b"Traceback" not in received
    assert not re.search(rb"^X-Evil", received, re.MULTILINE | re.IGNORECASE)
    assert b"root:" not in received
    assert exchange(stack.port, get(b"/system")).startswith(b"HTTP/1.1 200 ")


def test_slow_and_silent_clients_hold_up_nobody(stack: RunningStack) -> None:
    waiting = [socket.create_connection(("127.0.0.1", stack.port)) for _ in range(60)]
    try:
        for connection in waiting[:30]:
            connection.sendall(post(b"Content-Length: 1000\r\n", b"x")[:-1])
        assert exchange(stack.port, get(b"/system")).startswith(b"HTTP/1.1 200 ")
    finally:
        for connection in waiting:
            connection.close()
