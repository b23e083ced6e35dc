"""The application under a threaded server: no thread sees another's request, and none keeps its own."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from chalice.app import Response

from chalicelib.application import Application
from infra.local.gateway import Gateway, HttpRequest

THREADS = 8


def test_each_thread_has_its_own_request_until_it_is_answered() -> None:
    app = Application("test")
    app.api.binary_types = ["*/*"]
    together = threading.Barrier(THREADS)

    @app.route("/echo", methods=["POST"], content_types=["*/*"])
    def echo() -> Response:
        together.wait(10)
        request = app.current_request
        assert request is not None
        return Response(request.raw_body, {"Content-Type": "text/plain"})

    gateway = Gateway(app)

    def ask(number: int) -> bool:
        body = str(number).encode()
        return gateway.handle(HttpRequest("POST", "/echo", body=body)).body == body and (
            app.current_request is None
        )

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(ask, range(THREADS)))
