"""DICOM TLS in both directions, with dcmtk and Orthanc."""

from __future__ import annotations

import socket
import ssl
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from chalicelib.configuration_file import SettingsError
from chalicelib.domain.errors import BadSequenceOfCalls, NetworkProtocol
from chalicelib.domain.jobs import JobState
from chalicelib.domain.levels import Level
from chalicelib.settings import Settings
from dicom_listener.pem import as_file
from dicom_listener.renewal import unreported
from dicom_listener.tls import calling_contexts, listening_context
from tests.dicom.certificates import Certificate, authority, signed
from tests.dicom.peers import Orthanc, receiver, run
from tests.dicom.test_store_scu import add, configure, send
from tests.listener.node import Node, running_node

CT_FILE = Path(str(get_testdata_file("CT_small.dcm")))


@dataclass(frozen=True)
class Authorities:
    """One that both sides trust with what it has signed, and another."""

    trusted: Certificate
    node: Certificate
    peer: Certificate
    other: Certificate
    stranger: Certificate


@pytest.fixture(scope="session")
def known(tmp_path_factory: pytest.TempPathFactory) -> Authorities:
    folder = tmp_path_factory.mktemp("certificates")
    trusted, other = authority(folder, "trusted"), authority(folder, "other")
    return Authorities(
        trusted,
        signed(folder, "node", trusted),
        signed(folder, "peer", trusted),
        other,
        signed(folder, "stranger", other),
    )


@pytest.fixture
def node(tmp_path: Path, known: Authorities) -> Iterator[Node]:
    settings = known.node.settings(known.trusted)
    with running_node(tmp_path / "node", dicom_tls_enabled=True, **settings) as running:
        yield running


def echo(port: int, *options: str) -> bool:
    return run("echoscu", "-to", "5", "-ta", "5", *options, "127.0.0.1", str(port)).returncode == 0


def is_stored(node: Node, path: Path) -> bool:
    return bool(node.world.services.browse.lookup(str(dcmread(path).SOPInstanceUID)))


def test_a_peer_with_a_certificate_stores(node: Node, known: Authorities) -> None:
    secured = known.peer.dcmtk(known.trusted)
    answer = run("storescu", *secured, "127.0.0.1", str(node.port), str(CT_FILE))
    assert answer.returncode == 0, answer.stderr
    assert is_stored(node, CT_FILE)


def test_who_is_not_trusted_is_refused(node: Node, known: Authorities) -> None:
    assert echo(node.port, *known.peer.dcmtk(known.trusted))
    assert not echo(node.port, "+tla", "+cf", known.trusted.certificate)  # shows no certificate
    assert not echo(node.port, "+tla", "-ic")
    assert not echo(node.port, *known.stranger.dcmtk(known.trusted))
    assert not echo(node.port, *known.peer.dcmtk(known.other))  # the peer does not trust the node
    assert echo(node.port, *known.peer.dcmtk(known.trusted))


def test_a_peer_without_tls_is_refused(node: Node, known: Authorities) -> None:
    assert not echo(node.port)
    assert echo(node.port, *known.peer.dcmtk(known.trusted))


def test_a_handshake_that_never_ends_holds_nobody_up(node: Node, known: Authorities) -> None:
    with socket.create_connection(("127.0.0.1", node.port)) as silent:
        silent.sendall(b"\x16\x03\x01")
        started = time.monotonic()
        assert echo(node.port, *known.peer.dcmtk(known.trusted))
        assert time.monotonic() - started < 4


def test_certificates_of_peers_are_asked_for_only_if_required(tmp_path: Path, known: Authorities) -> None:
    options: dict[str, Any] = {"dicom_tls_enabled": True, "dicom_tls_remote_certificate_required": False}
    settings = known.node.settings(known.trusted)
    with running_node(tmp_path / "node", **options, **settings) as node:
        assert echo(node.port, "+tla", "+cf", known.trusted.certificate)
        assert echo(node.port, *known.stranger.dcmtk(known.trusted))
        assert not echo(node.port)


def test_an_old_version_is_refused(tmp_path: Path, known: Authorities) -> None:
    settings = known.node.settings(known.trusted)
    with running_node(
        tmp_path / "node", dicom_tls_enabled=True, dicom_tls_minimum_protocol_version=5, **settings
    ) as node:
        hello = ("s_client", "-connect", f"127.0.0.1:{node.port}")
        shown = ("-cert", known.peer.certificate, "-key", known.peer.key)
        assert run("openssl", *hello, *shown, "-tls1_2").returncode != 0
        assert run("openssl", *hello, *shown, "-tls1_3").returncode == 0


def test_instances_go_to_a_modality_by_tls(tmp_path: Path, known: Authorities) -> None:
    plain = running_node(tmp_path / "node", **known.node.settings(known.trusted))
    secured = receiver(tmp_path / "in", *known.peer.dcmtk(known.trusted))
    with plain as node, secured as peer:
        configure(node, peer.modality(UseDicomTls=True))
        configure(node, peer.modality(), "plain")
        resources = [add(node, "CT_small.dcm"), add(node, "MR_small.dcm")]
        assert send(node, resources).state is JobState.SUCCESS
        assert len(peer.received()) == 2
        with pytest.raises(NetworkProtocol):
            node.world.services.network.requests.echo(node.world.services.network.remotes.remote("plain"))


@pytest.mark.parametrize("peer_is_stranger", [True, False])
def test_trust_is_needed_on_both_sides(tmp_path: Path, known: Authorities, peer_is_stranger: bool) -> None:
    settings = (known.node if peer_is_stranger else known.stranger).settings(known.trusted)
    theirs = (known.stranger if peer_is_stranger else known.peer).dcmtk(known.trusted)
    with running_node(tmp_path / "node", **settings) as node, receiver(tmp_path / "in", *theirs) as peer:
        configure(node, peer.modality(UseDicomTls=True, Timeout=5))
        network = node.world.services.network
        with pytest.raises(NetworkProtocol, match="not trusted" if peer_is_stranger else "RECEIVER"):
            network.requests.echo(network.remotes.remote("peer"))


def test_a_modality_without_tls_is_not_spoken_to_in_plain(tmp_path: Path, known: Authorities) -> None:
    settings = known.node.settings(known.trusted)
    with running_node(tmp_path / "node", **settings) as node, receiver(tmp_path / "in") as peer:
        configure(node, peer.modality(UseDicomTls=True, Timeout=5))
        network = node.world.services.network
        with pytest.raises(NetworkProtocol, match="refuses TLS"):
            network.requests.echo(network.remotes.remote("peer"))


def test_without_a_certificate_of_its_own_the_node_says_so(tmp_path: Path) -> None:
    with running_node(tmp_path / "node") as node:
        configure(node, {"AET": "X", "Host": "127.0.0.1", "Port": 1, "UseDicomTls": True})
        network = node.world.services.network
        with pytest.raises(BadSequenceOfCalls, match="DICOM TLS - No path to the private key"):
            network.requests.echo(network.remotes.remote("peer"))


def test_orthanc_and_the_node_store_at_each_other(node: Node, known: Authorities, tmp_path: Path) -> None:
    there = {"AET": "NACRE", "Host": "127.0.0.1", "Port": node.port, "UseDicomTls": True}
    orthanc = Orthanc(
        tmp_path / "orthanc",
        DicomTlsEnabled=True,
        DicomModalities={"nacre": there},
        **known.peer.options(known.trusted),
    )
    with orthanc.running():
        configure(node, orthanc.modality(UseDicomTls=True))
        sent = add(node, "CT_small.dcm")
        assert send(node, [sent]).state is JobState.SUCCESS
        assert orthanc.request("GET", "/instances") == [sent]
        node.world.services.delete.delete(Level.INSTANCE, sent)
        assert not is_stored(node, CT_FILE)
        orthanc.request("POST", "/modalities/nacre/store", sent.encode())
        assert is_stored(node, CT_FILE)


def load(known: Authorities, **options: str) -> Settings:
    whole = {**known.node.settings(known.trusted), "dicom_tls_enabled": "true", **options}
    return Settings.load({f"NACRE_{name.upper()}": value for name, value in whole.items()})


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"dicom_tls_certificate": ""}, "DicomTlsCertificate"),
        ({"dicom_tls_private_key": ""}, "DicomTlsPrivateKey"),
        ({"dicom_tls_private_key": "/missing"}, "DicomTlsPrivateKey"),
        ({"dicom_tls_trusted_certificates": ""}, "DicomTlsTrustedCertificates"),
        ({"dicom_tls_trusted_certificates": "/missing"}, "DicomTlsTrustedCertificates"),
        ({"dicom_tls_ciphers_accepted": '["ECDHE-RSA-AES256-GCM-SHA384"]'}, "DicomTlsCiphersAccepted"),
        (
            {"dicom_tls_minimum_protocol_version": "4", "dicom_tls_ciphers_accepted": '["NONE-SUCH"]'},
            "DicomTlsCiphersAccepted",
        ),
    ],
)
def test_options_that_cannot_work_stop_the_start(
    known: Authorities, options: dict[str, str], named: str
) -> None:
    with pytest.raises(SettingsError, match=named):
        listening_context(load(known, **options), unreported)


def test_a_key_of_another_certificate_stops_the_start(known: Authorities) -> None:
    settings = load(known, dicom_tls_private_key=known.peer.key)
    with pytest.raises(SettingsError, match="DicomTlsPrivateKey"):
        listening_context(settings, unreported)
    with pytest.raises(SettingsError, match="DicomTlsPrivateKey"):
        calling_contexts(settings, unreported)


def test_accepted_ciphers_are_the_only_ones(known: Authorities) -> None:
    cipher = "ECDHE-RSA-AES256-GCM-SHA384"
    version = {"dicom_tls_minimum_protocol_version": "4"}
    settings = load(known, **version, dicom_tls_ciphers_accepted=f'["{cipher}"]')
    context = listening_context(settings, unreported)
    assert context is not None
    names = [one["name"] for one in context().get_ciphers()]
    assert [name for name in names if not name.startswith("TLS_")] == [cipher]


def texts(known: Authorities) -> dict[str, str]:
    """The options as ECS gives them: what is in the files."""
    return {name: Path(path).read_text() for name, path in known.node.settings(known.trusted).items()}


def test_certificates_given_as_texts_secure_both_directions(tmp_path: Path, known: Authorities) -> None:
    folder = tmp_path / "node"
    with (
        running_node(folder, dicom_tls_enabled=True, **texts(known)) as node,
        receiver(tmp_path / "received", *known.peer.dcmtk(known.trusted)) as peer,
    ):
        assert list(folder.iterdir()) == []
        secured = known.peer.dcmtk(known.trusted)
        assert run("storescu", *secured, "127.0.0.1", str(node.port), str(CT_FILE)).returncode == 0
        assert not echo(node.port, *known.stranger.dcmtk(known.other))
        assert is_stored(node, CT_FILE)
        configure(node, peer.modality(UseDicomTls=True))
        assert send(node, [add(node, "MR_small.dcm")]).state is JobState.SUCCESS
        assert len(peer.received()) == 1


def test_texts_and_files_can_stand_side_by_side(tmp_path: Path, known: Authorities) -> None:
    text = texts(known)
    for name in text:
        context = listening_context(load(known, **{name: text[name]}, dicom_folder=str(tmp_path)), unreported)
        assert context is not None
        assert context().verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    "name", ["dicom_tls_certificate", "dicom_tls_private_key", "dicom_tls_trusted_certificates"]
)
@pytest.mark.parametrize("spoil", ["cut", "other letters"])
def test_a_spoiled_text_stops_the_start_and_is_not_told(
    tmp_path: Path, known: Authorities, name: str, spoil: str
) -> None:
    text = texts(known)
    text[name] = text[name][:100] if spoil == "cut" else text[name].replace("M", "ü")
    settings = load(known, **text, dicom_folder=str(tmp_path / "folder"))
    for contexts in (listening_context, calling_contexts):
        with pytest.raises(SettingsError) as raised:
            contexts(settings, unreported)
        assert "BEGIN" not in str(raised.value)
        assert text[name][30:60] not in "".join(traceback.format_exception(raised.value))
    assert list(tmp_path.rglob("*")) in ([], [tmp_path / "folder"])


def test_a_text_is_in_a_private_file_for_as_long_as_it_is_read(tmp_path: Path) -> None:
    with as_file("-----BEGIN PRIVATE KEY-----\nABC\n", str(tmp_path / "new")) as path:
        found = Path(path)
        assert found.read_text() == "-----BEGIN PRIVATE KEY-----\nABC\n"
        assert found.parent == tmp_path / "new"
        assert found.stat().st_mode & 0o777 == 0o600
    assert not found.exists()
    with as_file("/some/path", str(tmp_path)) as path:
        assert path == "/some/path"
