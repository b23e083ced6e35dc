"""The remote peers: those of the option `OrthancPeers`, and those that users set by the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.domain.clock import Clock
from chalicelib.domain.errors import InexistentItem, UnknownResource
from chalicelib.domain.peers import Peer
from chalicelib.services.peer_json import from_json, to_json
from chalicelib.services.registered import Registered
from chalicelib.storage.dynamodb.registry import Registry


class Peers(Registered[Peer]):
    """Knows the peers. What the API changes, every process sees."""

    def __init__(self, registry: Registry, options: Mapping[str, Any], clock: Clock) -> None:
        """`options` is the value of `OrthancPeers`; one that is wrong raises as `from_json` does."""
        super().__init__(registry, options, clock, from_json, to_json)

    def get(self, name: str) -> Peer:
        """A peer by its symbolic name.

        Raises
        ------
        UnknownResource
            There is none of this name.
        """
        found = self.all().get(name)
        if found is None:
            raise UnknownResource(f"No peer with symbolic name: {name[:64]}")
        return found

    def remove(self, name: str) -> None:
        """Forget a peer; raises `InexistentItem` if there is none of this name."""
        if name not in self.all():
            raise InexistentItem(f"Unknown Orthanc peer: {name[:64]}")
        self.forget(name)
