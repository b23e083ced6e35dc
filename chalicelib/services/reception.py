"""Store files that lie on this machine's disk, whatever their size: a small one at once, a large one in parts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from chalicelib.domain.errors import BadFileFormat, PayloadTooLarge
from chalicelib.domain.outcomes import Stored
from chalicelib.services.description import describe
from chalicelib.services.ingest import Ingest
from chalicelib.storage.s3.files import FileStore

IN_MEMORY_BYTES = 8 * 1024**2


class AnotherInstance(BadFileFormat):
    """The file is not the instance that its sender says."""


class Reception:
    """Stores what the listener received."""

    def __init__(
        self,
        ingest: Ingest,
        files: FileStore,
        *,
        default_encoding: Callable[[], str],
        maximum_bytes: int | None = None,
    ) -> None:
        """`maximum_bytes` is the largest file that is taken; any if not given."""
        self._ingest = ingest
        self._files = files
        self._default_encoding = default_encoding
        self._maximum_bytes = maximum_bytes

    def store(self, path: Path, origin: dict[str, str], sop_instance_uid: str = "") -> Stored:
        """Store a DICOM file as it is. Safe to repeat.

        Parameters
        ----------
        path
            The file. Of one of more than 8 MB only the header and a part of 16 MB are in memory at a time.
        origin
            Where it came from, see `chalicelib.services.origins`.
        sop_instance_uid
            What the sender says that the file is; anything if empty.

        Raises
        ------
        BadFileFormat
            It is not a DICOM file.
        AnotherInstance
            It is not the instance that it should be.
        InexistentTag
            It lacks one of the UIDs.
        PayloadTooLarge
            It is larger than this node takes.
        Unavailable
            AWS did not take it in time; nothing is acknowledged.
        """
        size = path.stat().st_size
        if self._maximum_bytes is not None and size > self._maximum_bytes:
            raise PayloadTooLarge("The object is larger than this node takes")
        data = path.read_bytes() if size <= IN_MEMORY_BYTES else None
        with path.open("rb") as file:
            md5 = hashlib.md5(data, usedforsecurity=False) if data else hashlib.file_digest(file, _md5)
            file.seek(0)
            description = describe(data or file, size, md5.hexdigest(), self._default_encoding())
            if sop_instance_uid and description.sop_instance_uid != sop_instance_uid:
                raise AnotherInstance

            def write(key: str) -> None:
                if data is None:
                    file.seek(0)
                    self._files.put_stream(key, file)
                else:
                    self._files.put(key, data, md5.hexdigest())

            return self._ingest.place(description, write, origin)


def _md5() -> hashlib._Hash:
    return hashlib.md5(usedforsecurity=False)
