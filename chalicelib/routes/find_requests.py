"""The JSON of searches: Orthanc's fields, each checked as Orthanc checks it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from chalicelib.dicom.matching import Condition, condition_of
from chalicelib.domain.errors import (
    BadFileFormat,
    BadRequest,
    ParameterOutOfRange,
    UnknownDicomTag,
)
from chalicelib.domain.levels import Level
from chalicelib.domain.tag_format import TagFormat
from chalicelib.services.annotation_names import Names
from chalicelib.services.find.query import (
    LabelsConstraint,
    Order,
    OrderType,
    Query,
    constraints_of,
)

CONTENTS = (
    "MainDicomTags", "Metadata", "Children", "Parent", "Labels", "Status", "IsStable", "Attachments", "RequestedTags",
    "IsProtected",
)  # fmt: skip
_PARENTS = {"ParentPatient": Level.PATIENT, "ParentStudy": Level.STUDY, "ParentSeries": Level.SERIES}
_LEVELS = {name: level for level in Level for name in (level.label.lower(), level.plural)}


@dataclass(frozen=True, slots=True)
class FindRequest:
    """A search, and how its answers are to be shown.

    `contents` are the parts of resources to be given; None for all of them if `expand`, else for identifiers.
    """

    query: Query
    expand: bool
    form: TagFormat
    requested_tags: list[str]
    contents: frozenset[str] | None

    @classmethod
    def parse(cls, body: bytes, names: Names) -> FindRequest:
        """Read the body of a search.

        Raises
        ------
        BadRequest, ParameterOutOfRange, UnknownDicomTag
            A field is missing or wrong.
        """
        fields = _Fields(body)
        level = level_of(fields.text("Level", required="string"))
        values = fields.object("Query", "is missing, or should be a JSON object", required=True)
        for name, value in values.items():
            if not isinstance(value, str):
                raise BadRequest(f'Tag "{name}" must be associated with a string')
        query = Query(
            level=level,
            constraints=constraints_of(values, case_sensitive=fields.flag("CaseSensitive")),
            parents=fields.parents(level),
            metadata=_metadata(fields.object("MetadataQuery", "must be an JSON object"), names),
            labels=frozenset(fields.texts("Labels", "must be an array of strings", "must contain strings")),
            labels_constraint=fields.labels_constraint(),
            order=tuple(map(_order, fields.array("OrderBy"))),
            since=fields.natural("Since"),
            limit=fields.natural("Limit"),
        )
        contents = (
            fields.texts("ResponseContent", "must be an array") if "ResponseContent" in fields else None
        )
        return cls(
            query=query,
            expand=fields.truth("Expand"),
            form=fields.form(),
            requested_tags=fields.texts("RequestedTags", "must be an array"),
            contents=None if contents is None else frozenset(map(_content, contents)),
        )


@dataclass(frozen=True, slots=True)
class BulkRequest:
    """What `/tools/bulk-content` is asked for."""

    identifiers: list[str]
    level: Level | None
    form: TagFormat
    has_metadata: bool


def bulk_request(body: bytes) -> BulkRequest:
    """Read the body of `/tools/bulk-content`.

    Raises
    ------
    BadRequest, BadFileFormat, ParameterOutOfRange
        A field is missing or wrong.
    """
    fields = _Fields(body)
    level = None
    if "Level" in fields:
        name = fields.values["Level"]
        if not isinstance(name, str):
            raise BadFileFormat("String value expected in field: Level")
        level = level_of(name)
    identifiers = fields.values.get("Resources")
    if not isinstance(identifiers, list) or not all(isinstance(i, str) for i in identifiers):
        raise BadFileFormat("List of strings expected in field: Resources")
    has_metadata = fields.values.get("Metadata", True) is not False
    return BulkRequest(identifiers, level, fields.form(), has_metadata)


def level_of(name: str) -> Level:
    """The level that ``Study``, ``studies`` or the like names.

    Raises
    ------
    ParameterOutOfRange
        It names none.
    """
    level = _LEVELS.get(name.lower())
    if level is None:
        raise ParameterOutOfRange(f"Invalid resource type '{name[:64]}'")
    return level


class _Fields:
    """The fields of a JSON object."""

    def __init__(self, body: bytes) -> None:
        try:
            self.values = msgspec.json.decode(body, type=dict[str, Any])
        except (msgspec.MsgspecError, RecursionError):
            raise BadRequest("The body must contain a JSON object") from None

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str, *, required: str) -> str:
        value = self.values.get(name)
        if not isinstance(value, str):
            raise BadRequest(f'Field "{name}" is missing, or should be a {required}')
        return value

    def object(self, name: str, complaint: str, *, required: bool = False) -> dict[str, Any]:
        value = self.values.get(name, None if required else {})
        if not isinstance(value, dict):
            raise BadRequest(f'Field "{name}" {complaint}')
        return value

    def array(self, name: str) -> list[Any]:
        value = self.values.get(name, [])
        if not isinstance(value, list):
            raise BadRequest(f'Field "{name}" must be an array')
        return value

    def texts(self, name: str, complaint: str, item_complaint: str = "must contain strings") -> list[str]:
        value = self.values.get(name, [])
        if not isinstance(value, list):
            raise BadRequest(f'Field "{name}" {complaint}')
        if not all(isinstance(item, str) for item in value):
            raise BadRequest(f'Field "{name}" {item_complaint}')
        return value

    def flag(self, name: str) -> bool:
        value = self.values.get(name, False)
        if not isinstance(value, bool):
            raise BadRequest(f'Field "{name}" must be a Boolean')
        return value

    def truth(self, name: str) -> bool:
        """A switch that Orthanc reads as loosely as its JSON library: any number but 0 is on."""
        value = self.values.get(name, False)
        if not isinstance(value, bool | int | float):
            raise BadRequest(f'Field "{name}" must be a Boolean')
        return bool(value)

    def natural(self, name: str) -> int:
        value = self.values.get(name, 0)
        if not isinstance(value, int) or isinstance(value, bool):
            raise BadRequest(f'Field "{name}" must be an integer')
        if value < 0:
            raise ParameterOutOfRange(f'Field "{name}" must be a positive integer')
        return value

    def form(self) -> TagFormat:
        if self.truth("Full"):
            return TagFormat.FULL
        return TagFormat.SHORT if self.truth("Short") else TagFormat.HUMAN

    def parents(self, level: Level) -> dict[Level, str]:
        found = {}
        for name, parent in _PARENTS.items():
            if name not in self.values:
                continue
            if not isinstance(self.values[name], str):
                raise BadRequest(f'Field "{name}" must be a string')
            if parent > level:
                raise BadRequest(f'Field "{name}" is below the level of the query')
            found[parent] = self.values[name]
        return found

    def labels_constraint(self) -> LabelsConstraint:
        value = self.values.get("LabelsConstraint", "All")
        try:
            return LabelsConstraint(value)
        except ValueError:
            raise BadRequest('Field "LabelsConstraint" must be "All", "Any", or "None"') from None


def _metadata(values: dict[str, Any], names: Names) -> dict[str, Condition]:
    found = {}
    for name, text in values.items():
        if not isinstance(text, str):
            raise BadRequest(f'Metadata "{name[:64]}" must be associated with a string')
        condition = condition_of("LO", text)
        number = names.number(name)
        if condition is not None:
            found[names.name(number)] = condition
    return found


def _order(value: Any) -> Order:
    if not isinstance(value, dict):
        raise BadRequest('Field "OrderBy" must contain objects')
    if "Type" not in value:
        raise BadRequest('Field "Type" must be "DicomTag" or "Metadata"')
    try:
        kind = OrderType(value["Type"])
    except ValueError:
        raise BadRequest(
            'Field "Type" must be "DicomTag", "DicomTagAsInt", "DicomTagAsFloat"'
            ' or "Metadata", "MetadataAsInt", "MetadataAsFloat"'
        ) from None
    if value.get("Direction") not in ("ASC", "DESC"):
        raise BadRequest('Field "Direction" must be "ASC" or "DESC"')
    key = value.get("Key")
    if not isinstance(key, str):
        raise BadRequest('Field "Key" must be a string')
    return Order(kind, key if kind.is_metadata else _tag_name(key), value["Direction"] == "DESC")


def _tag_name(key: str) -> str:
    from chalicelib.dicom.dictionary import STANDARD, parse_tag

    try:
        return STANDARD.find(parse_tag(key), "").name
    except UnknownDicomTag:
        raise UnknownDicomTag(key[:64]) from None


def _content(name: str) -> str:
    if name not in CONTENTS:
        raise ParameterOutOfRange(f'Unrecognized value for "ResponseContent": {name[:64]}')
    return name
