"""ETags and If-Match, as Orthanc 1.12 has them: ``"revision-MD5"``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from chalicelib.domain.errors import BadRevision, ParameterOutOfRange

_ETAG = re.compile(r"([0-9]{1,18})-([0-9a-fA-F]{32})")


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision of a value, and the MD5 (hex) of the value."""

    number: int
    md5: str

    @property
    def etag(self) -> str:
        """The header."""
        return f'"{self.number}-{self.md5}"'


def parse_etag(text: str, header: str) -> Revision | None:
    """The revision that a header names; None where it is missing.

    Raises
    ------
    ParameterOutOfRange
        It has another form.
    """
    if not text:
        return None
    value = text.strip().strip('"')
    match = _ETAG.fullmatch(value)
    if match is None:
        raise ParameterOutOfRange(
            f'The "{header}" HTTP header should contain the ETag (revision followed by MD5 hash),'
            f" but found: {value[:80]}"
        )
    return Revision(int(match[1]), match[2].lower())


def check(there: Revision | None, known: Revision | None, *, is_required: bool, details: str = "") -> None:
    """Refuse a change by somebody who does not know what is there.

    Raises
    ------
    BadRevision
        The client knows another revision, or none though it has to (`CheckRevisions`).
    """
    if there is None:
        return
    if known is None and is_required:
        raise BadRevision(details)
    if known is not None and known != there:
        raise BadRevision
