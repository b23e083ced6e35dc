"""The files of the worklist, in a folder or in S3, read once as long as they do not change."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Protocol

from pydicom import dcmread
from pydicom.dataset import Dataset

from chalicelib.domain.errors import InexistentItem
from chalicelib.observability import Telemetry

SUFFIX = ".wl"
MAXIMUM_BYTES = 1024 * 1024
"""An entry of a worklist has some kilobytes."""


class WorklistFiles(Protocol):
    """Where worklist files lie."""

    def list(self) -> Iterable[tuple[str, str, int]]:
        """Name, version and size of each file."""

    def read(self, key: str) -> bytes:
        """A file; raises `InexistentItem` if it is gone."""


class Folder:
    """A folder of this machine, without those below it, as Orthanc's plugin reads it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def list(self) -> Iterator[tuple[str, str, int]]:
        """See `WorklistFiles`; raises `OSError` if the folder cannot be read."""
        with os.scandir(self._path) as entries:
            for entry in sorted(entries, key=lambda one: one.name):
                if entry.is_file():
                    found = entry.stat()
                    yield entry.name, f"{found.st_mtime_ns} {found.st_ino}", found.st_size

    def read(self, key: str) -> bytes:
        """See `WorklistFiles`."""
        try:
            return (self._path / key).read_bytes()
        except OSError:
            raise InexistentItem("The worklist file is gone") from None


class Worklist:
    """The entries of a worklist. What is no DICOM file is told once in the log, and left out."""

    def __init__(self, files: WorklistFiles, telemetry: Telemetry) -> None:
        self._files = files
        self._telemetry = telemetry
        self._lock = threading.Lock()
        self._known: dict[str, tuple[str, Dataset | None]] = {}

    def entries(self) -> list[Dataset]:
        """All of them, in the order of the names of their files, as they are now.

        Raises
        ------
        Unavailable, OSError
            They cannot be read.
        """
        known = {}
        for name, version, size in self._files.list():
            if name.lower().endswith(SUFFIX):
                before = self._known.get(name)
                known[name] = before if before and before[0] == version else (version, self._read(name, size))
        with self._lock:
            self._known = known
        return [entry for _, entry in known.values() if entry is not None]

    def _read(self, name: str, size: int) -> Dataset | None:
        try:
            if size <= MAXIMUM_BYTES:
                entry = dcmread(BytesIO(self._files.read(name)))
                entry.walk(lambda _, element: element.value)  # decodes it, once and for all threads
                return entry
        except InexistentItem:
            return None
        # pydicom raises whatever it likes about a broken file.
        except Exception as error:
            self._telemetry.event("worklist file left out", error=error)
            return None
        self._telemetry.event("worklist file left out: too large", level=logging.ERROR, bytes=size)
        return None
