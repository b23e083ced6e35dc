"""The Chalice application: every route over one set of services.

Chalice keeps the running request in attributes of the application, one for all threads; here each thread has its
own, so that a threaded server may call the application. It also refuses a binary answer to a request without an
`Accept` header, a rule that Orthanc does not have.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from chalice.app import Chalice, ChaliceAuthorizer, Request, Response, RestAPIEventHandler

from chalicelib.routes.annotations import annotation_routes
from chalicelib.routes.archives import archive_routes
from chalicelib.routes.attachments import attachment_routes
from chalicelib.routes.authorizer import make_authorizer
from chalicelib.routes.browse import browse_routes
from chalicelib.routes.changes import changes_routes
from chalicelib.routes.commitment import commitment_routes
from chalicelib.routes.content import content_routes
from chalicelib.routes.errors import observed
from chalicelib.routes.exports import export_routes
from chalicelib.routes.find import find_routes
from chalicelib.routes.http import BinaryRequest
from chalicelib.routes.images import image_routes
from chalicelib.routes.inbox import inbox_routes
from chalicelib.routes.instances import instance_routes
from chalicelib.routes.jobs import job_routes
from chalicelib.routes.methods import overridden, refused
from chalicelib.routes.modalities import modality_routes
from chalicelib.routes.modifications import modification_routes
from chalicelib.routes.options import option_routes, tuned
from chalicelib.routes.peers import peer_routes
from chalicelib.routes.queries import query_routes
from chalicelib.routes.reconstruct import reconstruct_routes
from chalicelib.routes.representation import represented
from chalicelib.routes.system import system_routes, tool_list
from chalicelib.routes.tags import tag_routes
from chalicelib.routes.uploads import upload_routes

if TYPE_CHECKING:
    from chalicelib.bootstrap import Services
    from chalicelib.observability import Telemetry
    from chalicelib.services.authentication import Authenticator

ROUTES = (
    system_routes,
    changes_routes,
    upload_routes,
    inbox_routes,
    instance_routes,
    tag_routes,
    content_routes,
    image_routes,
    modality_routes,
    peer_routes,
    commitment_routes,
    export_routes,
    query_routes,
    option_routes,
    find_routes,
    job_routes,
    archive_routes,
    reconstruct_routes,
    modification_routes,
    annotation_routes,
    attachment_routes,
    browse_routes,
)


class Application(Chalice):
    """A Chalice application that many threads may call at once."""

    def __init__(self, name: str, *, allows_foreign_pages: bool = False) -> None:
        self._allows_foreign_pages = allows_foreign_pages
        self._running = threading.local()
        self.authorizer_function: ChaliceAuthorizer | None = None
        super().__init__(name, configure_logs=False)

    @property
    def current_request(self) -> Request | None:
        """The request that this thread is answering."""
        return getattr(self._running, "request", None)

    @current_request.setter
    def current_request(self, request: Request | None) -> None:
        self._running.request = request

    @property
    def lambda_context(self) -> Any:
        """The Lambda context of the request that this thread is answering."""
        return getattr(self._running, "context", None)

    @lambda_context.setter
    def lambda_context(self, context: Any) -> None:
        self._running.context = context

    def __call__(self, event: Any, context: Any) -> dict[str, Any]:
        """Answer an event of API Gateway (REST API, payload version 1.0)."""
        self.lambda_context = context
        event = overridden(event)
        refusal = event if isinstance(event, Response) else self._refusal(event)
        if refusal is not None:
            return dict(refusal.to_dict(["*/*"]))
        middleware = self._get_middleware_handlers("http")
        handler = _Handler(self.routes, self.api, self.log, self.debug, middleware_handlers=middleware)
        self.current_request = handler.create_request_object(event, context)
        try:
            answer: dict[str, Any] = handler(event, context)
        finally:
            self.current_request = None  # its body may be large, and a thread's next request far
        return answer

    def _refusal(self, event: Any) -> Response | None:
        return None if self._allows_foreign_pages else refused(event)


class _Handler(RestAPIEventHandler):
    def create_request_object(self, event: Any, context: Any) -> Request | None:
        self.current_request = BinaryRequest(event, context)
        return self.current_request

    def _validate_binary_response(self, _request_headers: object, _response_headers: object) -> bool:
        return True


def make_app(
    services: Services, telemetry: Telemetry, authenticator: Authenticator | None = None
) -> Application:
    """Put the routes over the services.

    Parameters
    ----------
    services
        What the routes call.
    telemetry
        Where requests are logged and counted.
    authenticator
        Who may call; anybody if not given.
    """
    app = Application("nacre", allows_foreign_pages=services.settings.allow_cross_site_requests)
    app.api.binary_types = ["*/*"]
    app.register_middleware(observed(telemetry), "http")
    app.register_middleware(tuned(services.options, telemetry), "http")
    app.register_middleware(represented(compresses=services.settings.http_compression_enabled), "http")
    for make_routes in ROUTES:
        app.register_blueprint(make_routes(services))
    app.register_blueprint(tool_list(app))
    if authenticator is not None:
        app.authorizer_function = make_authorizer(app, authenticator)
    return app
