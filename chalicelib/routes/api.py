"""The blueprint that all routes are made with: any content type in, HEAD with GET, one shape of error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalice.app import Blueprint, Response

from chalicelib.routes.errors import guarded
from chalicelib.routes.http import Query

View = Callable[..., Response]


class Api(Blueprint):
    """Routes of one kind of resource."""

    def get(self, path: str, *, bare_404: bool = False) -> Callable[[View], View]:
        """Register a reading route, for GET and HEAD; `bare_404` as `error_response` has it."""
        return self._on(path, "GET", "HEAD", bare_404=bare_404)

    def post(self, path: str, *, bare_404: bool = False) -> Callable[[View], View]:
        """Register a route for POST."""
        return self._on(path, "POST", bare_404=bare_404)

    def put(self, path: str, *, bare_404: bool = False) -> Callable[[View], View]:
        """Register a route for PUT."""
        return self._on(path, "PUT", bare_404=bare_404)

    def delete(self, path: str, *, bare_404: bool = False) -> Callable[[View], View]:
        """Register a route for DELETE."""
        return self._on(path, "DELETE", bare_404=bare_404)

    @property
    def query(self) -> Query:
        """The query string of the running request."""
        return Query(self.current_request.query_params)

    @property
    def body(self) -> bytes:
        """The body of the running request."""
        body = self.current_request.raw_body
        return body if isinstance(body, bytes) else body.encode()

    def header(self, name: str) -> str:
        """A header of the running request, or an empty text."""
        return str(self.current_request.headers.get(name, ""))

    def _on(self, path: str, *methods: str, bare_404: bool = False) -> Callable[[View], View]:
        def register(view: View) -> View:
            wrapped = guarded(self, path, bare_404=bare_404)(view)
            route: Any = self.route(path, methods=list(methods), content_types=["*/*"])
            route(wrapped)
            return view

        return register
