"""Signing in, and what a user may do: the authenticator and its authorizer."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from chalice.app import Chalice, Response
from chalice.config import Config
from chalice.local import ForbiddenError, LocalGateway

from chalicelib.domain.errors import Forbidden, InternalError, Unauthorized
from chalicelib.routes.authorizer import make_authorizer
from chalicelib.services import authentication
from chalicelib.services.authentication import (
    READING_CALLS,
    Authenticator,
    User,
    hash_password,
    verify_password,
)

HASH = hash_password("correct horse")
OTHER_HASH = hash_password("battery staple")


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


class CountingVerify:
    """Counts the slow checks, and against what they were made."""

    def __init__(self) -> None:
        self.stored: list[str] = []

    def __call__(self, stored: str, password: str) -> bool:
        self.stored.append(stored)
        return verify_password(stored, password)


def authenticator(users: Mapping[str, str], read_only: tuple[str, ...] = ()) -> Authenticator:
    return Authenticator(lambda: users, read_only)


@pytest.mark.parametrize("stored", [HASH, "correct horse"], ids=["hashed", "plain"])
def test_the_right_password_signs_in(stored: str) -> None:
    subject = authenticator({"alice": stored, "bob": OTHER_HASH}, ("bob",))
    assert subject.authenticate(basic("alice", "correct horse")) == User("alice", read_only=False)
    assert subject.authenticate(basic("bob", "battery staple")) == User("bob", read_only=True)


@pytest.mark.parametrize("stored", [HASH, "correct horse"], ids=["hashed", "plain"])
@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("alice", "battery staple"),
        ("alice", ""),
        ("alice", "correct horse "),
        pytest.param("alice", HASH, id="alice-the hash"),
        ("bob", "correct horse"),
        ("Alice", "correct horse"),
        ("", ""),
        ("nobody", "correct horse"),
    ],
)
def test_anything_else_does_not(stored: str, name: str, password: str) -> None:
    subject = authenticator({"alice": stored, "bob": OTHER_HASH})
    for _ in range(2):
        with pytest.raises(Unauthorized):
            subject.authenticate(basic(name, password))


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic YQ",
        "Basic \xff",
        "Bearer " + base64.b64encode(b"alice:x").decode(),
        base64.b64encode(b"alice:x").decode(),
        "Basic " + base64.b64encode(b"alice").decode(),
        "Basic " + base64.b64encode(b"alice:\xff").decode(),
        "Basic " + base64.b64encode(b"alice:x").decode() + "=junk",
    ],
)
def test_a_malformed_header_is_refused(header: str | None) -> None:
    with pytest.raises(Unauthorized):
        authenticator({"alice": "x"}).authenticate(header)


def test_passwords_may_hold_colons_and_any_language() -> None:
    subject = authenticator({"jürgen": hash_password("pä:ss:wörd"), "bob": ":"})
    assert subject.authenticate(basic("jürgen", "pä:ss:wörd")).name == "jürgen"
    assert subject.authenticate(basic("bob", ":")).name == "bob"


def test_the_scheme_is_read_in_any_case() -> None:
    subject = authenticator({"alice": "x"})
    assert subject.authenticate(basic("alice", "x").replace("Basic", "bAsIC")).name == "alice"


def test_a_right_password_pays_for_the_slow_hash_once() -> None:
    verify = CountingVerify()
    subject = Authenticator(lambda: {"alice": HASH}, (), verify)
    for _ in range(5):
        subject.authenticate(basic("alice", "correct horse"))
    assert verify.stored == [HASH]


def test_a_wrong_password_and_an_unknown_name_pay_alike() -> None:
    verify = CountingVerify()
    subject = Authenticator(lambda: {"alice": HASH, "bob": "plain"}, (), verify)
    subject.authenticate(basic("alice", "correct horse"))
    verify.stored.clear()
    for name in ("alice", "bob", "nobody"):
        for _ in range(2):
            with pytest.raises(Unauthorized):
                subject.authenticate(basic(name, "wrong"))
    assert verify.stored == [HASH] * 6


def test_without_any_hash_a_decoy_is_checked() -> None:
    verify = CountingVerify()
    subject = Authenticator(lambda: {"bob": "plain"}, (), verify)
    for name in ("bob", "nobody"):
        with pytest.raises(Unauthorized):
            subject.authenticate(basic(name, "wrong"))
    assert len(verify.stored) == 2
    assert all(stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$") for stored in verify.stored)


def test_the_password_of_the_decoy_opens_nothing() -> None:
    subject = authenticator({"alice": HASH, "bob": "plain"})
    for name in ("bob", "nobody"):
        for _ in range(2):
            with pytest.raises(Unauthorized):
                subject.authenticate(basic(name, "correct horse"))


def test_changed_users_count_at_once() -> None:
    users = {"alice": HASH}
    subject = Authenticator(lambda: dict(users))
    subject.authenticate(basic("alice", "correct horse"))
    users["alice"] = OTHER_HASH
    with pytest.raises(Unauthorized):
        subject.authenticate(basic("alice", "correct horse"))
    assert subject.authenticate(basic("alice", "battery staple")).name == "alice"
    users.clear()
    with pytest.raises(Unauthorized):
        subject.authenticate(basic("alice", "battery staple"))


def test_a_malformed_hash_is_a_fault_and_lets_nobody_in() -> None:
    with pytest.raises(InternalError) as caught:
        authenticator({"alice": "$argon2id$v=19$broken"}).authenticate(
            basic("alice", "$argon2id$v=19$broken")
        )
    assert "broken" not in str(caught.value)


def test_hashes_are_salted() -> None:
    assert hash_password("x") != hash_password("x")


def test_the_command_prints_a_hash_that_signs_in() -> None:
    run = subprocess.run(
        [sys.executable, "-m", authentication.__name__],
        input="pässword\n",
        capture_output=True,
        text=True,
        check=True,
        encoding="utf-8",
    )
    printed = run.stdout.strip()
    assert verify_password(printed, "pässword")
    assert authenticator({"alice": printed}).authenticate(basic("alice", "pässword")).name == "alice"


def test_the_command_refuses_an_empty_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n"))
    with pytest.raises(SystemExit, match="empty"):
        authentication.main()


READING = [("GET", "/studies"), ("HEAD", "/instances/x/file"), *(("POST", path) for path in READING_CALLS)]
WRITING = [
    ("POST", "/instances"),
    ("DELETE", "/studies/x"),
    ("DELETE", "/changes"),
    ("PUT", "/tools/find"),
    ("PUT", "/studies/x/metadata/1024"),
    ("POST", "/tools/find/x"),
    ("POST", "/tools"),
    ("POST", "/tools/create-dicom"),
]


@pytest.mark.parametrize(("method", "path"), READING)
def test_readers_read(method: str, path: str) -> None:
    authenticator({}).authorize(User("bob", read_only=True), method, path)


@pytest.mark.parametrize(("method", "path"), WRITING)
def test_readers_do_not_write(method: str, path: str) -> None:
    with pytest.raises(Forbidden):
        authenticator({}).authorize(User("bob", read_only=True), method, path)
    authenticator({}).authorize(User("alice", read_only=False), method, path)


# The authorizer


def application() -> tuple[Chalice, Any]:
    app = Chalice("app", configure_logs=False)
    app.api.binary_types = ["*/*"]
    for path in sorted({path for _, path in READING + WRITING}):
        methods = sorted({method for method, other in READING + WRITING if other == path})

        def view() -> Response:
            principal = app.current_request.context["authorizer"]["principalId"]
            return Response(principal.encode(), {"Content-Type": "text/plain"})

        app.route(path, name=path, methods=methods, content_types=["*/*"])(view)
    users = {"alice": HASH, "bob": "reader"}
    return app, make_authorizer(app, Authenticator(lambda: users, ["bob"]))


def token_event(token: str, method: str = "GET", path: str = "studies") -> dict[str, str]:
    arn = f"arn:aws:execute-api:eu-west-1:123456789012:abcdef/api/{method}/{path}"
    return {"type": "TOKEN", "authorizationToken": token, "methodArn": arn}


def resources(answer: Mapping[str, Any]) -> list[str]:
    statements = answer["policyDocument"]["Statement"]
    assert [statement["Effect"] for statement in statements] == ["Allow"]
    return [resource.split(":", 5)[5] for resource in statements[0]["Resource"]]


def test_a_policy_covers_the_whole_api_whatever_call_asked() -> None:
    _, authorizer = application()
    for method, path in (("GET", "studies"), ("POST", "instances"), ("DELETE", "")):
        full = authorizer(token_event(basic("alice", "correct horse"), method, path), {})
        assert full["principalId"] == "alice"
        assert resources(full) == ["abcdef/api/*/*"]
        reader = authorizer(token_event(basic("bob", "reader"), method, path), {})
        assert reader["principalId"] == "bob"
        assert resources(reader) == [
            "abcdef/api/GET/*",
            "abcdef/api/HEAD/*",
            *(f"abcdef/api/POST{call}" for call in READING_CALLS),
        ]


def test_api_gateway_makes_a_401_of_the_refusal() -> None:
    _, authorizer = application()
    with pytest.raises(Unauthorized) as caught:
        authorizer(token_event(basic("alice", "wrong")), {})
    assert str(caught.value) == "Unauthorized"


def test_the_authorizer_is_where_lambda_looks_for_it_and_on_every_route() -> None:
    app, authorizer = application()
    (configured,) = app.builtin_auth_handlers
    assert configured.handler_string == "app.basic_authorizer"
    assert configured.ttl_seconds == 300
    routes = [route for methods in app.routes.values() for route in methods.values()]
    assert len(routes) == len(READING + WRITING)
    assert all(route.authorizer is authorizer for route in routes)


@pytest.mark.parametrize(("method", "path"), READING + WRITING)
def test_the_local_gateway_enforces_the_policy(method: str, path: str) -> None:
    app, _ = application()
    gateway = LocalGateway(app, Config())

    def call(token: str) -> str:
        answer = gateway.handle_request(method, path, {"authorization": token, "accept": "*/*"}, b"")
        assert answer["statusCode"] == 200
        return base64.b64decode(answer["body"]).decode()

    assert call(basic("alice", "correct horse")) == "alice"
    if (method, path) in READING:
        assert call(basic("bob", "reader")) == "bob"
    else:
        with pytest.raises(ForbiddenError):
            call(basic("bob", "reader"))
    with pytest.raises(Unauthorized):
        call(basic("bob", "wrong"))
