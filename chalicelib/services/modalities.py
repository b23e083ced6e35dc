"""The remote modalities: those of the option `DicomModalities`, and those that users set by the API."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from chalicelib.domain.clock import Clock
from chalicelib.domain.errors import InexistentItem
from chalicelib.domain.modalities import Modality
from chalicelib.services.modality_json import check_name, from_json, to_json
from chalicelib.storage.dynamodb.registry import Registry

REMEMBERED_SECONDS = 2.0
"""After which a change that another process made is seen by what asks for each association."""


class Modalities:
    """Knows the modalities. What the API changes, every process sees."""

    def __init__(self, registry: Registry, options: Mapping[str, Any], clock: Clock) -> None:
        """`options` is the value of `DicomModalities`; one that is wrong raises as `from_json` does."""
        self._registry = registry
        self._configured = {name: from_json(value) for name, value in options.items()}
        self._clock = clock
        self._lock = threading.Lock()
        self._recent: tuple[float, dict[str, Modality]] | None = None

    def all(self) -> dict[str, Modality]:
        """Every modality by its symbolic name, in order. One query."""
        found = dict(self._configured)
        for name, value in self._registry.all().items():
            if value is None:
                found.pop(name, None)
            else:
                found[name] = from_json(value)
        return dict(sorted(found.items()))

    def recent(self) -> dict[str, Modality]:
        """As `all`, as it was at most two seconds ago."""
        with self._lock:
            now = self._clock()
            if self._recent is None or now - self._recent[0] > REMEMBERED_SECONDS:
                self._recent = (now, self.all())
            return self._recent[1]

    def get(self, name: str) -> Modality:
        """A modality by its symbolic name.

        Raises
        ------
        InexistentItem
            There is none of this name.
        """
        found = self.all().get(name)
        if found is None:
            raise InexistentItem(f"No modality with symbolic name: {name[:64]}")
        return found

    def put(self, name: str, value: Any) -> None:
        """Set a modality from Orthanc's JSON.

        Raises
        ------
        BadFileFormat, ParameterOutOfRange
            The name or the value cannot be used.
        """
        check_name(name)
        self._registry.put(name, to_json(from_json(value)))

    def remove(self, name: str) -> None:
        """Forget a modality; raises `InexistentItem` if there is none of this name."""
        if name not in self.all():
            raise InexistentItem(f"Unknown DICOM modality with symbolic name: {name[:64]}")
        self._registry.put(name, None)
