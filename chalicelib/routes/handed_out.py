"""Answers that may be too large for the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalice.app import Response

if TYPE_CHECKING:
    from chalicelib.bootstrap import Services


def made_response(services: Services, data: bytes, content_type: str, file_name: str) -> Response | None:
    """The redirection to where data lie that are too large, or None if they are not."""
    key = services.handed_out.keep(data, file_name)
    if key is None:
        return None
    location = services.files.presigned_get(key, file_name, content_type)
    return Response(b"", headers={"Location": location}, status_code=307)
