"""Which instances are meant by who names resources."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chalicelib.domain.errors import BadFileFormat
from chalicelib.domain.levels import Level
from chalicelib.services.bulk import Bulk

_IDENTIFIER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{8}){4}")


def instances_of(bulk: Bulk, resources: Sequence[str]) -> list[str]:
    """The instances of resources of any levels.

    Raises
    ------
    BadFileFormat
        A text is no identifier.
    UnknownResource
        There is no such resource.
    """
    for identifier in resources:
        if not _IDENTIFIER.fullmatch(identifier):
            raise BadFileFormat(f"This string is not a valid Orthanc identifier: {identifier[:64]}")
    return [instance for identifier in resources for instance in bulk.relatives(identifier, Level.INSTANCE)]
