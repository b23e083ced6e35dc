"""Remote modalities: `/modalities`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalice.app import Response

from chalicelib.domain.errors import InexistentItem, UnknownResource
from chalicelib.routes.api import Api
from chalicelib.routes.http import json_body, json_response, text_response
from chalicelib.services.modality_json import to_json

if TYPE_CHECKING:
    from chalicelib.bootstrap import Services

OPERATIONS = ("configuration",)


def modality_routes(services: Services) -> Api:
    """The routes under `/modalities`."""
    api = Api(__name__)

    @api.get("/modalities")
    def list_modalities() -> Response:
        found = services.modalities.all()
        if not api.query.flag("expand"):
            return json_response(list(found))
        return json_response({name: to_json(modality) for name, modality in found.items()})

    @api.get("/modalities/{name}", bare_404=True)
    def get_modality(name: str) -> Response:
        try:
            services.modalities.get(name)
        except InexistentItem:
            raise UnknownResource from None
        return json_response(list(OPERATIONS))

    @api.put("/modalities/{name}")
    def put_modality(name: str) -> Response:
        services.modalities.put(name, json_body(api.body))
        return text_response("")

    @api.delete("/modalities/{name}")
    def delete_modality(name: str) -> Response:
        services.modalities.remove(name)
        return text_response("")

    @api.get("/modalities/{name}/configuration")
    def modality_configuration(name: str) -> Response:
        return json_response(to_json(services.modalities.get(name)))

    return api
