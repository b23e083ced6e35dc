"""The store itself: `/system`, `/statistics`, `/tools`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalice.app import Chalice, Response

from chalicelib.domain.clock import orthanc_time
from chalicelib.domain.errors import UnknownResource
from chalicelib.routes import shapes
from chalicelib.routes.api import Api
from chalicelib.routes.http import json_response, text_response

if TYPE_CHECKING:
    from chalicelib.bootstrap import Services

_UID_LEVELS = ("patient", "study", "series", "instance")


def system_routes(services: Services) -> Api:
    """The routes that are not about one resource."""
    api = Api(__name__)

    @api.get("/")
    def root() -> Response:
        return Response(b"", headers={"Location": "system"}, status_code=307)

    @api.get("/system")
    def system() -> Response:
        return json_response(services.system.describe())

    @api.get("/statistics")
    def statistics() -> Response:
        return json_response(shapes.statistics(services.tallies.current()))

    @api.get("/tools/now")
    def now() -> Response:
        return text_response(orthanc_time(services.clock()))

    @api.get("/tools/now-local")
    def now_local() -> Response:
        return text_response(orthanc_time(services.clock()))

    @api.get("/tools/generate-uid", bare_404=True)
    def generate_uid() -> Response:
        level = api.query.text("level")
        if level not in _UID_LEVELS:
            raise UnknownResource
        return text_response(services.system.generate_identifier(level))

    @api.post("/tools/lookup")
    def lookup() -> Response:
        value = api.body.decode("utf-8", "replace").strip()
        return json_response([shapes.reference(*found) for found in services.browse.lookup(value)])

    return api


def tool_list(app: Chalice) -> Api:
    """The route that lists what the routes under `/tools` are."""
    api = Api(__name__)
    names = sorted(path.removeprefix("/tools/") for path in app.routes if path.startswith("/tools/"))

    @api.get("/tools")
    def tools() -> Response:
        return json_response(names)

    return api
