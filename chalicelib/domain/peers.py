"""Remote peers: stores that speak Orthanc's REST API (Orthanc Book, "Peers")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Peer:
    """How a peer is reached. What proves who asks is not in its `repr`.

    `url` ends with a slash and holds no credentials; without a scheme it is one of HTTP. `timeout_seconds` of 0 stands
    for the store's own timeout. The three fields about certificates are those of a client certificate: paths of files
    in PEM, and the password of the key. `properties` are what users keep besides.
    """

    url: str
    username: str = ""
    password: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_seconds: int = 0
    certificate_file: str = ""
    certificate_key_file: str = ""
    certificate_key_password: str = field(default="", repr=False)
    pkcs11: bool = False
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The URL with its scheme."""
        return self.url if "://" in self.url else f"http://{self.url}"
