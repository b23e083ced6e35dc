"""Who may do what: by the AE titles of the association, the peer's address and the modalities that are known."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chalicelib.domain.modalities import Modality, Operation

Resolve = Callable[[str], frozenset[str]]
Find = Callable[[Callable[[Modality], bool]], Mapping[str, Modality]]
"""Gives the modalities that fit, by their symbolic names."""


@dataclass(frozen=True, slots=True)
class Peer:
    """The other side of an association; AE titles without their padding."""

    calling_aet: str
    called_aet: str
    address: str


@dataclass(frozen=True, slots=True)
class Policy:
    """The options that rule access (Orthanc Book, "Security of the DICOM protocol")."""

    aet: str
    always_allowed: frozenset[Operation]
    check_called_aet: bool = False
    check_modality_host: bool = False
    strict_aet_comparison: bool = False


def addresses_of(host: str) -> frozenset[str]:
    """The IP addresses of a host, none if its name is not known."""
    try:
        return frozenset(str(info[4][0]) for info in socket.getaddrinfo(host, None))
    except OSError:
        return frozenset()


class Access:
    """Judges associations and requests."""

    def __init__(
        self,
        policy: Policy,
        find: Find,
        resolve: Resolve = addresses_of,
    ) -> None:
        self._policy = policy
        self._find = find
        self._resolve = resolve

    def is_called(self, peer: Peer) -> bool:
        """Whether the peer called this node by its name; any name will do unless `DicomCheckCalledAet`."""
        return not self._policy.check_called_aet or self._same(peer.called_aet, self._policy.aet)

    def is_allowed(self, peer: Peer, operation: Operation) -> bool:
        """Whether a peer may ask for an operation."""
        return operation in self._policy.always_allowed or bool(self.allowed(peer, operation))

    def allowed(self, peer: Peer, operation: Operation) -> Mapping[str, Modality]:
        """The modalities that the peer can be, by symbolic name, of those that may ask for an operation."""
        return self._find(lambda modality: modality.may(operation) and self._is(modality, peer))

    def known(self, peer: Peer) -> Mapping[str, Modality]:
        """The modalities that the peer can be, by symbolic name."""
        return self._find(lambda modality: self._is(modality, peer))

    def _is(self, modality: Modality, peer: Peer) -> bool:
        if not self._same(modality.aet, peer.calling_aet):
            return False
        return not self._policy.check_modality_host or peer.address in self._resolve(modality.host)

    def _same(self, one: str, other: str) -> bool:
        if self._policy.strict_aet_comparison:
            return one == other
        return one.upper() == other.upper()
