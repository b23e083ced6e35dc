"""Reconstruction: `/{level}/{id}/reconstruct`, `/tools/reconstruct`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from chalice.app import Response

from chalicelib.domain.errors import BadFileFormat
from chalicelib.domain.jobs import Job
from chalicelib.routes.api import Api
from chalicelib.routes.http import json_response, level_of
from chalicelib.routes.jobs import started

if TYPE_CHECKING:
    from chalicelib.bootstrap import Services

FILES, ALONE = "ReconstructFiles", "LimitToThisLevelMainDicomTags"


def reconstruct_routes(services: Services) -> Api:
    """The routes that read files anew."""
    api = Api(__name__)

    @api.post("/{level}/{identifier}/reconstruct")
    def resource(level: str, identifier: str) -> Response:
        at = level_of(level)
        alone = _options(api.body, FILES, ALONE)[ALONE]
        return _answer(services.reconstructions.resource(at, identifier, this_level_alone=alone))

    @api.post("/tools/reconstruct")
    def everything() -> Response:
        _options(api.body, FILES)
        return _answer(services.reconstructions.everything())

    return api


def _options(body: bytes, *names: str) -> dict[str, bool]:
    """What Orthanc understands of a body; what is no JSON object, it takes for none.

    Files are kept as they came, so that there is nothing to be reconstructed of them.
    """
    try:
        fields = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError):
        fields = {}
    if not isinstance(fields, dict):
        fields = {}
    for name in names:
        if not isinstance(fields.get(name, False), bool):
            raise BadFileFormat(f"The field {name} must contain a Boolean")
    return {name: fields.get(name, False) for name in names}


def _answer(job: Job | None) -> Response:
    if job is None:
        return Response(b"", headers={"Content-Type": "text/plain"})
    response = json_response(started(job))
    response.status_code = 202
    return response
