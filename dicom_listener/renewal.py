"""TLS contexts that follow their files: what is renewed on disk is used for what is opened from then on."""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Callable, Sequence

from chalicelib.configuration_file import SettingsError

Stamp = tuple[int, int, int, int] | None
Report = Callable[[SettingsError], None]
"""Told when new files cannot be used, once for each change of them."""


def unreported(_error: SettingsError) -> None:
    """For who makes contexts only to see that they can be made."""


class Renewed:
    """Gives the context of some files as they are, or as they were when they could last be used."""

    def __init__(self, make: Callable[[], ssl.SSLContext], paths: Sequence[str], report: Report) -> None:
        """`make` reads the files; raises `SettingsError` as `make` does."""
        self._make = make
        self._paths = paths
        self._report = report
        self._lock = threading.Lock()
        self._stamps = self._now()
        self._context = make()

    def __call__(self) -> ssl.SSLContext:
        """The context. Costs a look at each file, and reads them if they have changed."""
        with self._lock:
            stamps = self._now()
            if stamps != self._stamps:
                self._stamps = (
                    stamps  # taken before the files are read: what changes meanwhile is read next time
                )
                try:
                    self._context = self._make()
                except SettingsError as error:
                    self._report(error)
            return self._context

    def _now(self) -> list[Stamp]:
        return [_stamp(path) for path in self._paths]


def _stamp(path: str) -> Stamp:
    """What changes when a file is written or replaced, also behind a symbolic link; None if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
