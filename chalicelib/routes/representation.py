"""The forms of an answer that its request asks for: XML instead of JSON, compressed."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Mapping
from typing import Any
from xml.sax.saxutils import escape

import msgspec
from chalice.app import Request, Response

from chalicelib.routes.http import JSON, BinaryResponse
from chalicelib.routes.negotiation import negotiate

Middleware = Callable[[Request, Callable[[Any], Response]], Response]
XML = "application/xml; charset=utf-8"
LEAST_BYTES = 1024
"""Shorter answers gain nothing from compression."""

GZIP_LEVEL = 1
_CODINGS = re.compile(r"(?:^|,)\s*([a-z0-9-]+)\s*(?:;\s*q=([01](?:\.[0-9]{0,3})?)\s*)?(?=,|$)")
"""A content coding and its weight (RFC 9110, section 12.5.3)."""


def represented(*, compresses: bool) -> Middleware:
    """Make the middleware that gives answers another form.

    Parameters
    ----------
    compresses
        Whether clients that take gzip or deflate get long texts compressed (`HttpCompressionEnabled`).
    """

    def middleware(request: Request, get_response: Callable[[Any], Response]) -> Response:
        response = get_response(request)
        headers: Mapping[str, str] = request.headers or {}
        if response.headers.get("Content-Type") == JSON and _wants_xml(str(headers.get("accept", ""))):
            body = as_xml(msgspec.json.decode(response.body)).encode()
            response = BinaryResponse(body, {**response.headers, "Content-Type": XML}, response.status_code)
        if compresses:
            response = _compressed(response, str(headers.get("accept-encoding", "")).lower())
        return response

    return middleware


def as_xml(value: Any) -> str:
    """JSON as Orthanc's XML: a field is an element of its name, what is in a list an ``item``."""
    return f'<?xml version="1.0" encoding="utf-8"?>\n{"".join(_element("root", value, ""))}'


def _element(name: str, value: Any, indent: str) -> list[str]:
    if isinstance(value, dict | list):
        fields = value.items() if isinstance(value, dict) else (("item", one) for one in value)
        below = [line for field, one in fields for line in _element(field, one, f"{indent}  ")]
        return [f"{indent}<{name}>\n", *below, f"{indent}</{name}>\n"] if below else [f"{indent}<{name} />\n"]
    return [f"{indent}<{name}>{escape(_text(value))}</{name}>\n"]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _wants_xml(accept: str) -> bool:
    """Browsers name XML as well, and take anything: they get JSON, as from Orthanc."""
    if "application/xml" not in accept or "*/*" in accept:
        return False
    return negotiate(accept, ["application/json", "application/xml"]) == "application/xml"


def _compressed(response: Response, accepted: str) -> Response:
    kind = str(response.headers.get("Content-Type", ""))
    body = response.body
    is_text = kind.startswith(("text/", "application/json", "application/xml"))
    if not is_text or not isinstance(body, bytes) or len(body) < LEAST_BYTES:
        return response
    names = {match[1] for match in _CODINGS.finditer(accepted) if float(match[2] or 1)}
    if "gzip" in names:
        coding, data = "gzip", gzip.compress(body, GZIP_LEVEL, mtime=0)
    elif "deflate" in names:
        coding, data = "deflate", zlib.compress(body, GZIP_LEVEL)
    else:
        return response
    return BinaryResponse(data, {**response.headers, "Content-Encoding": coding}, response.status_code)
