"""Metadata, labels, attachments and protection: the same routes at all levels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalice.app import Response

from chalicelib.domain.errors import AbsentElement, BadFileFormat, UnknownResource
from chalicelib.domain.levels import Level
from chalicelib.routes.api import Api
from chalicelib.routes.http import TEXT, bytes_response, json_response, level_of, text_response
from chalicelib.services.revisions import Revision, parse_etag

if TYPE_CHECKING:
    from chalicelib.bootstrap import Services


def annotation_routes(services: Services) -> Api:
    """The routes for metadata and labels."""
    api = Api(__name__)
    _metadata_routes(api, services)
    _label_routes(api, services)
    _protection_routes(api, services)
    return api


def known_revision(api: Api) -> Revision | None:
    """The revision that `If-Match` names."""
    return parse_etag(api.header("if-match"), "if-match")


def is_known(api: Api, revision: Revision) -> bool:
    """Whether `If-None-Match` says that the client has this revision."""
    return parse_etag(api.header("if-none-match"), "If-None-Match") == revision


def _metadata_routes(api: Api, services: Services) -> None:
    metadata = services.metadata

    @api.get("/{level}/{identifier}/metadata")
    def list_metadata(level: str, identifier: str) -> Response:
        found = metadata.all(level_of(level), identifier)
        is_numeric = "numeric" in api.query
        shown = {str(metadata.names.number(n)) if is_numeric else n: text for n, text in found.items()}
        if api.query.flag("expand"):
            return json_response(shown)
        return json_response([int(name) for name in shown] if is_numeric else list(shown))

    @api.get("/{level}/{identifier}/metadata/{name}")
    def get_metadata(level: str, identifier: str, name: str) -> Response:
        data, revision = metadata.get(level_of(level), identifier, name)
        return revised(api, bytes_response(data, TEXT), revision)

    @api.put("/{level}/{identifier}/metadata/{name}")
    def put_metadata(level: str, identifier: str, name: str) -> Response:
        revision = metadata.put(level_of(level), identifier, name, api.body, known_revision(api))
        response = text_response("")
        response.headers["ETag"] = revision.etag
        return response

    @api.delete("/{level}/{identifier}/metadata/{name}")
    def delete_metadata(level: str, identifier: str, name: str) -> Response:
        metadata.delete(level_of(level), identifier, name, known_revision(api))
        return text_response("")


def revised(api: Api, response: Response, revision: Revision) -> Response:
    """An answer with its ETag, or 304 if the client has it already."""
    if is_known(api, revision):
        response = Response(b"", status_code=304)
    response.headers["ETag"] = revision.etag
    return response


def _label_routes(api: Api, services: Services) -> None:
    labels = services.labels

    @api.get("/tools/labels")
    def all_labels() -> Response:
        return json_response(labels.all())

    @api.get("/{level}/{identifier}/labels")
    def list_labels(level: str, identifier: str) -> Response:
        return json_response(list(labels.of(level_of(level), identifier)))

    @api.get("/{level}/{identifier}/labels/{label}")
    def get_label(level: str, identifier: str, label: str) -> Response:
        if label not in labels.of(level_of(level), identifier):
            raise AbsentElement
        return text_response("")

    @api.put("/{level}/{identifier}/labels/{label}")
    def put_label(level: str, identifier: str, label: str) -> Response:
        labels.add(level_of(level), identifier, label)
        return text_response("")

    @api.delete("/{level}/{identifier}/labels/{label}")
    def delete_label(level: str, identifier: str, label: str) -> Response:
        labels.remove(level_of(level), identifier, label)
        return text_response("")


def _protection_routes(api: Api, services: Services) -> None:
    @api.get("/{level}/{identifier}/protected")
    def get_protected(level: str, identifier: str) -> Response:
        _patients_only(level)
        row = services.annotate.row(Level.PATIENT, identifier)
        return text_response("1" if row.annotations.is_protected else "0")

    @api.put("/{level}/{identifier}/protected")
    def put_protected(level: str, identifier: str) -> Response:
        _patients_only(level)
        services.protection.set(identifier, is_protected=_boolean(api.body))
        return text_response("")


def _patients_only(level: str) -> None:
    if level_of(level) is not Level.PATIENT:
        raise UnknownResource


def _boolean(body: bytes) -> bool:
    text = body.decode("latin-1").strip()
    if text not in ("0", "1", "false", "true"):
        raise BadFileFormat("Boolean value expected")
    return text in ("1", "true")
