"""The remote modalities: those of the option `DicomModalities`, and those that users set by the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.domain.clock import Clock
from chalicelib.domain.errors import InexistentItem
from chalicelib.domain.modalities import Modality
from chalicelib.services.modality_json import from_json, to_json
from chalicelib.services.registered import Registered
from chalicelib.storage.dynamodb.registry import Registry


class Modalities(Registered[Modality]):
    """Knows the modalities. What the API changes, every process sees."""

    def __init__(self, registry: Registry, options: Mapping[str, Any], clock: Clock) -> None:
        """`options` is the value of `DicomModalities`; one that is wrong raises as `from_json` does."""
        super().__init__(registry, options, clock, from_json, to_json)

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

    def remove(self, name: str) -> None:
        """Forget a modality; raises `InexistentItem` if there is none of this name."""
        if name not in self.all():
            raise InexistentItem(f"Unknown DICOM modality with symbolic name: {name[:64]}")
        self.forget(name)
