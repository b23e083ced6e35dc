"""What instances alone have: their file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalice.app import Response

from chalicelib.domain.resources import Instance
from chalicelib.routes.api import Api
from chalicelib.routes.handed_out import made_response
from chalicelib.routes.http import bytes_response, instances_only

if TYPE_CHECKING:
    from chalicelib.bootstrap import Services

DICOM = "application/dicom"


def instance_routes(services: Services) -> Api:
    """The routes under `/instances`."""
    api = Api(__name__)

    @api.get("/{level}/{identifier}/file")
    def file(level: str, identifier: str) -> Response:
        instances_only(level)
        instance = services.reading.instance(identifier)
        if "transcode" in api.query:
            return _transcoded(api, services, instance)
        if instance.file.size > services.settings.maximum_inline_bytes:
            return Response(b"", headers={"Location": services.reading.file_url(instance)}, status_code=307)
        return _file(instance, services.reading.file(instance))

    return api


def _transcoded(api: Api, services: Services, instance: Instance) -> Response:
    quality = api.query.unsigned("lossy-quality")
    made = services.transcoding.file(instance, api.query.text("transcode"), quality)
    return made_response(services, made, DICOM, f"{instance.id}.dcm") or _file(instance, made)


def _file(instance: Instance, data: bytes) -> Response:
    return bytes_response(data, DICOM, {"Content-Disposition": f'filename="{instance.id}.dcm"'})
