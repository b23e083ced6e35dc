"""What options name and the API may change: remote modalities and peers."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from chalicelib.domain.clock import Clock
from chalicelib.domain.errors import BadFileFormat
from chalicelib.storage.dynamodb.registry import Registry

REMEMBERED_SECONDS = 2.0
"""After which a change that another process made is seen by what asks for each association."""

LOOK_AGAIN_SECONDS = 0.1
"""After which what was not found is looked for again: strangers cannot make more queries than this allows."""

NAME = re.compile(r"[A-Za-z0-9_-]+")

T = TypeVar("T")


class Registered(Generic[T]):
    """Things by symbolic names: those of an option, and over them those of the API, which every process sees."""

    def __init__(
        self,
        registry: Registry,
        options: Mapping[str, Any],
        clock: Clock,
        read: Callable[[Any], T],
        write: Callable[[T], Any],
    ) -> None:
        """`read` makes a thing of JSON, and raises where it cannot; `write` is its opposite."""
        self._registry = registry
        self._configured = {name: read(value) for name, value in options.items()}
        self._clock = clock
        self._read = read
        self._write = write
        self._lock = threading.Lock()
        self._recent: tuple[float, dict[str, T]] | None = None

    def all(self) -> dict[str, T]:
        """Every one by its symbolic name, in order. One query."""
        found = dict(self._configured)
        for name, value in self._registry.all().items():
            if value is None:
                found.pop(name, None)
            else:
                found[name] = self._read(value)
        return dict(sorted(found.items()))

    def find(self, fits: Callable[[T], bool]) -> dict[str, T]:
        """Those that fit, by symbolic name, as they were at most two seconds ago.

        What was just put is found, since it looks again before it says that there are none.
        """
        for seconds in (REMEMBERED_SECONDS, LOOK_AGAIN_SECONDS):
            found = {name: one for name, one in self._recently(seconds).items() if fits(one)}
            if found:
                return found
        return {}

    def _recently(self, seconds: float) -> dict[str, T]:
        """As `all`, as it was at most so many seconds ago."""
        with self._lock:
            now = self._clock()
            if self._recent is None or now - self._recent[0] > seconds:
                self._recent = (now, self.all())
            return self._recent[1]

    def put(self, name: str, value: Any) -> None:
        """Set one from Orthanc's JSON.

        Raises
        ------
        BadFileFormat, ParameterOutOfRange
            The name or the value cannot be used.
        """
        if not NAME.fullmatch(name):
            raise BadFileFormat(
                "Only alphanumeric, dash characters and underscores are allowed in the names of"
                f" modalities/peers, but found: {name[:64]}"
            )
        self._registry.put(name, self._write(self._read(value)))

    def forget(self, name: str) -> None:
        """Remove one, whether it is there or not; it hides that of the option."""
        self._registry.put(name, None)
