"""Who may do what: by the AE titles of the association, the peer's address and the modalities that are known."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from chalicelib.domain.modalities import Modality, Operation

Resolve = Callable[[str], frozenset[str]]


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
        modalities: Callable[[], Iterable[Modality]],
        resolve: Resolve = addresses_of,
    ) -> None:
        self._policy = policy
        self._modalities = modalities
        self._resolve = resolve

    def is_called(self, peer: Peer) -> bool:
        """Whether the peer called this node by its name; any name will do unless `DicomCheckCalledAet`."""
        return not self._policy.check_called_aet or self._same(peer.called_aet, self._policy.aet)

    def is_allowed(self, peer: Peer, operation: Operation) -> bool:
        """Whether a peer may ask for an operation."""
        if operation in self._policy.always_allowed:
            return True
        return any(modality.may(operation) for modality in self.known(peer))

    def known(self, peer: Peer) -> list[Modality]:
        """The modalities that the peer can be."""
        same_name = [m for m in self._modalities() if self._same(m.aet, peer.calling_aet)]
        if not self._policy.check_modality_host:
            return same_name
        return [m for m in same_name if peer.address in self._resolve(m.host)]

    def _same(self, one: str, other: str) -> bool:
        if self._policy.strict_aet_comparison:
            return one == other
        return one.upper() == other.upper()
