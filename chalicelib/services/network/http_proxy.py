"""The proxy by which peers are asked: Orthanc's option `HttpProxy`."""

from __future__ import annotations

import ipaddress
import socket
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

DEFAULT_PORT = 1080
"""As libcurl's."""


@dataclass(frozen=True, slots=True)
class HttpProxy:
    """Where it is, without credentials, and the headers that it wants."""

    url: str
    headers: Mapping[str, str] = field(repr=False)


def proxy_of(option: str) -> HttpProxy | None:
    """What the option names, such as ``http://user:password@192.168.0.1:3128``; None if it is empty.

    As libcurl reads it: without a scheme it is one of HTTP, characters of user and password may be percent-encoded.
    """
    if not option:
        return None
    credentials, _, host = option.removeprefix("http://").rstrip("/").rpartition("@")
    if not host.rpartition(":")[2].isdigit():
        host = f"{host}:{DEFAULT_PORT}"
    headers = {}
    if credentials:
        encoded = b64encode(unquote(credentials).encode()).decode()
        headers["Proxy-Authorization"] = f"Basic {encoded}"
    return HttpProxy(f"http://{host}", headers)


def literal_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host is, in any notation that resolvers take for one; None for a name."""
    host = host.strip("[]").partition("%")[0]
    try:
        return ipaddress.ip_address(socket.inet_aton(host))
    except (OSError, ValueError):
        pass
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
