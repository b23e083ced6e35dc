"""The HTTP front: odd requests get answers of Orthanc's shape, large ones are refused, a password is asked for."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest
import requests

from tests.support.stack import RunningStack, running_stack

LIMIT = 1_000_000
USERS = {"alice": "secret"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with running_stack(tmp_path_factory.mktemp("data")) as running:
        yield running


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack that asks for a password and takes small bodies alone."""
    folder = tmp_path_factory.mktemp("guarded")
    config = folder / "config.json"
    config.write_text(json.dumps({"AuthenticationEnabled": True, "RegisteredUsers": USERS}))
    options = {"NACRE_CONFIG": str(config), "NACRE_MAXIMUM_UPLOAD_BYTES": str(LIMIT)}
    with running_stack(folder / "data", **options) as running:
        yield running


def exchange(stack: RunningStack, request: bytes) -> tuple[bytes, bytes]:
    """What comes back on a connection of its own: status line, and all that follows the headers."""
    with socket.create_connection(("127.0.0.1", stack.port), timeout=20) as connection:
        connection.sendall(request)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.partition(b"\r\n")[0], body


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("//system", 200),
        ("/system/", 200),
        ("//tools//now", 200),
        ("http://elsewhere/system", 200),
        ("/system#fragment", 404),
        ("/system;parameter", 404),
        ("//[x/system", 404),
        ("/tools%2Fnow", 404),
        ("/patients/%00", 404),
        ("/patients/%ZZ", 404),
        ("/patients/%ff%0d%0aX:1", 404),
        ("/patients/\xff", 400),
        ("/sys tem", 400),
    ],
)
def test_odd_targets(stack: RunningStack, target: str, status: int) -> None:
    request = f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    line, body = exchange(stack, request.encode("latin-1"))
    assert int(line.split()[1]) == status
    assert status == 200 or not body or json.loads(body)["HttpStatus"] == status


@pytest.mark.parametrize(
    "fields",
    [
        "Content-Length: abc",
        "Content-Length: -1",
        "Content-Length: 1\r\nContent-Length: 2",
        "Transfer-Encoding: unknown",
        "Content-Type: a\x01b",
    ],
)
def test_requests_that_cannot_be_read(stack: RunningStack, fields: str) -> None:
    line, body = exchange(stack, f"POST /instances HTTP/1.1\r\nHost: x\r\n{fields}\r\n\r\n".encode())
    assert line.endswith(b" 400 Bad Request")
    assert json.loads(body)["OrthancStatus"] == 8


def test_an_interim_answer_where_it_is_expected(stack: RunningStack) -> None:
    head = b"POST /instances HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    line, rest = exchange(stack, head + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc")
    assert line == b"HTTP/1.1 100 Continue"
    assert rest.startswith(b"HTTP/1.1 400 Bad Request")


def test_requests_that_do_not_wait_for_answers(stack: RunningStack) -> None:
    first = b"GET /tools/now HTTP/1.1\r\nHost: x\r\n\r\n"
    line, rest = exchange(stack, first + b"GET /system HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert line == b"HTTP/1.1 200 OK"
    assert rest.index(b"HTTP/1.1 200 OK") < rest.index(b"ApiVersion")


@pytest.mark.parametrize("size", [LIMIT + 1, LIMIT * 50])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_bodies_that_are_too_large(guarded: RunningStack, size: int, is_chunked: bool) -> None:
    body = bytes(size)
    data = iter([body[:1000], body[1000:]]) if is_chunked else body
    answer = requests.post(f"{guarded.url}/instances", data=data, auth=("alice", "secret"), timeout=20)
    assert answer.status_code == 413
    assert answer.json()["HttpStatus"] == 413
    assert "/uploads" in answer.json()["Details"]


@pytest.mark.parametrize("target", ["/system", "//system", "/system/", "/instances/a%2Fb", "/patients/%00"])
def test_no_way_of_writing_a_path_gets_past_the_password(guarded: RunningStack, target: str) -> None:
    request = f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n".encode()
    for credentials in (b"", b"Authorization: Basic YWxpY2U6d3Jvbmc=\r\n", b"Authorization: x\r\n"):
        line, body = exchange(guarded, request + credentials + b"\r\n")
        assert line == b"HTTP/1.1 401 Unauthorized"
        assert body == b""
    line, _ = exchange(guarded, request + b"Authorization: Basic YWxpY2U6c2VjcmV0\r\n\r\n")
    assert line.split()[1] in {b"200", b"404"}


def test_who_gives_no_password_is_asked_for_it(guarded: RunningStack) -> None:
    answer = requests.get(f"{guarded.url}/system", timeout=10)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
