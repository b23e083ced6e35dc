"""Answers that are made for one request: those too large for the gateway lie in the bucket for a while."""

from __future__ import annotations

import uuid

from chalicelib.storage.s3.archives import ArchiveFiles


class HandedOut:
    """Keeps what is too large to be answered at once."""

    def __init__(self, archives: ArchiveFiles, *, maximum_inline_bytes: int) -> None:
        self._archives = archives
        self._maximum_inline_bytes = maximum_inline_bytes

    def keep(self, data: bytes, name: str) -> str | None:
        """The key under which the data lies now, or None if they can be answered as they are."""
        if len(data) <= self._maximum_inline_bytes:
            return None
        return self._archives.put_file(f"answer-{uuid.uuid4()}", name, data)
