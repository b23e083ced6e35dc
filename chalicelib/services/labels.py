"""Labels on resources."""

from __future__ import annotations

import re
from concurrent.futures import Executor

from chalicelib.domain.annotations import MAXIMUM_LABELS, Annotations
from chalicelib.domain.errors import ParameterOutOfRange
from chalicelib.domain.levels import Level
from chalicelib.services.annotate import Annotate, Row
from chalicelib.storage.dynamodb.index import Index

_LABEL = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Labels:
    """Sets, removes and lists labels."""

    def __init__(self, annotate: Annotate, index: Index, pool: Executor) -> None:
        self._annotate = annotate
        self._index = index
        self._pool = pool

    def of(self, level: Level, identifier: str) -> tuple[str, ...]:
        """The labels of a resource, in order. Raises `UnknownResource` if there is none."""
        return self._annotate.row(level, identifier).annotations.labels

    def add(self, level: Level, identifier: str, label: str) -> None:
        """Set a label; safe to repeat.

        Raises
        ------
        ParameterOutOfRange
            It has other characters than Orthanc allows, or the resource has too many.
        UnknownResource
            There is no such resource.
        """
        _check(label)

        def edit(row: Row) -> Annotations:
            new = row.annotations.with_label(label)
            if len(new.labels) > MAXIMUM_LABELS:
                raise ParameterOutOfRange(f"A resource can have {MAXIMUM_LABELS} labels")
            return new

        self._annotate.change(level, identifier, edit)

    def remove(self, level: Level, identifier: str, label: str) -> None:
        """Remove a label, if it is there; raises as `add` does."""
        _check(label)
        self._annotate.change(level, identifier, lambda row: row.annotations.without_label(label))

    def all(self) -> list[str]:
        """The labels that any resource has, in order. A query for all that were ever used, and one for each."""
        known = self._index.known_labels()
        in_use = self._pool.map(self._index.is_label_used, known)
        return [label for label, used in zip(known, in_use, strict=True) if used]


def _check(label: str) -> None:
    if not _LABEL.fullmatch(label):
        raise ParameterOutOfRange(
            "A label must be a non-empty, alphanumeric string, possibly with '_' or '-' characters,"
            f" with maximum 64 characters, but got: {label[:80]}"
        )
