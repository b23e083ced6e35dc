"""Peers over HTTP: what is sent arrives as it is stored, is told in the exports log, and no secret goes astray."""

from __future__ import annotations

import json
import logging
import re
import socket
import ssl
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from chalicelib.application import make_app
from chalicelib.domain.errors import BadFileFormat, NetworkProtocol, UnknownResource
from chalicelib.domain.jobs import Job, JobState
from chalicelib.domain.levels import Level
from chalicelib.domain.peers import Peer
from chalicelib.observability import Telemetry
from chalicelib.routes.peers import peer_store_request
from chalicelib.services.network import peer_client, store_work
from chalicelib.services.network.peer_client import HttpOptions, PeerClient
from chalicelib.services.peer_json import from_json, job_json, public_json
from chalicelib.services.peers import Peers
from chalicelib.storage.dynamodb.keys import Keys
from chalicelib.storage.dynamodb.registry import Registry
from chalicelib.storage.dynamodb.table import Table
from tests.dicom.certificates import Certificate, authority, signed
from tests.dicom.http_peer import HttpPeer
from tests.dicom.peers import Orthanc, free_port
from tests.dicom.test_store_scu import FILES, add, add_images, exported, stored, uid
from tests.listener.node import Node, running_node
from tests.support.client import Client
from tests.support.faults import Killed
from tests.support.stack import RunningStack, running_stack

JPEG_OF_8_BITS = "1.2.840.10008.1.2.4.50"
JPEG2000_LOSSLESS = "1.2.840.10008.1.2.4.90"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with running_node(tmp_path / "node", log_exported_resources=True) as running:
        yield running


def configure(node: Node, value: object, name: str = "peer") -> None:
    node.world.services.peers.known.put(name, value)


def send(node: Node, resources: list[str], name: str = "peer", **fields: Any) -> Job:
    """Have resources stored, and wait."""
    services = node.world.services
    body = json.dumps({"Resources": resources, **fields}).encode()
    return services.network.waiting.wait(services.peers.store.create(peer_store_request(name, body)))


def client_of(node: Node) -> Client:
    return Client(make_app(node.world.services, Telemetry(logging.getLogger("test"), None)))


@pytest.mark.parametrize("fields", [{}, {"Compress": True}], ids=["plain", "gzip"])
def test_what_arrives_at_orthanc_is_what_is_stored_byte_by_byte(
    node: Node, tmp_path: Path, fields: dict[str, bool]
) -> None:
    users = {"AuthenticationEnabled": True, "RegisteredUsers": {"somebody": "pass wörd"}}
    orthanc = Orthanc(tmp_path / "orthanc", **users)
    authorized = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    url = f"http://127.0.0.1:{orthanc.http_port}"
    authorized.add_password(None, url, "somebody", "pass wörd")
    opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(authorized))
    with orthanc.running():
        configure(node, [url, "somebody", "pass wörd"])
        identifiers = [add(node, name) for name in FILES]
        job = send(node, identifiers, **fields)
        assert (job.state, job.content["FailedInstancesCount"]) == (JobState.SUCCESS, 0)
        for identifier in identifiers:
            with opener.open(f"{url}/instances/{identifier}/file") as answer:
                assert answer.read() == stored(node, identifier)
        assert json.loads(client_of(node).get("/peers/peer/system").body)["DicomAet"] == "ORTHANC"
        configure(node, [url, "somebody", "wrong"])
        assert send(node, identifiers[:1]).error.details == "The peer answered with HTTP status 401"
    assert Counter(exported(node)) == Counter(uid(node, one) for one in identifiers)
    assert list(node.folder.iterdir()) == []


def test_a_file_goes_straight_to_orthanc(node: Node, tmp_path: Path) -> None:
    data = Path(str(get_testdata_file("JPEG2000.dcm"))).read_bytes()
    with Orthanc(tmp_path / "orthanc").running() as orthanc:
        configure(node, [f"http://127.0.0.1:{orthanc.http_port}"])
        answer = client_of(node).post("/peers/peer/store-straight", data)
        assert orthanc.request("GET", "/instances") == [answer.json()["ID"]]
        refused = client_of(node).post("/peers/peer/store-straight", b"nothing")
    assert refused.json()["Details"] == "Cannot send DICOM to remote peer: peer"
    assert node.world.services.listing.all(Level.INSTANCE) == []
    assert node.world.services.jobs.all() == []


def test_transcode_goes_where_it_can_and_the_file_as_it_is_elsewhere(node: Node) -> None:
    with HttpPeer() as peer:
        configure(node, [peer.url])
        one = add(node, "CT_small.dcm")
        job = send(node, [one], Transcode=JPEG2000_LOSSLESS, Compress=True)
        plain = send(node, [one], Transcode=JPEG_OF_8_BITS)
    assert (job.state, plain.state, len(peer.asked)) == (JobState.SUCCESS, JobState.SUCCESS, 2)
    seen = dcmread(BytesIO(peer.asked[0].file))
    assert seen.file_meta.TransferSyntaxUID == JPEG2000_LOSSLESS
    assert (seen.pixel_array == dcmread(get_testdata_file("CT_small.dcm")).pixel_array).all()
    assert peer.asked[1].body == stored(node, one)
    assert [job.content["Size"], plain.content["Size"]] == [str(len(asked.body)) for asked in peer.asked]


def test_the_peer_sees_user_headers_and_lengths(node: Node) -> None:
    with HttpPeer() as peer:
        headers = {"X-Token": "t", "content-type": "text/plain"}
        configure(node, {"Url": peer.url, "Username": "u", "Password": "p", "HttpHeaders": headers})
        (one,) = add_images(node, 1)
        assert send(node, [one]).state is JobState.SUCCESS
    (asked,) = peer.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/instances", stored(node, one))
    assert (asked.headers["Authorization"], asked.headers["X-Token"]) == ("Basic dTpw", "t")
    assert asked.headers.get_all("Content-Type") == ["application/dicom"]
    assert asked.headers["Transfer-Encoding"] is None


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Certificate, Certificate]:
    """An authority, and what it has signed for this machine."""
    trusted = authority(tmp_path, "trusted")
    return trusted, signed(tmp_path, "web", trusted, "localhost")


def test_https_is_verified(tmp_path: Path, certificate: tuple[Certificate, Certificate]) -> None:
    trusted, web = certificate
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(web.certificate, web.key)
    outcomes = {}
    with HttpPeer(tls=tls) as peer:
        elsewhere = peer.url.replace("localhost", "127.0.0.1")
        for name, url, options in (
            ("unknown authority", peer.url, {}),
            ("known authority", peer.url, {"https_ca_certificates": trusted.certificate}),
            ("another host", elsewhere, {"https_ca_certificates": trusted.certificate}),
            ("not verified", elsewhere, {"https_verify_peers": False}),
            ("no such file", peer.url, {"https_ca_certificates": "/nope"}),
        ):
            with running_node(tmp_path / name, **options) as node:
                configure(node, [url, "somebody", "secret"])
                job = send(node, add_images(node, 1))
                outcomes[name] = job.error.details.removesuffix(f" while accessing {url}/instances")
    refused = "libCURL error: SSL peer certificate or SSH remote key was not OK"
    assert outcomes == {
        "unknown authority": refused,
        "known authority": "",
        "another host": refused,
        "not verified": "",
        "no such file": f"libCURL error: Problem with the local SSL certificate while accessing {peer.url}/",
    }
    assert len(peer.asked) == 2


def test_a_client_certificate_is_shown(tmp_path: Path, certificate: tuple[Certificate, Certificate]) -> None:
    trusted, web = certificate
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(web.certificate, web.key)
    tls.load_verify_locations(trusted.certificate)
    tls.verify_mode = ssl.CERT_REQUIRED
    mine = signed(tmp_path, "mine", trusted)
    with (
        HttpPeer(tls=tls) as peer,
        running_node(tmp_path / "node", https_ca_certificates=trusted.certificate) as node,
    ):
        files = {"CertificateFile": mine.certificate, "CertificateKeyFile": mine.key}
        configure(node, {"Url": peer.url})
        without = send(node, add_images(node, 1))
        configure(node, {"Url": peer.url, **files})
        job = send(node, add_images(node, 1))
        configure(node, {"Url": peer.url, "CertificateFile": "/nope"})
        missing = send(node, add_images(node, 1))
        configure(node, {"Url": peer.url, "Pkcs11": True})
        token = send(node, add_images(node, 1))
    assert (without.state, job.state, missing.state) == (
        JobState.FAILURE, JobState.SUCCESS, JobState.FAILURE,
    )  # fmt: skip
    assert "Problem with the local SSL certificate" in missing.error.details
    assert "PKCS#11" in token.error.details


def test_no_redirection_is_followed(node: Node) -> None:
    with HttpPeer() as peer:
        configure(node, [f"{peer.url}/redirect", "somebody", "secret"])
        job = send(node, add_images(node, 1))
        with pytest.raises(NetworkProtocol, match="HTTP status 302"):
            node.world.services.peers.requests.system("peer")
    assert (job.state, len(peer.asked)) == (JobState.FAILURE, 2)
    assert exported(node) == []


def test_link_local_addresses_are_refused_before_anything_is_sent(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is nobody at such an address here: a name server's answer and the socket's own are changed instead."""
    with HttpPeer() as peer:
        configure(node, [peer.url])
        node.world.services.peers.requests.system("peer")
        asked = len(peer.asked)
        monkeypatch.setattr(
            "chalicelib.services.network.peer_client._address_of",
            lambda _connection: "169.254.169.254",
        )
        with pytest.raises(NetworkProtocol, match="link-local"):
            node.world.services.peers.requests.system("peer")
        assert send(node, add_images(node, 1)).error.details == "Peers at link-local addresses are not asked"
        time.sleep(0.1)
        assert len(peer.asked) == asked


@pytest.mark.parametrize(
    ("address", "is_refused"),
    [
        ("169.254.169.254", True), ("169.254.170.2", True), ("::ffff:169.254.169.254", True), ("fe80::1", True),
        ("fd00:ec2::254", True), ("fd00:ec2::23", True), ("127.0.0.1", False), ("10.0.0.1", False), ("fd01::1", False),
    ],
)  # fmt: skip
def test_which_addresses_are_refused(monkeypatch: pytest.MonkeyPatch, address: str, is_refused: bool) -> None:
    monkeypatch.setattr(peer_client, "_address_of", lambda _connection: address)
    with HttpPeer() as peer, closing(_client(peer)) as client:
        if is_refused:
            with pytest.raises(NetworkProtocol, match="link-local"):
                client.get("system")
        else:
            assert client.get("system").is_success


def _client(peer: HttpPeer) -> PeerClient:
    return PeerClient(Peer(f"{peer.url}/"), HttpOptions(timeout_seconds=5), time.monotonic)


def test_one_connection_serves_a_job(node: Node) -> None:
    with HttpPeer() as peer:
        configure(node, [peer.url])
        assert send(node, add_images(node, 7)).state is JobState.SUCCESS
    assert (len(peer.asked), peer.connections) == (7, 1)


def test_answers_are_bounded_and_silence_ends(node: Node) -> None:
    with HttpPeer() as peer:
        configure(node, [f"{peer.url}/long"])
        with pytest.raises(NetworkProtocol, match="Failure when receiving data"):
            node.world.services.peers.requests.system("peer")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        configure(node, {"Url": f"http://127.0.0.1:{silent.getsockname()[1]}", "Timeout": 1})
        with pytest.raises(NetworkProtocol, match="Timeout was reached"):
            node.world.services.peers.requests.system("peer")
        assert send(node, add_images(node, 1)).error.details.startswith("libCURL error: Timeout was reached")


def test_an_answer_that_drips_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection = server.accept()[0]
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            with suppress(OSError):
                for _ in range(100):
                    connection.sendall(b" ")
                    time.sleep(0.1)

        threading.Thread(target=drip, daemon=True).start()
        peer = Peer(f"http://127.0.0.1:{server.getsockname()[1]}/")
        started = time.monotonic()
        with (
            closing(PeerClient(peer, HttpOptions(timeout_seconds=1), time.monotonic)) as client,
            pytest.raises(NetworkProtocol, match="Timeout was reached"),
        ):
            client.get("system")
        assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "url", ["http://[::1", "http:///x", "http://a b", "http://x:99999", "http://\u00e9" * 70]
)
def test_urls_that_lead_nowhere_are_errors_of_the_network(node: Node, url: str) -> None:
    configure(node, [url])
    with pytest.raises(NetworkProtocol, match="libCURL error"):
        node.world.services.peers.requests.system("peer")


def test_a_permissive_job_counts_what_failed_and_another_ends(node: Node) -> None:
    with HttpPeer() as peer:
        configure(node, [peer.url])
        identifiers = add_images(node, 3)
        peer.statuses = [200, 500]
        job = send(node, identifiers, Permissive=True)
        assert (job.state, job.content["FailedInstancesCount"], job.progress) == (JobState.SUCCESS, 1, 100)
        assert set(exported(node)) == {uid(node, identifiers[0]), uid(node, identifiers[2])}
        peer.statuses = [200, 500]
        failed = send(node, identifiers)
    assert (failed.state, failed.error.status) == (JobState.FAILURE, 9)
    assert len(exported(node)) == 3


def test_an_asynchronous_job_tries_again_and_sends_the_rest(node: Node) -> None:
    with HttpPeer() as peer:
        configure(node, [peer.url])
        identifiers = add_images(node, 4)
        peer.statuses = [200, 503]
        job = send(node, identifiers, Synchronous=False)
        assert (job.state, job.error.status) == (JobState.RETRY, 9)
        node.world.clock.advance(700)
        assert node.world.services.network_runner.run_next()
        done = node.world.services.jobs.get(job.id)
    assert done.state is JobState.SUCCESS
    assert [asked.body for asked in peer.asked] == [
        stored(node, identifiers[place]) for place in (0, 1, 1, 2, 3)
    ]
    assert Counter(exported(node)) == Counter(uid(node, one) for one in identifiers)
    assert done.content["Size"] == str(sum(len(stored(node, one)) for one in identifiers))


def test_a_job_to_a_peer_that_was_removed_fails(node: Node) -> None:
    with HttpPeer() as peer:
        configure(node, [peer.url])
        request = peer_store_request("peer", add_images(node, 1)[0].encode())
        services = node.world.services
        job = services.peers.store.create(request)
        services.peers.known.remove("peer")
        failed = services.network.waiting.wait(job)
        with pytest.raises(UnknownResource, match="No peer with symbolic name: peer"):
            services.peers.store.create(request)
    assert (failed.state, failed.error.status, peer.asked) == (JobState.FAILURE, 17, [])


@pytest.mark.parametrize("position", range(0, 24, 2))
def test_wherever_a_worker_dies_nothing_is_lost_and_the_log_tells_what_was_sent(
    node: Node, monkeypatch: pytest.MonkeyPatch, position: int
) -> None:
    monkeypatch.setattr(store_work, "BATCH", 2)
    with HttpPeer() as peer:
        configure(node, [peer.url])
        identifiers = add_images(node, 5)
        services = node.world.services
        job = services.peers.store.create(peer_store_request("peer", json.dumps(identifiers).encode()))
        node.world.calls.reset()
        node.world.calls.kill_after(position)
        with suppress(Killed):
            services.network_runner.run(job)
        node.world.calls.reset()
        node.world.clock.advance(120)
        services.network_runner.run_next()
        assert services.jobs.get(job.id).state is JobState.SUCCESS
        arrived = Counter(asked.body for asked in peer.asked)
        assert set(arrived) == {stored(node, one) for one in identifiers}
        assert max(arrived.values()) <= 2
        assert Counter(exported(node)) == Counter(uid(node, one) for one in identifiers)


def test_no_secret_is_shown_or_kept_by_jobs(node: Node, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("test", "urllib3", "chalicelib"):
        caplog.set_level(logging.DEBUG, logger=name)
    secrets = {
        "Password": "s3cret-1",
        "HttpHeaders": {"X-Token": "s3cret-2"},
        "CertificateKeyPassword": "s3cret-3",
    }
    configure(node, {"Url": "http://u:s3cret-4@127.0.0.1:1/?key=s3cret-5", **secrets, "Username": "somebody"})
    configure(node, ["http://other:s3cret-6@127.0.0.1:1"], "inside")
    (one,) = add_images(node, 1)
    client = client_of(node)
    answers = [client.post(f"/peers/{name}/store", one.encode()).body for name in ("peer", "inside")]
    answers += [client.get(f"/peers/{name}/system").body for name in ("peer", "inside")]
    answers += [
        client.get(path).body for path in ("/peers?expand", "/peers/inside/configuration", "/jobs?expand")
    ]
    whole = b"".join(answers).replace(b"?key=s3cret-5", b"")  # the URL itself is shown, as in Orthanc
    assert b"s3cret" not in whole
    assert b"libCURL error" in whole
    assert b"s3cret-5" not in b"".join(answers[:4])
    assert "s3cret" not in re.sub(r"https?://\S*", "", caplog.text)
    assert "s3cret" not in json.dumps([job.arguments for job in node.world.services.jobs.all()])
    assert "s3cret" not in repr(node.world.services.peers.known.all()).replace("?key=s3cret-5", "")


def test_what_the_options_name_the_api_may_change(tmp_path: Path) -> None:
    options = {"a": ["http://x"], "b": {"Url": "http://y"}}
    with running_node(tmp_path / "node", orthanc_peers=options) as node:
        client = client_of(node)
        assert client.get("/peers").json() == ["a", "b"]
        assert client.delete("/peers/a").status == 200
        assert client.request("PUT", "/peers/b", b'["http://z"]').status == 200
        assert client.get("/peers").json() == ["b"]
        assert client.get("/peers/b/configuration").json()["Url"] == "http://z/"
        assert client.get("/peers/a").body == b""
        registry = Registry(Table(node.world.dynamodb, node.world.resources.index), Keys("default"), "peers")
        with pytest.raises(BadFileFormat, match="Bad URL"):
            Peers(registry, {"a": ["ftp://x"]}, node.world.clock)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://u:p@h/x", ("http://h/x/", "u", "p")),
        ("u:p%40q@h", ("h/", "u", "p@q")),
        ("https://u@h/", ("https://h/", "u", "")),
        ("http://u:p@q@h", ("http://h/", "u", "p@q")),
        ("http://h/@x", ("http://h/@x/", "", "")),
    ],
)
def test_credentials_of_a_url_are_taken_out_of_it(url: str, expected: tuple[str, str, str]) -> None:
    peer = from_json([url])
    assert (peer.url, peer.username, peer.password) == expected
    assert "Password" not in job_json(peer)
    assert public_json(peer).get("Password", None) is None


@pytest.mark.parametrize(
    "headers", [{"A": "b\r\nC: d"}, {"A\n": "b"}, {"": "b"}, {"A": "\u4e2d"}, {"A b": "c"}]
)
def test_headers_that_would_be_others_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(BadFileFormat):
        from_json({"Url": "http://x", "HttpHeaders": headers})


@pytest.fixture(scope="module")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningStack, RunningStack]]:
    folder = tmp_path_factory.mktemp("stacks")
    users = {"NACRE_AUTHENTICATION_ENABLED": "true", "NACRE_REGISTERED_USERS": '{"somebody": "secret"}'}
    with (
        running_stack(folder / "one", NACRE_LOG_EXPORTED_RESOURCES="true") as one,
        running_stack(folder / "other", **users) as other,
    ):
        yield one, other


def asked(stack: RunningStack, method: str, path: str, body: bytes | None = None, **headers: str) -> Any:
    request = urllib.request.Request(f"{stack.url}{path}", body, headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as response:
        answer = response.read()
    return json.loads(answer) if answer else None


def test_from_nacre_to_nacre(stacks: tuple[RunningStack, RunningStack]) -> None:
    """Through the queue and the workers of the container, as it is in operation."""
    one, other = stacks
    authorization = {"Authorization": "Basic c29tZWJvZHk6c2VjcmV0"}
    for name in FILES:
        asked(one, "POST", "/instances", Path(str(get_testdata_file(name))).read_bytes())
    asked(one, "PUT", "/peers/other", json.dumps([other.url, "somebody", "secret"]).encode())
    assert asked(one, "GET", "/peers/other/system")["Name"] == "Nacre"
    instances = sorted(asked(one, "GET", "/instances"))
    body = json.dumps({"Resources": instances, "Compress": True, "Synchronous": False}).encode()
    path = asked(one, "POST", "/peers/other/store", body)["Path"]
    deadline = time.monotonic() + 60
    while asked(one, "GET", path)["State"] not in ("Success", "Failure") and time.monotonic() < deadline:
        time.sleep(0.2)
    assert asked(one, "GET", path)["State"] == "Success"
    assert sorted(asked(other, "GET", "/instances", **authorization)) == instances
    data = Path(str(get_testdata_file("rtplan.dcm"))).read_bytes()
    straight = asked(one, "POST", "/peers/other/store-straight", data)
    assert straight["Status"] == "Success"
    assert len(asked(other, "GET", "/instances", **authorization)) == len(instances) + 1


def test_a_dead_peer_is_told_at_once(node: Node) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    configure(node, [url])
    answer = client_of(node).post("/peers/peer/store-straight", b"x")
    expected = f"libCURL error: Could not connect to server while accessing {url}/instances"
    assert (answer.status, answer.json()["Details"]) == (500, expected)
