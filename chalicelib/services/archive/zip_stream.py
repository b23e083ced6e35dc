"""A ZIP file that is written once, from its beginning to its end, and can be gone on with elsewhere.

The standard library's zipfile writes to a stream that cannot seek, Zip64 where it is needed included. What it has to
remember of each file for the directory at the end is given out as JSON, and taken in again.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

# A CT image shrinks by a third; more effort gains some percent for thrice the time.
DEFLATE_LEVEL = zlib.Z_BEST_SPEED
ISAL_LEVEL = 2  # as small as zlib's fastest level makes it, in a fifth of the time
PERMISSIONS = 0o600 << 16  # Unix's, in the upper half
DATE = (1980, 1, 1, 0, 0, 0)  # ZIP's earliest: the same files give the same bytes
_REMEMBERED = (
    "filename", "compress_type", "CRC", "compress_size", "file_size", "header_offset", "flag_bits",
    "external_attr",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Packed:
    """A whole file as it lies in an archive; `size` is what it has unpacked, in bytes."""

    data: bytes
    size: int
    crc: int
    method: int


def pack(data: bytes, *, deflates: bool) -> Packed:
    """Pack a file. Most of the time without Python's lock, so that threads pack side by side."""
    from isal import isal_zlib

    crc = isal_zlib.crc32(data)
    if not deflates:
        return Packed(data, len(data), crc, zipfile.ZIP_STORED)
    packer = isal_zlib.compressobj(ISAL_LEVEL, isal_zlib.DEFLATED, -isal_zlib.MAX_WBITS)
    return Packed(packer.compress(data) + packer.flush(), len(data), crc, zipfile.ZIP_DEFLATED)


class ZipStream:
    """Writes a ZIP file; its bytes are to be taken with `take`."""

    def __init__(self, offset: int = 0, directory: Iterable[dict[str, Any]] = ()) -> None:
        """Begin, or go on at a byte behind files that are written already."""
        self._sink = _Sink(offset)
        self._zip = zipfile.ZipFile(cast(BinaryIO, self._sink), "w")
        for remembered in directory:
            info = zipfile.ZipInfo(remembered["filename"], DATE)
            for name in _REMEMBERED[1:]:
                setattr(info, name, remembered[name])
            self._zip.filelist.append(info)
            self._zip.NameToInfo[info.filename] = info

    @property
    def offset(self) -> int:
        """How many bytes there are up to now, taken or not."""
        return self._sink.tell()

    @property
    def waiting_bytes(self) -> int:
        """How many bytes wait to be taken."""
        return len(self._sink.data)

    def take(self) -> bytes:
        """The bytes that were written since they were last taken."""
        return self._sink.take()

    def add_packed(self, name: str, packed: Packed) -> None:
        """Write a file that is packed already."""
        info = zipfile.ZipInfo(name, DATE)
        info.compress_type, info.CRC, info.external_attr = packed.method, packed.crc, PERMISSIONS
        info.file_size, info.compress_size = packed.size, len(packed.data)
        info.header_offset = self._sink.tell()
        self._sink.write(info.FileHeader(zip64=False))
        self._sink.write(packed.data)
        self._zip.filelist.append(info)
        self._zip.NameToInfo[name] = info
        self._zip.start_dir = self._sink.tell()

    def add(self, name: str, pieces: Iterable[bytes], size: int, *, deflates: bool) -> Iterator[None]:
        """Write a file of `size` bytes, piece by piece; pauses after each, so that bytes can be taken."""
        info = zipfile.ZipInfo(name, DATE)
        info.compress_type = zipfile.ZIP_DEFLATED if deflates else zipfile.ZIP_STORED
        info._compresslevel = DEFLATE_LEVEL  # type: ignore[attr-defined]  # public from Python 3.13 on
        info.file_size, info.external_attr = size, PERMISSIONS
        with self._zip.open(info, "w") as entry:
            for piece in pieces:
                entry.write(piece)
                yield

    def remembered(self, start: int = 0) -> list[dict[str, Any]]:
        """What has to be remembered of the files, from the `start`-th on."""
        return [{name: getattr(info, name) for name in _REMEMBERED} for info in self._zip.filelist[start:]]

    def close(self) -> None:
        """Write the directory."""
        self._zip.close()


class _Sink:
    """Takes bytes and knows how many there were."""

    def __init__(self, offset: int) -> None:
        self.data = bytearray()
        self._taken = offset

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)

    def tell(self) -> int:
        return self._taken + len(self.data)

    def take(self) -> bytes:
        data = bytes(self.data)
        self._taken += len(data)
        self.data.clear()
        return data

    def flush(self) -> None:
        """Nothing is held back."""

    def seekable(self) -> bool:
        return False
