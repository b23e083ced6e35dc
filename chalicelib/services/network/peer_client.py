"""The HTTP client by which peers are asked.

It is urllib3, which botocore brings along: it follows no redirect that it is not told to follow, takes no proxy and no
password from its surroundings, and sends files as they lie on the disk.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
from base64 import b64encode
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import BinaryIO
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError, ProxyError
from urllib3.exceptions import SSLError as TlsError
from urllib3.exceptions import TimeoutError as HttpTimeoutError

from chalicelib.domain.clock import Clock
from chalicelib.domain.errors import NetworkProtocol
from chalicelib.domain.peers import Peer
from chalicelib.services.network.http_proxy import HttpProxy, literal_address, proxy_of

MAXIMUM_ANSWER_BYTES = 4 * 1024**2
_PIECE_BYTES = 64 * 1024
_COULD_NOT_RESOLVE = "Could not resolve hostname"
_AWS_LOCAL = ipaddress.ip_network("fd00:ec2::/32")
"""Where AWS serves by IPv6 what it serves at link-local addresses by IPv4."""


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """Orthanc's options of its HTTP client: `HttpTimeout`, `HttpsVerifyPeers`, `HttpsCACertificates`, `HttpProxy`."""

    timeout_seconds: int = 60
    verifies: bool = True
    ca_certificates: str = ""
    proxy: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a peer answered."""

    status: int
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether the peer did what it was asked."""
        return 200 <= self.status < 300


class PeerClient:
    """Asks one peer, over connections that are kept. All raise `NetworkProtocol` where no answer can be had."""

    def __init__(self, peer: Peer, options: HttpOptions, clock: Clock, timeout_seconds: int = 0) -> None:
        """`timeout_seconds` overrides that of the peer; raises `NetworkProtocol` if certificates cannot be used."""
        self._peer = peer
        self._clock = clock
        seconds = timeout_seconds or peer.timeout_seconds or options.timeout_seconds
        self._seconds = float(seconds) if seconds else None
        self._headers = urllib3.HTTPHeaderDict(peer.headers)
        if peer.username:
            credentials = b64encode(f"{peer.username}:{peer.password}".encode()).decode()
            self._headers["Authorization"] = f"Basic {credentials}"
        tls = self._tls(options) if peer.address.startswith("https:") else None
        self._pools = _pools(proxy_of(options.proxy), peer, tls)
        self._pools.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}

    def get(self, path: str) -> Answer:
        """GET a path below the peer's URL."""
        return self._ask("GET", path, None, {})

    def post(self, path: str, body: BinaryIO, size: int, *, is_gzip: bool = False) -> Answer:
        """POST a DICOM file of a size."""
        headers = {"Content-Type": "application/dicom", "Content-Length": str(size)}
        if is_gzip:
            headers["Content-Encoding"] = "gzip"
        return self._ask("POST", path, body, headers)

    def close(self) -> None:
        """Close the connections."""
        self._pools.clear()

    def _ask(self, method: str, path: str, body: BinaryIO | None, headers: dict[str, str]) -> Answer:
        whole = self._headers.copy()
        for name, value in headers.items():
            whole[name] = value
        try:
            response = self._pools.request(
                method,
                self._peer.address + path,
                body=body,
                headers=whole,
                timeout=urllib3.Timeout(connect=self._seconds, read=self._seconds),
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            with closing(response):
                return Answer(response.status, self._read(response))
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            # Not `from error`: its text may hold the URL with what the user put in it.
            raise NetworkProtocol(self._failed(_cause(error), path)) from None

    def _read(self, response: urllib3.BaseHTTPResponse) -> bytes:
        deadline = self._clock() + (self._seconds or float("inf"))
        pieces, size = [], 0
        # `read1`, which gives what there is: a peer that sends a byte a minute is no better than a silent one.
        while piece := response.read1(_PIECE_BYTES, decode_content=False):
            pieces.append(piece)
            size += len(piece)
            if size > MAXIMUM_ANSWER_BYTES:
                raise HTTPException
            if self._clock() > deadline:
                raise TimeoutError
        response.release_conn()
        return b"".join(pieces)

    def _tls(self, options: HttpOptions) -> ssl.SSLContext:
        peer = self._peer
        if peer.pkcs11:
            raise NetworkProtocol("Client certificates of PKCS#11 are not supported")
        try:
            context = ssl.create_default_context(cafile=options.ca_certificates or None)
            if not options.verifies:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            if peer.certificate_file:
                context.load_cert_chain(
                    peer.certificate_file, peer.certificate_key_file or None, _password(peer)
                )
        except (OSError, ValueError):
            raise NetworkProtocol(self._failed("Problem with the local SSL certificate", "")) from None
        return context

    def _failed(self, what: str, path: str) -> str:
        """Orthanc's words, which clients know."""
        url = re.split("[?#]", self._peer.url + path)[0]
        return f"libCURL error: {what} while accessing {url}"


def _password(peer: Peer) -> Callable[[], str]:
    # A function, since OpenSSL asks the terminal if there is none.
    return lambda: peer.certificate_key_password


def _pools(proxy: HttpProxy | None, peer: Peer, tls: ssl.SSLContext | None) -> urllib3.PoolManager:
    if proxy is None:
        return urllib3.PoolManager(num_pools=1, ssl_context=tls, retries=False)
    # Where a name leads is for the proxy to find out, and to judge.
    address = literal_address(urlsplit(peer.address).hostname or "")
    if address is not None:
        _refuse_link_local(address)
    return urllib3.ProxyManager(
        proxy.url, num_pools=1, proxy_headers=proxy.headers, ssl_context=tls, retries=False
    )


def _cause(error: BaseException) -> str:
    """What libcurl calls an error."""
    if isinstance(error, ProxyError):
        reason = _cause(error.original_error)
        return reason if reason != _COULD_NOT_RESOLVE else "Could not resolve proxy name"
    if isinstance(error, NameResolutionError):
        return _COULD_NOT_RESOLVE
    if isinstance(error, NewConnectionError):
        return "Could not connect to server"
    if isinstance(error, HttpTimeoutError | TimeoutError):
        return "Timeout was reached"
    if isinstance(error, TlsError | ssl.SSLError):
        causes = (error, *error.args)
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
            return "SSL peer certificate or SSH remote key was not OK"
        return "SSL connect error"
    if isinstance(error, ValueError):
        return _COULD_NOT_RESOLVE
    return "Failure when receiving data from the peer"


def _refuse_metadata(connection: HTTPConnection) -> None:
    """Refuse the link-local addresses, at which AWS gives credentials of the machine to who asks from it."""
    try:
        _refuse_link_local(ipaddress.ip_address(_address_of(connection)))
    except NetworkProtocol:
        connection.close()
        raise


def _refuse_link_local(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    mapped = getattr(address, "ipv4_mapped", None) or address
    if mapped.is_link_local or mapped in _AWS_LOCAL:
        raise NetworkProtocol("Peers at link-local addresses are not asked")


def _address_of(connection: HTTPConnection) -> str:
    """The address that it has reached, whatever names stand for it."""
    return str(connection.sock.getpeername()[0]).partition("%")[0]


class _HttpConnection(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        _refuse_metadata(self)


class _HttpsConnection(HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        _refuse_metadata(self)


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection
