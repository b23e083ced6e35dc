"""The HTTP server in front of the application: waitress, whose threads call the gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from waitress.server import create_server

from chalicelib.domain.errors import PayloadTooLarge
from infra.local.gateway import Gateway, HttpAnswer, HttpRequest, refusal

THREADS = 16
CONNECTIONS = 512
MAX_SPOOLED_IN_MEMORY_BYTES = 8 * 1024 * 1024

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]


def make_server(gateway: Gateway, host: str, port: int, max_body_bytes: int) -> Any:
    """A server that listens; ``run()`` serves until ``close()``.

    Raises
    ------
    OSError
        The port cannot be had.
    """
    return create_server(
        Front(gateway, max_body_bytes),
        host=host,
        port=port,
        threads=THREADS,
        connection_limit=CONNECTIONS,
        ident="Nacre",
        max_request_body_size=max_body_bytes + MAX_SPOOLED_IN_MEMORY_BYTES,
        inbuf_overflow=MAX_SPOOLED_IN_MEMORY_BYTES,
        clear_untrusted_proxy_headers=True,
    )


class Front:
    """A WSGI application over a gateway."""

    def __init__(self, gateway: Gateway, max_body_bytes: int) -> None:
        self._gateway = gateway
        self._max_body_bytes = max_body_bytes

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        answer = self._handle(environ)
        headers = [
            (name, value) for name, value in answer.headers.items() if name.lower() != "content-length"
        ]
        headers.append(("Content-Length", str(len(answer.body))))
        start_response(f"{answer.status} {_reason(answer.status)}", headers)
        return [b""] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]

    def _handle(self, environ: Environ) -> HttpAnswer:
        target = urlsplit(environ["REQUEST_URI"])
        is_too_large = int(environ.get("CONTENT_LENGTH") or 0) > self._max_body_bytes
        request = HttpRequest(
            method=environ["REQUEST_METHOD"],
            path=target.path,
            query=target.query,
            headers=_headers(environ),
            body=b"" if is_too_large else environ["wsgi.input"].read(),
            remote_ip=environ.get("REMOTE_ADDR", ""),
        )
        return refusal(PayloadTooLarge(), request) if is_too_large else self._gateway.handle(request)


def _headers(environ: Environ) -> dict[str, str]:
    headers = {
        name[5:].replace("_", "-").lower(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    if environ.get("CONTENT_TYPE"):
        headers["content-type"] = environ["CONTENT_TYPE"]
    if environ.get("CONTENT_LENGTH"):
        headers["content-length"] = environ["CONTENT_LENGTH"]
    return headers


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
