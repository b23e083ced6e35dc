"""Peers that are asked by way of a proxy: all goes through it, and no secret goes where it does not belong."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chalicelib.configuration_file import SettingsError
from chalicelib.domain.errors import NetworkProtocol
from chalicelib.domain.jobs import JobState
from chalicelib.services.network.http_proxy import proxy_of
from chalicelib.settings import Settings
from tests.dicom.certificates import authority, signed
from tests.dicom.http_peer import HttpPeer
from tests.dicom.http_proxy import HttpProxy
from tests.dicom.peers import Orthanc, free_port
from tests.dicom.test_peers import configure, send
from tests.dicom.test_store_scu import add_images
from tests.listener.node import Node, running_node


def asks(node: Node, name: str = "peer") -> bytes:
    return bytes(node.world.services.peers.requests.system(name))


def test_instances_reach_orthanc_through_the_proxy(tmp_path: Path) -> None:
    orthanc = Orthanc(tmp_path / "orthanc")
    with (
        HttpProxy() as proxy,
        orthanc.running(),
        running_node(tmp_path / "node", http_proxy=f"http://127.0.0.1:{proxy.port}") as node,
    ):
        url = f"http://127.0.0.1:{orthanc.http_port}/"
        configure(node, [url])
        identifiers = add_images(node, 3)
        assert send(node, identifiers).state is JobState.SUCCESS
        assert sorted(orthanc.request("GET", "/instances")) == sorted(identifiers)
        assert proxy.asked == [f"POST {url}instances"] * 3


@pytest.mark.parametrize(
    "option", ["{}", "{}/", "http://{}", "user:pässwörd@{}", "http://user:p%C3%A4ssw%C3%B6rd@{}/"]
)
def test_a_proxy_is_named_as_for_libcurl(tmp_path: Path, option: str) -> None:
    credentials = "user:pässwörd" if "@" in option else ""
    with HttpProxy(credentials) as proxy, HttpPeer() as peer:
        with running_node(tmp_path / "node", http_proxy=option.format(f"127.0.0.1:{proxy.port}")) as node:
            configure(node, {"Url": peer.url, "Username": "somebody", "Password": "secret"})
            asks(node)
        assert proxy.asked == [f"GET {peer.url}/system"]
        (asked,) = peer.asked
        assert asked.headers["Authorization"].startswith("Basic ")
        assert asked.headers["Proxy-Authorization"] is None


def test_https_goes_through_a_tunnel_that_sees_no_secret(tmp_path: Path) -> None:
    trusted = authority(tmp_path, "trusted")
    web = signed(tmp_path, "web", trusted, "localhost")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(web.certificate, web.key)
    options: dict[str, Any] = {"https_ca_certificates": trusted.certificate}
    with HttpProxy("user:password") as proxy, HttpPeer(tls=tls) as peer:
        with running_node(
            tmp_path / "node", http_proxy=f"user:password@127.0.0.1:{proxy.port}", **options
        ) as node:
            configure(node, {"Url": peer.url, "Username": "somebody", "Password": "secret"})
            asks(node)
            configure(node, {"Url": peer.url.replace("localhost", "127.0.0.1")}, "other")
            with pytest.raises(NetworkProtocol, match="certificate"):
                asks(node, "other")
        assert proxy.asked[0] == f"CONNECT localhost:{peer.port}"
        assert all("Authorization" not in headers for headers in proxy.seen)
        (asked,) = peer.asked
        assert asked.headers["Authorization"] is not None
        assert asked.headers["Proxy-Authorization"] is None


def failure(node: Node, url: str) -> str:
    configure(node, [url])
    with pytest.raises(NetworkProtocol) as raised:
        asks(node)
    return raised.value.details


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_refuses_fails_the_request(tmp_path: Path, scheme: str) -> None:
    with (
        HttpProxy("user:right") as proxy,
        HttpPeer() as peer,
        running_node(tmp_path / "node", http_proxy=f"user:wrong@127.0.0.1:{proxy.port}") as node,
    ):
        text = failure(node, f"{scheme}://localhost:{peer.port}/")
        assert "wrong" not in text
        assert (proxy.refused, proxy.asked, peer.asked) == (1, [], [])


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        (lambda: f"127.0.0.1:{free_port()}", "Could not connect to server"),
        (lambda: "nowhere.invalid:3128", "Could not resolve proxy name"),
    ],
)
def test_without_the_proxy_nothing_is_asked(tmp_path: Path, option: Callable[[], str], expected: str) -> None:
    with HttpPeer() as peer, running_node(tmp_path / "node", http_proxy=option()) as node:
        assert expected in failure(node, peer.url)
        assert peer.asked == []


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "2852039166", "[fe80::1]", "[::ffff:169.254.169.254]", "[fd00:ec2::254]"]
)
def test_link_local_addresses_are_not_asked_for_of_the_proxy(tmp_path: Path, host: str) -> None:
    with (
        HttpProxy() as proxy,
        running_node(tmp_path / "node", http_proxy=f"127.0.0.1:{proxy.port}") as node,
    ):
        assert "link-local" in failure(node, f"http://{host}/latest/")
        assert proxy.seen == []


def test_the_port_is_that_of_libcurl_if_none_is_named() -> None:
    found = [proxy_of(option) for option in ("proxy.example", "http://proxy.example/", "[::1]", "[::1]:8")]
    assert [one.url for one in found if one] == [
        "http://proxy.example:1080",
        "http://proxy.example:1080",
        "http://[::1]:1080",
        "http://[::1]:8",
    ]
    assert proxy_of("") is None
    assert "secret" not in repr(proxy_of("user:secret@proxy.example"))


@pytest.mark.parametrize("option", ["socks5://host:1080", "https://host", "host:port", "a b", "http://"])
def test_what_is_no_proxy_of_http_stops_the_start(option: str) -> None:
    with pytest.raises(SettingsError, match="HttpProxy"):
        Settings.load({"NACRE_HTTP_PROXY": option})
