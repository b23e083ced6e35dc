"""What instances alone have: their file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalice.app import Response

from chalicelib.routes.api import Api
from chalicelib.routes.http import bytes_response, instances_only

if TYPE_CHECKING:
    from chalicelib.bootstrap import Services


def instance_routes(services: Services) -> Api:
    """The routes under `/instances`."""
    api = Api(__name__)

    @api.get("/{level}/{identifier}/file")
    def file(level: str, identifier: str) -> Response:
        instances_only(level)
        instance = services.reading.instance(identifier)
        if instance.file.size > services.settings.maximum_inline_bytes:
            return Response(b"", headers={"Location": services.reading.file_url(instance)}, status_code=307)
        headers = {"Content-Disposition": f'filename="{instance.id}.dcm"'}
        return bytes_response(services.reading.file(instance), "application/dicom", headers)

    return api
