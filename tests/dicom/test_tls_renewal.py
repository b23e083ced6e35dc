"""Certificates that are renewed while the node runs."""

from __future__ import annotations

import io
import logging
import os
import shutil
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pynetdicom import AE

from chalicelib.domain.errors import NetworkProtocol
from chalicelib.observability import Telemetry
from dicom_listener.renewal import Renewed, unreported
from tests.dicom.certificates import Certificate
from tests.dicom.peers import receiver
from tests.dicom.test_store_scu import configure
from tests.dicom.test_tls import Authorities, echo, known
from tests.listener.node import Node, running_node

__all__ = ["known"]  # the fixture


@dataclass
class Installed:
    """The files that the options of a node name."""

    own: Certificate
    trusted: Certificate

    def use(self, certificate: str = "", key: str = "", trusted: str = "") -> None:
        """Put others in their place, each at once, as tools that renew certificates do."""
        for source, target in (
            (certificate, self.own.certificate),
            (key, self.own.key),
            (trusted, self.trusted.certificate),
        ):
            if source:
                shutil.copyfile(source, f"{target}.new")
                os.replace(f"{target}.new", target)


@pytest.fixture
def installed(tmp_path: Path, known: Authorities) -> Installed:
    made = Installed(
        Certificate(str(tmp_path / "own.crt"), str(tmp_path / "own.key")),
        Certificate(str(tmp_path / "trusted.crt"), ""),
    )
    made.use(known.node.certificate, known.node.key, known.trusted.certificate)
    return made


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def node(tmp_path: Path, installed: Installed, log: io.StringIO) -> Iterator[Node]:
    logger = logging.Logger("renewal")
    logger.addHandler(logging.StreamHandler(log))
    with running_node(
        tmp_path / "node",
        Telemetry(logger, None),
        dicom_tls_enabled=True,
        **installed.own.settings(installed.trusted),
    ) as running:
        yield running


def sees(node: Node, known: Authorities, authority: Certificate) -> bool:
    """Whether a peer that trusts an authority has an echo."""
    return echo(node.port, *known.peer.dcmtk(authority))


def complaints(log: io.StringIO) -> int:
    return log.getvalue().count("TLS files cannot be used")


def test_a_renewed_certificate_is_shown_to_who_comes_then(
    node: Node, known: Authorities, installed: Installed, log: io.StringIO
) -> None:
    assert sees(node, known, known.trusted)
    assert not sees(node, known, known.other)
    installed.use(known.stranger.certificate, known.stranger.key)
    assert sees(node, known, known.other)
    assert not sees(node, known, known.trusted)
    assert complaints(log) == 0


def test_files_that_are_written_in_place_are_seen_too(
    node: Node, known: Authorities, installed: Installed
) -> None:
    for source, target in (
        (known.stranger.certificate, installed.own.certificate),
        (known.stranger.key, installed.own.key),
    ):
        Path(target).write_bytes(Path(source).read_bytes())
    assert sees(node, known, known.other)


def test_whom_to_trust_is_renewed(node: Node, known: Authorities, installed: Installed) -> None:
    stranger = known.stranger.dcmtk(known.trusted)
    assert not echo(node.port, *stranger)
    installed.use(trusted=known.other.certificate)
    assert echo(node.port, *stranger)
    assert not sees(node, known, known.trusted)


def test_the_former_files_stay_while_the_new_ones_do_not_fit(
    node: Node, known: Authorities, installed: Installed, log: io.StringIO
) -> None:
    installed.use(certificate=known.stranger.certificate)
    assert [sees(node, known, known.trusted) for _ in range(3)] == [True] * 3
    assert complaints(log) == 1
    assert "PRIVATE KEY" not in log.getvalue()
    assert str(installed.own.key) not in log.getvalue()
    installed.use(key=known.stranger.key)
    assert sees(node, known, known.other)
    assert complaints(log) == 1


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nMIID"])
def test_broken_files_change_nothing(
    node: Node, known: Authorities, installed: Installed, log: io.StringIO, content: bytes | None
) -> None:
    for path in (installed.own.certificate, installed.trusted.certificate):
        Path(path).unlink()
        if content is not None:
            Path(path).write_bytes(content)
        assert sees(node, known, known.trusted)
    assert complaints(log) == 2
    installed.use(known.node.certificate, known.node.key, known.trusted.certificate)
    assert sees(node, known, known.trusted)
    assert complaints(log) == 2


def test_modalities_see_the_renewed_certificate(
    node: Node, known: Authorities, installed: Installed, log: io.StringIO, tmp_path: Path
) -> None:
    network = node.world.services.network
    with receiver(
        tmp_path / "in", *known.peer.dcmtk(known.other)
    ) as peer:  # trusts the other authority alone
        configure(node, peer.modality(UseDicomTls=True, Timeout=5))
        with pytest.raises(NetworkProtocol):
            network.requests.echo(network.remotes.remote("peer"))
        installed.use(certificate=known.stranger.certificate)
        with pytest.raises(NetworkProtocol):
            network.requests.echo(network.remotes.remote("peer"))
        assert complaints(log) == 1
        installed.use(key=known.stranger.key)
        network.requests.echo(network.remotes.remote("peer"))


def test_an_association_that_is_open_stays(node: Node, known: Authorities, installed: Installed) -> None:
    context = ssl.create_default_context(cafile=known.trusted.certificate)
    context.check_hostname = False
    context.load_cert_chain(known.peer.certificate, known.peer.key)
    ae = AE("PEER")
    ae.add_requested_context("1.2.840.10008.1.1")
    association = ae.associate("127.0.0.1", node.port, tls_args=(context, None))  # type: ignore[arg-type]
    assert association.is_established
    installed.use(known.stranger.certificate, known.stranger.key)
    assert sees(node, known, known.other)
    assert association.send_c_echo().Status == 0
    association.release()


def test_files_are_read_only_when_they_change(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("1")
    read: list[str] = []

    def make() -> ssl.SSLContext:
        read.append(path.read_text())
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    renewed = Renewed(make, [str(path)], unreported)
    assert renewed() is renewed()
    path.write_text("22")
    assert renewed() is renewed()
    assert read == ["1", "22"]
