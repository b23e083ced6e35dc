"""Tags: of instances, of modules, of all instances of a resource, and what those share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chalice.app import Response

from chalicelib.domain.errors import PayloadTooLarge, UnknownResource
from chalicelib.domain.levels import Level
from chalicelib.domain.tag_format import TagFormat
from chalicelib.routes.api import Api
from chalicelib.routes.http import Query, instances_only, json_response, level_of

if TYPE_CHECKING:
    from chalicelib.bootstrap import Services

Tags = Mapping[str, dict[str, Any]]


def tag_routes(services: Services) -> Api:
    """The routes that answer with tags in one of three formats: full, ``?short`` or ``?simplify``."""
    api = Api(__name__)

    @api.get("/{level}/{identifier}/tags")
    def tags(level: str, identifier: str) -> Response:
        instances_only(level)
        query = api.query
        found = services.tags.of_instance(identifier, _unlimited(query), whole=query.flag("whole"))
        return _answer(found, format_of(query))

    @api.get("/{level}/{identifier}/simplified-tags")
    def simplified_tags(level: str, identifier: str) -> Response:
        instances_only(level)
        query = api.query
        found = services.tags.of_instance(identifier, _unlimited(query), whole=query.flag("whole"))
        return _answer(found, TagFormat.HUMAN)

    @api.get("/{level}/{identifier}/header")
    def header(level: str, identifier: str) -> Response:
        instances_only(level)
        return _answer(services.tags.file_meta(identifier), format_of(api.query))

    @api.get("/{level}/{identifier}/module")
    def module(level: str, identifier: str) -> Response:
        at = level_of(level)
        return _answer(services.tags.module(at, identifier, at, _unlimited(api.query)), format_of(api.query))

    @api.get("/{level}/{identifier}/module-patient")
    def module_patient(level: str, identifier: str) -> Response:
        if level_of(level) is not Level.STUDY:
            raise UnknownResource
        unlimited = _unlimited(api.query)
        found = services.tags.module(Level.STUDY, identifier, Level.PATIENT, unlimited)
        return _answer(found, format_of(api.query))

    @api.get("/{level}/{identifier}/shared-tags")
    def shared_tags(level: str, identifier: str) -> Response:
        return _answer(services.tags.shared(_above_instances(level), identifier), format_of(api.query))

    @api.get("/{level}/{identifier}/instances-tags")
    def instances_tags(level: str, identifier: str) -> Response:
        unlimited = _unlimited(api.query)
        instances = services.tags.of_instances(_above_instances(level), identifier, unlimited)
        form = format_of(api.query)
        answer = json_response({found: _in_format(tags, form) for found, tags in instances.items()})
        if len(answer.body) > services.settings.maximum_inline_bytes:
            raise PayloadTooLarge("The answer is too large; ask for the tags of fewer instances")
        return answer

    return api


def _answer(tags: Tags, form: TagFormat) -> Response:
    return json_response(_in_format(tags, form))


def _in_format(tags: Tags, form: TagFormat) -> dict[str, Any]:
    from chalicelib.dicom.tags_json import in_format

    return in_format(tags, form)


def format_of(query: Query) -> TagFormat:
    """The format; Orthanc looks at whether these parameters are there, not at their values."""
    if "simplify" in query:
        return TagFormat.HUMAN
    return TagFormat.SHORT if "short" in query else TagFormat.FULL


def _unlimited(query: Query) -> list[str]:
    """The tags of `ignore-length`, which is empty only if it is missing."""
    return query.text("ignore-length").split(",") if "ignore-length" in query else []


def _above_instances(segment: str) -> Level:
    level = level_of(segment)
    if level is Level.INSTANCE:
        raise UnknownResource
    return level
