"""Remote peers from and to Orthanc's JSON: an array, or an object with Orthanc's names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from chalicelib.domain.errors import BadFileFormat
from chalicelib.domain.peers import Peer

_SCHEME = re.compile(r"([^/]*?)://")
_CREDENTIALS = re.compile(r"((?:https?://)?)([^/?#]*)@(.*)", re.DOTALL)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.1
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")  # RFC 9110, section 5.5
_OWN = frozenset(
    ("URL", "Url", "Username", "Password", "HttpHeaders", "Timeout", "Pkcs11",
     "CertificateFile", "CertificateKeyFile", "CertificateKeyPassword")
)  # fmt: skip
_LONGEST_TIMEOUT = 2**31


def from_json(value: Any) -> Peer:
    """A peer from ``[Url]``, ``[Url, Username, Password]`` or an object with Orthanc's names.

    Credentials in the URL become the user and the password, so that nobody is shown them.

    Raises
    ------
    BadFileFormat
        It has another form, a field of the wrong type, or a URL that is none of HTTP.
    """
    if isinstance(value, list) and len(value) in (1, 3):
        texts = (str(one) if type(one) is int else one for one in value)
        value = dict(zip(("Url", "Username", "Password"), texts, strict=False))
    if not isinstance(value, dict):
        raise BadFileFormat
    url, username, password = _reached(value)
    certificate = _text(value, "CertificateFile")
    return Peer(
        url=url,
        username=username,
        password=password,
        headers=_headers(value.get("HttpHeaders", {})),
        timeout_seconds=_timeout(value.get("Timeout", 0)),
        certificate_file=certificate,
        certificate_key_file=_text(value, "CertificateKeyFile") if certificate else "",
        certificate_key_password=_text(value, "CertificateKeyPassword") if certificate else "",
        pkcs11=_flag(value.get("Pkcs11", False)),
        properties={name: _property(name, value[name]) for name in sorted(value.keys() - _OWN)},
    )


def to_json(peer: Peer) -> dict[str, Any]:
    """A peer as it is kept; `from_json` reads it."""
    return {
        **peer.properties,
        "CertificateFile": peer.certificate_file,
        "CertificateKeyFile": peer.certificate_key_file,
        "CertificateKeyPassword": peer.certificate_key_password,
        "HttpHeaders": dict(peer.headers),
        "Password": peer.password,
        "Pkcs11": peer.pkcs11,
        "Timeout": peer.timeout_seconds,
        "Url": peer.url,
        "Username": peer.username,
    }


def public_json(peer: Peer) -> dict[str, Any]:
    """What ``/peers/{id}/configuration`` answers: nothing that opens the peer to others."""
    answer: dict[str, Any] = {
        **peer.properties,
        "HttpHeaders": sorted(peer.headers),
        "Pkcs11": peer.pkcs11,
        "Timeout": peer.timeout_seconds,
        "Url": peer.url,
    }
    if peer.username:
        answer |= {"Username": peer.username, "Password": None}
    if peer.certificate_file:
        answer |= {
            "CertificateFile": peer.certificate_file,
            "CertificateKeyFile": None,
            "CertificateKeyPassword": None,
        }
    return answer


def job_json(peer: Peer) -> list[str] | dict[str, Any]:
    """What jobs show of a peer: an array where that says all, else an object; no password, and no header's value."""
    more: dict[str, Any] = {**peer.properties, "HttpHeaders": dict.fromkeys(peer.headers, "")}
    if not any((peer.properties, peer.headers, peer.timeout_seconds, peer.certificate_file, peer.pkcs11)):
        return [peer.url, peer.username, ""] if peer.username else [peer.url]
    more |= {"Pkcs11": peer.pkcs11, "Timeout": peer.timeout_seconds, "Url": peer.url}
    if peer.username:
        more["Username"] = peer.username
    if peer.certificate_file:
        more["CertificateFile"] = peer.certificate_file
    return more


def _reached(value: Mapping[str, Any]) -> tuple[str, str, str]:
    """The URL, the user and the password."""
    url = _text(value, "Url" if "Url" in value else "URL")
    username, password = _text(value, "Username"), _text(value, "Password")
    if not url:
        raise BadFileFormat("Empty URL")
    scheme = _SCHEME.match(url)
    if scheme and scheme[1] not in ("http", "https"):
        raise BadFileFormat("Bad URL" if "@" in url else f"Bad URL: {url[:64]}")
    inside = _CREDENTIALS.fullmatch(url)
    if inside:
        url = inside[1] + inside[3]
        if not username:
            username, password = (unquote(part) for part in inside[2].partition(":")[::2])
    if password and not username:
        raise BadFileFormat
    return url if url.endswith("/") else f"{url}/", username, password


def _text(value: Mapping[str, Any], name: str) -> str:
    text = value.get(name, "")
    if not isinstance(text, str):
        raise BadFileFormat
    return text


def _headers(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise BadFileFormat
    for name, text in value.items():
        if not (isinstance(text, str) and _HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(text)):
            raise BadFileFormat
    return value


def _timeout(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadFileFormat("Integer value expected in field: Timeout")
    if value < 0:
        raise BadFileFormat("Unsigned integer value expected in field: Timeout")
    if value >= _LONGEST_TIMEOUT:
        raise BadFileFormat
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadFileFormat
    return value


def _property(name: str, value: Any) -> str:
    if isinstance(value, int):
        return str(int(value))  # Orthanc keeps true as "1"
    if not isinstance(value, str):
        raise BadFileFormat(
            f"User-defined properties associated with a Web service must be strings: {name[:64]}"
        )
    return value
