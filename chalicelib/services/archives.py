"""ZIP archives of DICOM files, read without trusting what they say of themselves.

Names in an archive are never used, neither as paths nor in messages: they often hold patients' names.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, cast

from chalicelib.domain.errors import BadFileFormat, PayloadTooLarge
from chalicelib.services.bounded import BoundedReader

MAGIC = (b"PK\3\4", b"PK\5\6", b"PK\7\x08")
MAX_DIRECTORY_BYTES = 4 * 1024**2
MAX_ENTRIES = 10_000
MAX_RATIO = 200
ANY_RATIO_BYTES = 256 * 1024**2
"""Up to this size an archive may inflate by any ratio: empty images do, a thousandfold."""

BATCH_BYTES = 64 * 1024**2
BATCH_ENTRIES = 32
CHUNK_BYTES = 1024**2


def is_archive(head: bytes) -> bool:
    """Whether a file that begins like this is a ZIP archive."""
    return head[:4] in MAGIC


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in an archive: its place among the files, from 0, and its size in bytes when inflated."""

    position: int
    size: int
    info: zipfile.ZipInfo


class Archive:
    """An archive whose bounds have been checked."""

    def __init__(self, source: BinaryIO, size: int, max_total_bytes: int) -> None:
        """Open the archive in a seekable `source` of `size` bytes; its files may inflate to `max_total_bytes`.

        Raises
        ------
        BadFileFormat
            It is not a ZIP archive.
        PayloadTooLarge
            It has too many files, or they inflate to too much.
        """
        bounded = BoundedReader(source, MAX_DIRECTORY_BYTES)
        with _understood("Cannot open ZIP archive from memory buffer"):
            self._zip = zipfile.ZipFile(cast(BinaryIO, bounded))
        bounded.lift()
        files = [info for info in self._zip.infolist() if not info.is_dir()]
        self.entries = [Entry(position, info.file_size, info) for position, info in enumerate(files)]
        _check(self.entries, size, max_total_bytes)

    def batches(self, skip: Collection[int] = ()) -> Iterator[list[Entry]]:
        """The files, as many at a time as may be in memory together; a large one comes alone."""
        batch: list[Entry] = []
        total = 0
        for entry in self.entries:
            if entry.position in skip:
                continue
            if batch and (total + entry.size > BATCH_BYTES or len(batch) == BATCH_ENTRIES):
                yield batch
                batch, total = [], 0
            batch.append(entry)
            total += entry.size
        if batch:
            yield batch

    def read(self, entry: Entry) -> bytes:
        """A file of the archive.

        Raises
        ------
        BadFileFormat
            It is damaged, encrypted, or compressed in an unknown way.
        """
        with self.open(entry) as stream, _understood("A file of the archive cannot be read"):
            return b"".join(iter(lambda: stream.read(CHUNK_BYTES), b""))

    @contextmanager
    def open(self, entry: Entry) -> Iterator[BinaryIO]:
        """A file of the archive as a stream; raises `BadFileFormat` as `read` does."""
        with _understood("A file of the archive cannot be read"), self._zip.open(entry.info) as stream:
            yield cast(BinaryIO, stream)


def _check(entries: list[Entry], size: int, max_total_bytes: int) -> None:
    total = sum(entry.size for entry in entries)
    if len(entries) > MAX_ENTRIES:
        raise PayloadTooLarge(f"The archive has more than {MAX_ENTRIES} files")
    if total > max_total_bytes:
        raise PayloadTooLarge(f"The files of the archive are larger than {max_total_bytes} bytes in total")
    if total > ANY_RATIO_BYTES and total > MAX_RATIO * size:
        raise PayloadTooLarge(f"The archive inflates to more than {MAX_RATIO} times its size")


@contextmanager
def _understood(details: str) -> Iterator[None]:
    """Turns what zipfile and its decoders raise on hostile bytes into the store's error.

    RuntimeError is what an encrypted file gives.
    """
    from lzma import LZMAError

    try:
        yield
    except NotImplementedError as error:
        raise BadFileFormat("The archive is compressed or split in a way that cannot be read") from error
    except (zipfile.BadZipFile, RuntimeError, ValueError, OverflowError, OSError, EOFError) as error:
        raise BadFileFormat(details) from error
    except (struct.error, zlib.error, LZMAError) as error:
        raise BadFileFormat(details) from error
