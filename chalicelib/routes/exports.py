"""The exports log: `/exports`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalice.app import Response

from chalicelib.domain.clock import orthanc_time
from chalicelib.routes.api import Api
from chalicelib.routes.changes import DEFAULT_LIMIT, MAX_LIMIT
from chalicelib.routes.http import json_response, text_response
from chalicelib.services.network.exports import Export, ExportsPage

if TYPE_CHECKING:
    from chalicelib.bootstrap import Services


def export_routes(services: Services) -> Api:
    """The routes of `/exports`."""
    api = Api(__name__)
    exports = services.network.exports

    @api.get("/exports")
    def read_exports() -> Response:
        query = api.query
        if "last" in query:
            return json_response(_page(exports.last()))
        limit = min(query.natural_or("limit", DEFAULT_LIMIT), MAX_LIMIT)
        return json_response(_page(exports.page(query.natural_or("since", 0), limit)))

    @api.delete("/exports")
    def clear_exports() -> Response:
        exports.clear()
        return text_response("")

    return api


def _page(page: ExportsPage) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "Done": page.done,
        "Exports": [_export(export) for export in page.exports],
        "Last": page.last,
    }
    if page.exports:
        answer["First"] = page.exports[0].number
    return answer


def _export(export: Export) -> dict[str, Any]:
    return {
        "Date": orthanc_time(export.at).split(".")[0],
        "ID": export.instance_id,
        "Path": f"/instances/{export.instance_id}",
        "RemoteModality": export.remote,
        "ResourceType": "Instance",
        "Seq": export.number,
        **export.uids,
    }
