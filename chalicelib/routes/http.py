"""Requests in and answers out: what all routes share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pybase64
from chalice.app import Request, Response

from chalicelib.domain.errors import BadFileFormat, BadParameterType, ParameterOutOfRange, UnknownResource
from chalicelib.domain.levels import Level

JSON = "application/json; charset=utf-8"
TEXT = "text/plain"


class BinaryRequest(Request):
    """A request whose body comes in base64; the standard library takes ten times as long to decode it."""

    def _base64decode(self, encoded: bytes | str) -> bytes:
        return pybase64.b64decode(encoded)


class BinaryResponse(Response):
    """An answer whose body goes in base64."""

    def _base64encode(self, data: bytes) -> str:
        return pybase64.b64encode_as_string(data)


class Query:
    """The parameters of a request's query string."""

    def __init__(self, parameters: Mapping[str, str] | None) -> None:
        self._parameters = parameters or {}

    def __contains__(self, name: str) -> bool:
        return name in self._parameters

    def text(self, name: str) -> str:
        """A parameter as it stands, or an empty text."""
        return self._parameters.get(name, "")

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Whether a switch is on: ``?expand``, ``?expand=true`` and ``?expand=1`` are, ``?expand=false`` is not.

        Raises
        ------
        ParameterOutOfRange
            It is neither.
        """
        if name not in self._parameters:
            return default
        value = self._parameters[name]
        if value not in ("", "1", "true", "0", "false"):
            raise ParameterOutOfRange(f'Expected a Boolean for GET argument "{name}"')
        return value not in ("0", "false")

    def natural(self, name: str) -> int | None:
        """A whole number of at least 0, or None where the parameter is missing.

        Raises
        ------
        BadParameterType
            It is anything else.
        """
        text = self._parameters.get(name)
        if text is None:
            return None
        if not text.isascii() or not text.isdigit() or len(text) > 18:
            raise BadParameterType(f"The argument {name} must be a whole number, not negative")
        return int(text)

    def unsigned(self, name: str) -> int | None:
        """As Orthanc reads other numbers: an empty text is 0; raises `ParameterOutOfRange`."""
        text = self._parameters.get(name)
        if text is None or text == "":
            return None if text is None else 0
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise ParameterOutOfRange(
                f'Expected a Unsigned Int for GET argument "{name}", found: {text[:64]}'
            )
        return int(text)

    def natural_or(self, name: str, default: int) -> int:
        """As Orthanc reads the numbers of `/changes`: what is no whole number counts as missing."""
        try:
            number = self.natural(name)
        except BadParameterType:
            return default
        return default if number is None else number

    def names(self, *aliases: str, separator: str = ";") -> list[str]:
        """The parts of a list such as ``requestedTags=PatientName;Rows`` (`,` separates as well)."""
        for alias in aliases:
            if alias in self._parameters:
                parts = self._parameters[alias].split(separator)
                return [part.strip() for part in parts if part.strip()]
        return []


def level_of(segment: str) -> Level:
    """The level that the first segment of a path names.

    Raises
    ------
    UnknownResource
        It names none.
    """
    level = Level.from_plural(segment)
    if level is None:
        raise UnknownResource
    return level


def instances_only(segment: str) -> None:
    """Refuse a path of another level, for what instances alone have."""
    if level_of(segment) is not Level.INSTANCE:
        raise UnknownResource


def json_body(body: bytes, complaint: str = "") -> Any:
    """The JSON of a body.

    Raises
    ------
    BadFileFormat
        It is none, or is nested too deeply.
    """
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError):
        raise BadFileFormat(complaint) from None


def field_of(fields: Mapping[str, Any], name: str, kind: type, called: str, *, default: Any) -> Any:
    """A field of a body; raises `BadFileFormat` if it is not of the kind that Orthanc wants, which it calls so."""
    if name not in fields:
        return default
    value = fields[name]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise BadFileFormat(f"{called} value expected in field: {name}")
    return value


def json_response(answer: Any) -> Response:
    """An answer in JSON, its keys in order as Orthanc's."""
    return bytes_response(msgspec.json.encode(answer, order="sorted"), JSON)


def text_response(text: str) -> Response:
    """An answer in plain text."""
    return bytes_response(text.encode(), TEXT)


def bytes_response(body: bytes, content_type: str, headers: dict[str, str] | None = None) -> Response:
    """An answer of any type."""
    return BinaryResponse(body, headers={"Content-Type": content_type, **(headers or {})})
