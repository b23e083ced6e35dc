"""The bodies of what is asked of other nodes, in Orthanc's forms."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.dicom.dictionary import parse_tag
from chalicelib.domain.errors import BadFileFormat, BadParameterType, ParameterOutOfRange, UnknownDicomTag
from chalicelib.domain.levels import Level
from chalicelib.domain.modalities import RETRIEVE_METHODS
from chalicelib.domain.tag_format import TagFormat
from chalicelib.routes.http import field_of, json_body
from chalicelib.services.network.dicom_out import MoveOriginator
from chalicelib.services.network.modality_store import StoreRequest
from chalicelib.services.network.remotes import Changes

RESOURCES = "Resources"
_LEVELS = {name.upper(): level for level in Level for name in (level.label, level.plural)}
_LEVELS |= {"IMAGE": Level.INSTANCE, "IMAGES": Level.INSTANCE}
_NOT_TAGS = "Associative array of DICOM tags to strings expected in field: Query"
IDENTIFIER = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{8}){4}")


def store_request(name: str, body: bytes) -> StoreRequest:
    """What ``POST /modalities/{id}/store`` asks for: an identifier, an array of them, or an object.

    Raises
    ------
    BadFileFormat
        It is none of these, or a field has the wrong type.
    """
    fields = resources_and_fields(body)
    return StoreRequest(
        modality=name,
        resources=resources_of(fields),
        changes=changes_of(fields),
        originator=MoveOriginator(
            field_of(fields, "MoveOriginatorAet", str, "String", default=""),
            field_of(fields, "MoveOriginatorID", int, "Integer", default=0),
        ),
        is_permissive=field_of(fields, "Permissive", bool, "Boolean", default=False),
        priority=field_of(fields, "Priority", int, "Integer", default=0),
        is_awaited=is_awaited(fields),
        wants_commitment=field_of(fields, "StorageCommitment", bool, "Boolean", default=False),
    )


def resources_and_fields(body: bytes) -> dict[str, Any]:
    """The object form of a body that may be an identifier in plain text, an array of them, or an object."""
    text = body.strip()
    if IDENTIFIER.fullmatch(text):
        return {RESOURCES: [text.decode()]}
    value = json_body(body, "Must provide a JSON value")
    if isinstance(value, str):
        return {RESOURCES: [value]}
    if isinstance(value, list):
        return {RESOURCES: value}
    if not isinstance(value, dict):
        raise BadFileFormat("Must provide a JSON object, or a JSON array of strings")
    return value


def resources_of(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """The resources of a body."""
    if RESOURCES not in fields:
        raise BadFileFormat(f'Missing field in JSON: "{RESOURCES}"')
    resources = fields[RESOURCES]
    if not isinstance(resources, list):
        raise BadFileFormat(f'JSON field "{RESOURCES}" must contain an array')
    if not all(isinstance(one, str) for one in resources):
        raise BadFileFormat("Resources to be exported must be specified as a JSON array of strings")
    return tuple(resources)


def is_awaited(fields: Mapping[str, Any]) -> bool:
    """Whether the client waits: `Synchronous`, which is so if nothing is said, and `Asynchronous`, its opposite."""
    waits = not field_of(fields, "Asynchronous", bool, "Boolean", default=False)
    return bool(field_of(fields, "Synchronous", bool, "Boolean", default=waits))


def changes_of(fields: Mapping[str, Any]) -> Changes:
    """What a body wants otherwise than the modality is configured."""
    return Changes(
        local_aet=field_of(fields, "LocalAet", str, "String", default=""),
        called_aet=field_of(fields, "CalledAet", str, "String", default=""),
        host=field_of(fields, "Host", str, "String", default=""),
        port=field_of(fields, "Port", int, "Unsigned integer", default=None),
        timeout_seconds=field_of(fields, "Timeout", int, "Integer", default=None),
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """What a modality is asked."""

    level: Level
    fields: Mapping[int, str]
    changes: Changes
    normalises: bool


def asked(body: bytes) -> Asked:
    """What ``POST /modalities/{id}/query`` asks.

    Raises
    ------
    BadFileFormat, ParameterOutOfRange
        A field is missing, or has the wrong type.
    """
    fields = json_body(body, "Must provide a JSON object")
    if not isinstance(fields, dict):
        raise BadFileFormat("Must provide a JSON object")
    if not isinstance(fields.get("Level"), str):
        raise BadFileFormat("The JSON body must contain field Level")
    return Asked(
        level=retrieval_level(fields["Level"]),
        fields=_tags(fields.get("Query", {})),
        changes=changes_of(fields),
        normalises=_normalises(fields.get("Normalize", True)),
    )


def _normalises(value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadFileFormat("The field Normalize must contain a Boolean")
    return value


def query_fields(body: bytes) -> dict[int, str]:
    """The field `Query` of a body."""
    fields = json_body(body, "Must provide a JSON object")
    if not isinstance(fields, dict):
        raise BadFileFormat("Must provide a JSON object")
    return _tags(fields.get("Query", {}))


def retrieval_level(name: str) -> Level:
    """The level that a name of Orthanc's stands for; raises `ParameterOutOfRange`."""
    level = _LEVELS.get(name.upper())
    if level is None:
        raise ParameterOutOfRange(f"Invalid resource type '{name[:64]}'")
    return level


def _tags(values: Any) -> dict[int, str]:
    if not isinstance(values, dict):
        raise BadFileFormat("The field Query must contain a JSON object")
    try:
        found = {parse_tag(name): text for name, text in values.items()}
    except UnknownDicomTag:
        raise BadFileFormat(_NOT_TAGS) from None
    if not all(isinstance(text, str) for text in found.values()):
        raise BadFileFormat(_NOT_TAGS)
    return found


@dataclass(frozen=True, slots=True)
class RetrieveBody:
    """How something is to be retrieved; empty texts where nothing is said."""

    fields: Mapping[str, Any]
    target_aet: str = ""
    method: str = ""
    form: TagFormat = TagFormat.SHORT
    is_permissive: bool = False
    priority: int = 0
    is_awaited: bool = True

    @property
    def changes(self) -> Changes:
        """How the modality is to be reached otherwise."""
        return changes_of(self.fields)


def retrieve_body(body: bytes) -> RetrieveBody:
    """The body of a retrieval: the target's AE title in plain text, an object, or nothing.

    Raises
    ------
    BadFileFormat, BadParameterType, ParameterOutOfRange
        A field has the wrong type or value.
    """
    try:
        fields = json_body(body)
    except BadFileFormat:
        return RetrieveBody({}, target_aet=_plain_aet(body))
    if not isinstance(fields, dict):
        return RetrieveBody({}, target_aet=_plain_aet(body))
    return body_of_retrieval(fields)


def body_of_retrieval(fields: Mapping[str, Any]) -> RetrieveBody:
    """As `retrieve_body`, of an object."""
    target = fields.get("TargetAet", "")
    if not isinstance(target, str):
        raise BadParameterType
    method = fields.get("RetrieveMethod", "")
    if method not in ("", *RETRIEVE_METHODS):
        raise ParameterOutOfRange(
            f'RetrieveMethod can be "C-MOVE", "C-GET" or "SystemDefault": {str(method)[:64]}'
        )
    form = TagFormat.SHORT
    if field_of(fields, "Full", bool, "Boolean", default=False):
        form = TagFormat.FULL
    elif field_of(fields, "Simplify", bool, "Boolean", default=False):
        form = TagFormat.HUMAN
    return RetrieveBody(
        fields=fields,
        target_aet=target,
        method=method,
        form=form,
        is_permissive=field_of(fields, "Permissive", bool, "Boolean", default=False),
        priority=field_of(fields, "Priority", int, "Integer", default=0),
        is_awaited=is_awaited(fields),
    )


def named_resources(fields: Mapping[str, Any]) -> list[dict[int, str]]:
    """The resources that ``/modalities/{id}/move`` and ``/get`` name by tags.

    Raises
    ------
    BadFileFormat, UnknownDicomTag
        There are none, or they have another form.
    """
    resources = fields.get(RESOURCES)
    if not isinstance(resources, list) or "Level" not in fields:
        raise BadFileFormat("Must provide a JSON body containing fields Resources and Level")
    if not all(isinstance(one, dict) for one in resources):
        raise BadFileFormat("Expecting an object in field 'Resources elements'")
    found = [{parse_tag(name): text for name, text in one.items()} for one in resources]
    for name, text in (pair for one in resources for pair in one.items()):
        if not isinstance(text, str):
            raise BadFileFormat(f"Expecting a string in field '{name[:64]}'")
    return found


def _plain_aet(body: bytes) -> str:
    return body.decode("ascii", "replace").strip()[:64]


def find_fields(body: bytes) -> dict[int, str] | None:
    """The body of the older calls, tags to texts; None if it is no object. Raises `UnknownDicomTag`."""
    try:
        fields = json_body(body)
    except BadFileFormat:
        return None
    if not isinstance(fields, dict):
        return None
    return {parse_tag(name): text if isinstance(text, str) else str(text) for name, text in fields.items()}


def worklist_query(body: bytes) -> tuple[dict[str, Any], TagFormat]:
    """The query of ``POST /modalities/{id}/find-worklist``, an object or its field `Query`, and the answers' form.

    Raises
    ------
    BadFileFormat, BadParameterType
        It is none, or a field has the wrong type.
    """
    fields = json_body(body, "Must provide a JSON object")
    if not isinstance(fields, dict):
        raise BadFileFormat("Must provide a JSON object")
    query = fields.get("Query", fields)
    if not isinstance(query, dict):
        raise BadParameterType
    form = TagFormat.HUMAN
    if "Query" in fields:
        if field_of(fields, "Full", bool, "Boolean", default=False):
            form = TagFormat.FULL
        elif field_of(fields, "Short", bool, "Boolean", default=False):
            form = TagFormat.SHORT
    return query, form
