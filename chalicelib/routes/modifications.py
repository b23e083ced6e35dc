"""Modified copies: `/{level}/{id}/modify`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalice.app import Response

from chalicelib.domain.errors import BadFileFormat
from chalicelib.domain.levels import Level
from chalicelib.routes.api import Api
from chalicelib.routes.handed_out import made_response
from chalicelib.routes.http import bytes_response, field_of, json_body, json_response, level_of
from chalicelib.routes.instances import DICOM
from chalicelib.routes.jobs import ended, started
from chalicelib.routes.uploads import origin

if TYPE_CHECKING:
    from chalicelib.bootstrap import Services


def modification_routes(services: Services) -> Api:
    """The routes that modify."""
    api = Api(__name__)
    modifications = services.modifications

    @api.post("/{level}/{identifier}/modify")
    def modify(level: str, identifier: str) -> Response:
        at = level_of(level)
        fields = _fields(api.body)
        if at is Level.INSTANCE:
            file = modifications.instance(identifier, fields)
            return made_response(services, file, DICOM, f"{identifier}.dcm") or bytes_response(file, DICOM)
        for name in ("Permissive", "KeepSource"):
            field_of(fields, name, bool, "Boolean", default=False)
        priority = field_of(fields, "Priority", int, "Integer", default=0)
        waits = not field_of(fields, "Asynchronous", bool, "Boolean", default=False)
        if not field_of(fields, "Synchronous", bool, "Boolean", default=waits):
            return json_response(started(modifications.submit(at, identifier, fields, origin(api), priority)))
        return ended(modifications.run(at, identifier, fields, origin(api)))

    return api


def _fields(body: bytes) -> dict[str, Any]:
    fields = json_body(body)
    if not isinstance(fields, dict):
        raise BadFileFormat
    if "Transcode" in fields:
        field_of(fields, "Transcode", str, "String", default="")
        field_of(fields, "LossyQuality", int, "Integer", default=0)
    return fields
