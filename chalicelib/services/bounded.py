"""A stream that gives no more than it may, whatever its reader asks for."""

from __future__ import annotations

import io
from typing import BinaryIO

from chalicelib.domain.errors import BadFileFormat


class BoundedReader(io.RawIOBase):
    """Reads another stream, at most `limit_bytes` in total until `lift` is called."""

    def __init__(self, inner: BinaryIO, limit_bytes: int) -> None:
        self._inner = inner
        self._left: int | None = limit_bytes

    def lift(self) -> None:
        """End the limit: from here on the reader is trusted."""
        self._left = None

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes, or fewer at the end of the stream.

        Raises
        ------
        BadFileFormat
            That would be more than may be read.
        """
        if self._left is None:
            return self._inner.read(size)
        wanted = self._left + 1 if size < 0 else min(size, self._left + 1)
        data = self._inner.read(wanted)
        if len(data) > self._left:
            raise BadFileFormat("What describes the file's content is too long")
        self._left -= len(data)
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position."""
        return self._inner.seek(offset, whence)

    def tell(self) -> int:
        """The position."""
        return self._inner.tell()

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True
