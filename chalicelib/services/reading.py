"""Read stored files: whole, or only the part that an answer needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from io import BytesIO
from typing import TYPE_CHECKING

from chalicelib.domain.errors import UnknownResource
from chalicelib.domain.levels import Level
from chalicelib.domain.resources import Instance
from chalicelib.services.browse import Browse
from chalicelib.storage.dynamodb.index import Index
from chalicelib.storage.s3.files import FileStore

if TYPE_CHECKING:
    from chalicelib.dicom.reader import Header


class Reading:
    """Reads files. Every call costs the instance's row and one ranged GET, unless it says otherwise."""

    def __init__(self, index: Index, browse: Browse, files: FileStore, pool: Executor) -> None:
        self._index = index
        self._browse = browse
        self._files = files
        self._pool = pool

    def instance(self, identifier: str) -> Instance:
        """The row of an instance.

        Raises
        ------
        UnknownResource
            There is no such instance.
        """
        instance = self._index.instance(identifier)
        if instance is None:
            raise UnknownResource
        return instance

    def file(self, instance: Instance) -> bytes:
        """The whole file. One GET."""
        return self._files.get(instance.file.key)

    def pieces(self, instance: Instance) -> Iterator[bytes]:
        """The whole file, in pieces. One GET."""
        return self._files.pieces(instance.file.key)

    def file_url(self, instance: Instance) -> str:
        """A URL at which the file can be had for five minutes. No call."""
        return self._files.presigned_get(instance.file.key, f"{instance.id}.dcm", "application/dicom")

    def header(self, identifier: str) -> Header:
        """All of an instance's file but its pixel data."""
        return self.header_of(self.instance(identifier))

    def header_of(self, instance: Instance) -> Header:
        """As `header`, for a row at hand. One ranged GET."""
        from chalicelib.dicom.reader import read_header

        data = self._files.get_range(instance.file.key, 0, instance.file.header_length)
        return read_header(BytesIO(data), instance.file.size)

    def headers_below(self, level: Level, identifier: str) -> list[tuple[str, Header]]:
        """The headers of all instances below a resource, by identifier; reads each of them."""
        identifiers: Sequence[str] = self._browse.descendants(level, identifier, Level.INSTANCE)
        instances = self._index.instances(identifiers)
        found = [instances[i] for i in identifiers if i in instances]
        return list(zip((i.id for i in found), self._pool.map(self.header_of, found), strict=True))

    def first_frame(self, instance: Instance) -> tuple[Header, bytes]:
        """The header and the bytes of the first frame, in one ranged GET."""
        from chalicelib.dicom.reader import read_header

        file = instance.file
        start = file.pixel_data_offset
        end = file.first_frame_end or file.size
        data = self._files.get_range(file.key, 0, max(end, file.header_length))
        header = read_header(BytesIO(data[: file.header_length]), file.size)
        return header, b"" if start is None else data[start:end]

    def range_reader(self, instance: Instance) -> RangeReader:
        """Reads any part of the instance's file."""
        return RangeReader(self._files, instance.file.key)


class RangeReader:
    """Reads parts of one file, one GET each."""

    def __init__(self, files: FileStore, key: str) -> None:
        self._files = files
        self._key = key

    def __call__(self, start: int, end: int) -> bytes:
        """The bytes from `start` up to, not including, `end`."""
        return self._files.get_range(self._key, start, end) if end > start else b""
