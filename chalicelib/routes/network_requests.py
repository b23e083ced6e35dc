"""The bodies of what is asked of other nodes, in Orthanc's forms."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from chalicelib.domain.errors import BadFileFormat
from chalicelib.routes.http import field_of, json_body
from chalicelib.services.network.dicom_out import MoveOriginator
from chalicelib.services.network.modality_store import StoreRequest
from chalicelib.services.network.remotes import Changes

RESOURCES = "Resources"
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
