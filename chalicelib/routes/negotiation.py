"""Which of several media types an `Accept` header prefers (RFC 9110 12.5.1), as Orthanc reads it."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.domain.errors import UnsupportedMediaType


def negotiate(accept: str, offered: Sequence[str]) -> str | None:
    """The best of the offered types, or None.

    A type that is named goes before what a wildcard lets through, then quality decides, then the header's order.
    A wildcard stands for the first of the types that it covers.

    Raises
    ------
    UnsupportedMediaType
        A quality is not a number.
    """
    best: tuple[int, float] | None = None
    chosen: str | None = None
    for part in accept.split(","):
        pattern, *parameters = (piece.strip() for piece in part.split(";"))
        found = _match(pattern, offered)
        if found is None:
            continue
        rank = (_precision(pattern), _quality(parameters))
        if best is None or rank > best:
            best, chosen = rank, found
    return chosen


def _match(pattern: str, offered: Sequence[str]) -> str | None:
    if pattern.endswith("/*"):
        prefix = "" if pattern == "*/*" else pattern[:-1]
        return next((name for name in offered if name.startswith(prefix)), None)
    return pattern if pattern in offered else None


def _precision(pattern: str) -> int:
    return 2 - pattern.count("*")


def _quality(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError as error:
                raise UnsupportedMediaType("A quality in the Accept header is not a number") from error
    return 1.0
