"""The HTTP server in front of the application, one of several processes that share the port: waitress over the gateway.

A Python process uses one core; most of an upload's time is the AWS client's work in this one.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from http import HTTPStatus
from types import FrameType
from typing import Any

import msgspec
from waitress import utilities
from waitress.channel import HTTPChannel
from waitress.server import create_server
from waitress.task import ErrorTask

from chalicelib.application import Application, make_app
from chalicelib.bootstrap import build
from chalicelib.domain.errors import BadRequest, InternalError, NacreError, PayloadTooLarge
from chalicelib.observability import open_telemetry, secret_reader
from chalicelib.services.authentication import Authenticator
from chalicelib.services.upload import HINT
from chalicelib.settings import Settings
from chalicelib.storage.clients import make_clients
from infra.local.children import live_with_parent, say_ready
from infra.local.gateway import Gateway, HttpAnswer, HttpRequest, refusal

THREADS = 16
CONNECTIONS = 512
MAX_SPOOLED_IN_MEMORY_BYTES = 8 * 1024 * 1024
RECEIVED_AT_ONCE_BYTES = 64 * 1024

_SERVER_ERRORS: dict[type[utilities.Error], NacreError] = {
    utilities.RequestEntityTooLarge: PayloadTooLarge(HINT),
    utilities.InternalServerError: InternalError(),
}

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]


class Front:
    """A WSGI application over a gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

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
        path, query = _split(environ["REQUEST_URI"])
        request = HttpRequest(
            method=environ["REQUEST_METHOD"],
            path=path,
            query=query,
            headers=_headers(environ),
            body=environ["wsgi.input"].read(),
            remote_ip=environ.get("REMOTE_ADDR", ""),
        )
        return self._gateway.handle(request)


class _ErrorTask(ErrorTask):  # type: ignore[misc]  # waitress has no types
    """What the server refuses before the application sees it, in Orthanc's shape."""

    def execute(self) -> None:
        """Answer, and close the connection: where the next request would begin is not known."""
        error = _SERVER_ERRORS.get(type(self.request.error), BadRequest())
        method, target = (getattr(self.request, name, "") for name in ("command", "request_uri"))
        answer = refusal(error, HttpRequest(method, _split(target)[0]))
        self.status = f"{answer.status} {_reason(answer.status)}"
        self.response_headers.extend(answer.headers.items())
        self.set_close_on_finish()
        self.content_length = len(answer.body)
        self.write(answer.body)


class _Channel(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    error_task_class = _ErrorTask


def _split(target: str) -> tuple[str, str]:
    """Path and query of a request's target, which a client of a proxy begins with scheme and host."""
    path, _, query = target.partition("?")
    if not path.startswith("/"):
        path = "/" + path.partition("://")[2].partition("/")[2]
    return path, query


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


def main() -> None:
    """Serve on a socket that the parent listens on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--socket", type=int, required=True, help="file descriptor of the listening socket")
    parser.add_argument("--endpoint", required=True, help="URL of the emulator")
    arguments = parser.parse_args()
    settings = msgspec.structs.replace(Settings.load(os.environ), aws_endpoint_url=arguments.endpoint)
    server = create_server(
        Front(Gateway(_application(settings))),
        sockets=[socket.socket(fileno=arguments.socket)],
        threads=THREADS,
        connection_limit=CONNECTIONS,
        ident="Nacre",
        # The application's own refusal says more: it gets what is a little too large.
        max_request_body_size=settings.maximum_upload_bytes + MAX_SPOOLED_IN_MEMORY_BYTES,
        inbuf_overflow=MAX_SPOOLED_IN_MEMORY_BYTES,
        recv_bytes=RECEIVED_AT_ONCE_BYTES,
        clear_untrusted_proxy_headers=True,
    )
    server.channel_class = _Channel
    signal.signal(signal.SIGUSR1, _leave)
    live_with_parent(lambda: os.kill(os.getpid(), signal.SIGUSR1))
    say_ready()
    server.run()  # waitress finishes running requests on SystemExit, and returns


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _application(settings: Settings) -> Application:
    telemetry = open_telemetry(settings.log_level, stream=sys.stderr)
    services = build(settings, make_clients(settings.aws_endpoint_url))
    read_secret = secret_reader()
    authenticator = Authenticator(lambda: settings.users(read_secret), settings.read_only_users)
    return make_app(services, telemetry, authenticator if settings.authentication_enabled else None)


if __name__ == "__main__":
    main()
