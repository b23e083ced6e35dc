"""Where Nacre answers otherwise than Orthanc 1.12.7: each field, on which requests, and why.

The comparison takes this table literally: a field that differs and is not here fails, and so does one that is
here and does not differ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tests.conformance.exchanges import Exchange
from tests.conformance.hospital import LEVELS

Condition = Callable[[Exchange], bool]


class Kind(StrEnum):
    """What a difference is."""

    CHOSEN = "different"
    NOT_YET = "not yet"


@dataclass(frozen=True)
class Difference:
    """Fields of some routes that differ, in those exchanges for which the condition holds."""

    kind: Kind
    reason: str
    routes: Sequence[str]
    fields: Sequence[str]
    when: Condition = lambda _exchange: True

    def applies(self, exchange: Exchange) -> bool:
        """Whether the fields differ in an exchange, given what Orthanc answered."""
        return exchange.route in self.routes and self.when(exchange)


def differences_in(exchange: Exchange) -> list[Difference]:
    """The differences to be found in an exchange."""
    return [difference for difference in DIFFERENCES if difference.applies(exchange)]


def _at_all_levels(template: str) -> list[str]:
    return [template.replace("{level}", level) for level in LEVELS]


def _asks(*parts: str) -> Condition:
    return lambda exchange: any(part in exchange.request for part in parts)


def _says(text: str) -> Condition:
    """Orthanc's `Details` start with a text."""
    return lambda exchange: (
        isinstance(exchange.body, dict) and exchange.body.get("Details", "").startswith(text)
    )


def _fails(exchange: Exchange) -> bool:
    return exchange.status == 500


_SYSTEM = ("GET /system", "GET /system/", "GET //system")
_LISTS = _at_all_levels("GET /{level}")
_RESOURCES = _at_all_levels("GET /{level}/{id}")
_JPEG = "1.2.840.10008.1.2.4."

DIFFERENCES = [
    Difference(
        Kind.CHOSEN,
        "The error names the argument that is wrong, and does not repeat its value.",
        _LISTS,
        ["json.Details"],
        lambda e: _says("Syntax error")(e) or _says("Expected a Boolean")(e),
    ),
    Difference(
        Kind.CHOSEN,
        "A negative `since` or `limit` is the client's mistake: 400, where Orthanc's database fails with 500.",
        _LISTS,
        ["status"],
        _fails,
    ),
    Difference(
        Kind.CHOSEN,
        "Percent-encoded query strings are decoded, `;` among them; Orthanc takes `%3B` literally and answers 400.",
        _RESOURCES,
        ["status"],
        _asks("%3B"),
    ),
    Difference(
        Kind.CHOSEN,
        "A name that is no tag is the client's mistake: 400, where Orthanc answers 500.",
        ["GET /instances/{id}/tags", "GET /instances/{id}/content/..."],
        ["status"],
        _fails,
    ),
    Difference(
        Kind.CHOSEN,
        "Of a method that a path below a resource does not have, 405 is said even if the path is unknown.",
        [f"{method} /studies/{{id}}/nonsense" for method in ("POST", "PUT", "DELETE")],
        ["status"],
    ),
    Difference(
        Kind.CHOSEN,
        "The path of a preview of anything but an instance is unknown; the answer has no body.",
        [f"GET /{level}/{{id}}/preview" for level in LEVELS[:3]],
        ["headers", "json"],
    ),
    Difference(
        Kind.CHOSEN,
        "The root leads to `/system`, since there is no Orthanc Explorer.",
        ["GET /"],
        ["headers.location"],
    ),
    Difference(
        Kind.CHOSEN,
        "The product's own name and version stand beside Orthanc's; there are no plugins.",
        _SYSTEM,
        ["json.PluginsEnabled", "json.Product", "json.ProductVersion"],
    ),
    Difference(Kind.NOT_YET, "Labels.", _SYSTEM, ["json.HasLabels"]),
    Difference(Kind.NOT_YET, "The other tools.", ["GET /tools", "GET /tools/"], ["json"]),
]
