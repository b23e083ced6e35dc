"""Options at run time, metrics and plugins: `/tools/default-encoding`, `/tools/log-level`, `/plugins`, ..."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chalice.app import Request, Response

from chalicelib.domain.errors import AbsentElement, BadFileFormat, Forbidden
from chalicelib.routes.api import Api
from chalicelib.routes.http import bytes_response, json_response, text_response
from chalicelib.services.runtime_options import LOG_CATEGORIES, RuntimeOptions

if TYPE_CHECKING:
    from chalicelib.bootstrap import Services
    from chalicelib.observability import Telemetry

Middleware = Callable[[Request, Callable[[Any], Response]], Response]
PROMETHEUS = "text/plain; version=0.0.4"
NO_PLUGINS = b"// Extensions to Orthanc Explorer by the registered plugins\n\n"


def tuned(options: RuntimeOptions, telemetry: Telemetry) -> Middleware:
    """Make the middleware that lets options take effect which others have changed meanwhile."""

    def middleware(request: Request, get_response: Callable[[Any], Response]) -> Response:
        options.refresh()
        telemetry.set_level(options.log_level("http"))
        return get_response(request)

    return middleware


def option_routes(services: Services) -> Api:
    """The routes for what can be changed while the store runs."""
    api = Api(__name__)
    options = services.options
    _encoding(api, services)
    _logs(api, services)
    _dicom(api, services)

    @api.get("/tools/metrics")
    def metrics() -> Response:
        return text_response("1" if options.metrics else "0")

    @api.put("/tools/metrics")
    def set_metrics() -> Response:
        options.set_metrics(enabled=_boolean(api.body))
        return text_response("")

    @api.get("/tools/metrics-prometheus")
    def prometheus() -> Response:
        return bytes_response(services.metrics.prometheus().encode() if options.metrics else b"", PROMETHEUS)

    @api.post("/tools/execute-script")
    def execute_script() -> Response:
        raise Forbidden  # as in Orthanc, unless its configuration allows it

    @api.get("/plugins")
    def plugins() -> Response:
        return json_response(["explorer.js"])

    @api.get("/plugins/{name}")
    def plugin(name: str) -> Response:
        if name != "explorer.js":
            raise AbsentElement
        return bytes_response(NO_PLUGINS, "application/javascript")

    return api


def _encoding(api: Api, services: Services) -> None:
    @api.get("/tools/default-encoding")
    def encoding() -> Response:
        return text_response(services.options.encoding())

    @api.put("/tools/default-encoding")
    def set_encoding() -> Response:
        services.options.set_encoding(_text(api.body))
        return text_response(services.options.encoding())


def _logs(api: Api, services: Services) -> None:
    @api.get("/tools/log-level")
    def log_level() -> Response:
        return text_response(services.options.verbosity("generic"))

    @api.put("/tools/log-level")
    def set_log_level() -> Response:
        services.options.set_verbosity(LOG_CATEGORIES, _text(api.body))
        return text_response("")

    for category in LOG_CATEGORIES:
        _log_category(api, services, category)


def _log_category(api: Api, services: Services, category: str) -> None:
    def log_level() -> Response:
        return text_response(services.options.verbosity(category))

    def set_log_level() -> Response:
        services.options.set_verbosity([category], _text(api.body))
        return text_response("")

    log_level.__name__, set_log_level.__name__ = f"log_{category}", f"set_log_{category}"
    api.get(f"/tools/log-level-{category}")(log_level)
    api.put(f"/tools/log-level-{category}")(set_log_level)


def _dicom(api: Api, services: Services) -> None:
    options = services.options

    @api.get("/tools/accepted-transfer-syntaxes")
    def transfer_syntaxes() -> Response:
        return json_response(options.transfer_syntaxes(_known_syntaxes()))

    @api.put("/tools/accepted-transfer-syntaxes")
    def set_transfer_syntaxes() -> Response:
        options.set_transfer_syntaxes(_patterns(api.body))
        return json_response(options.transfer_syntaxes(_known_syntaxes()))

    @api.get("/tools/accepted-sop-classes")
    def sop_classes() -> Response:
        from chalicelib.dicom.storage_classes import storage_classes

        return json_response(storage_classes())

    @api.get("/tools/unknown-sop-class-accepted")
    def unknown_classes() -> Response:
        return text_response("1" if options.unknown_classes else "0")

    @api.put("/tools/unknown-sop-class-accepted")
    def set_unknown_classes() -> Response:
        options.set_unknown_classes(accepted=_boolean(api.body))
        return text_response("")


def _known_syntaxes() -> list[str]:
    from chalicelib.dicom.storage_classes import transfer_syntaxes

    return transfer_syntaxes()


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace").strip()


def _boolean(body: bytes) -> bool:
    text = _text(body)
    if text not in ("0", "1", "true", "false"):
        raise BadFileFormat("Boolean value expected")
    return text in ("1", "true")


def _patterns(body: bytes) -> list[str]:
    """A pattern as text, or an array of them; what is JSON and neither is refused, as a number is."""
    import msgspec

    try:
        value: Any = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError):
        value = _text(body)
        if value[:1].isdigit():
            raise BadFileFormat from None
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise BadFileFormat
    return value
