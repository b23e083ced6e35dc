"""Forms of answers and methods in query strings, beyond what Orthanc was asked."""

from __future__ import annotations

import gzip
import json
import logging
import zlib
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.application import make_app
from chalicelib.domain.levels import Level
from chalicelib.observability import Telemetry
from chalicelib.routes.methods import overridden, refused
from chalicelib.routes.representation import as_xml
from chalicelib.services.authentication import Authenticator
from infra.local.gateway import Gateway, HttpRequest
from tests.support.client import Client
from tests.support.moto_world import moto_world
from tests.support.world import World, described

GET: dict[str, Any] = {"path": "/studies/x", "httpMethod": "GET", "requestContext": {"httpMethod": "GET"}}


@pytest.fixture(scope="module", params=[False, True])
def client(request: pytest.FixtureRequest) -> Iterator[tuple[Client, World, bool]]:
    with moto_world(http_compression_enabled=request.param) as world:
        for number in range(20):
            world.store(described(f"P{number}", f"{number}"))
        yield (
            Client(make_app(world.services, Telemetry(logging.getLogger("test"), None))),
            world,
            request.param,
        )


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"),
        ("deflate, gzip;q=0.5", "gzip"),
        ("deflate", "deflate"),
        ("br", None),
        ("gzip;q=0", None),
        ("gzip;q=0.000, deflate;q=0.2", "deflate"),
        ("gzip; q=1.0", "gzip"),
        ("gzip;q=x", None),
    ],
)
def test_long_texts_are_compressed_if_the_option_says_so(
    client: tuple[Client, World, bool], accepted: str, coding: str | None
) -> None:
    asked, _, compresses = client
    answer = asked.request("GET", "/studies?expand", b"", {"Accept-Encoding": accepted})
    assert answer.headers.get("content-encoding") == (coding if compresses else None)
    undo = {"gzip": gzip.decompress, "deflate": zlib.decompress, None: bytes}
    assert len(json.loads(undo[answer.headers.get("content-encoding")](answer.body))) == 20


def test_short_texts_are_not(client: tuple[Client, World, bool]) -> None:
    answer = client[0].request("GET", "/tools/now", b"", {"Accept-Encoding": "gzip"})
    assert "content-encoding" not in answer.headers


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_no_text_ends_its_element(value: Any) -> None:
    made = as_xml(value)
    assert made.count("<root") == 1
    assert made.rstrip("\n").endswith(("</root>", "<root />"))


@pytest.mark.parametrize("method", ["PUT", "DELETE", "delete"])
def test_a_method_in_the_query_string_counts(method: str) -> None:
    made = overridden({**GET, "queryStringParameters": {"_method": method}})
    assert isinstance(made, dict)
    assert made["requestContext"]["httpMethod"] == made["httpMethod"] == method.upper()


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_sites_page_cannot_ask_for_a_method(site: str) -> None:
    event = {**GET, "queryStringParameters": {"_method": "DELETE"}, "headers": {"Sec-Fetch-Site": site}}
    made = overridden(event)
    assert not isinstance(made, dict)
    assert made.status_code == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    ("site", "is_refused"),
    [("cross-site", True), ("same-site", True), ("same-origin", False), ("none", False), (None, False)],
)
def test_another_sites_page_can_only_read(method: str, site: str | None, is_refused: bool) -> None:
    event = {"requestContext": {"httpMethod": method}, "headers": {"sec-fetch-site": site} if site else None}
    assert (refused(event) is not None) == is_refused
    assert refused({**event, "requestContext": {"httpMethod": "GET"}}) is None


@pytest.mark.parametrize("allowed", [True, False])
def test_the_application_refuses_another_sites_page_unless_told_otherwise(allowed: bool) -> None:
    with moto_world(allow_cross_site_requests=allowed) as world:
        client = Client(make_app(world.services, Telemetry(logging.getLogger("silent"), None)))
        answer = client.request("POST", "/tools/lookup", b"x", {"Sec-Fetch-Site": "cross-site"})
        assert answer.status == (200 if allowed else 403)
        assert client.request("GET", "/studies", b"", {"Sec-Fetch-Site": "cross-site"}).status == 200


def test_who_may_only_read_cannot_ask_for_a_method() -> None:
    context = {"httpMethod": "GET", "authorizer": {"readOnly": "true"}}
    made = overridden({**GET, "queryStringParameters": {"_method": "DELETE"}, "requestContext": context})
    assert not isinstance(made, dict)
    assert made.status_code == 403


def test_prometheus_gets_the_counts_in_a_few_calls(client: tuple[Client, World, bool]) -> None:
    asked, world, _ = client
    world.calls.reset()
    text = asked.request("GET", "/tools/metrics-prometheus").body.decode()
    lines = dict(line.split(" ")[:2] for line in text.splitlines())
    assert (lines["orthanc_count_studies"], lines["orthanc_count_instances"]) == ("20", "20")
    assert len(world.calls.names) <= 8
    asked.request("PUT", "/tools/metrics", b"0")
    assert asked.request("GET", "/tools/metrics-prometheus").body == b""
    asked.request("PUT", "/tools/metrics", b"1")


def test_what_one_process_changes_the_others_see_soon(client: tuple[Client, World, bool]) -> None:
    asked, world, _ = client
    asked.request("PUT", "/tools/default-encoding", b"Utf8")
    other = type(world.services.options)(
        world.services.options._registry, world.services.settings, world.clock
    )
    assert other.encoding() == "Latin1"
    other.refresh()
    assert other.encoding() == "Utf8"
    asked.request("PUT", "/tools/default-encoding", b"Latin2")
    other.refresh()
    assert other.encoding() == "Utf8"
    world.clock.advance(11)
    other.refresh()
    assert other.encoding() == "Latin2"
    asked.request("PUT", "/tools/default-encoding", b"Latin1")


@pytest.mark.parametrize("pattern", ["*1" * 30, "*" * 60 + "x", "?*" * 32])
def test_patterns_that_take_long_are_refused_or_left_out(
    client: tuple[Client, World, bool], pattern: str
) -> None:
    answer = client[0].request("PUT", "/tools/accepted-transfer-syntaxes", json.dumps([pattern]).encode())
    assert (answer.status, answer.body) in [(200, b"[]")] or answer.status == 400
    client[0].request("PUT", "/tools/accepted-transfer-syntaxes", b"*")


def test_through_the_gateway_a_reader_deletes_nothing() -> None:
    users = Authenticator(lambda: {"alice": "writer", "bob": "reader"}, ("bob",))
    with moto_world() as world:
        study = world.store(described()).identifiers[Level.STUDY]
        app = make_app(world.services, Telemetry(logging.getLogger("test"), None), users)
        gateway = Gateway(app)

        def ask(name: str, password: str, query: str) -> int:
            token = b64encode(f"{name}:{password}".encode()).decode()
            headers = {"authorization": f"Basic {token}"}
            return gateway.handle(HttpRequest("GET", f"/studies/{study}", query, headers)).status

        assert ask("bob", "reader", "_method=DELETE") == 403
        assert ask("bob", "reader", "") == 200
        assert ask("alice", "writer", "_method=DELETE") == 200
        assert ask("alice", "writer", "") == 404
