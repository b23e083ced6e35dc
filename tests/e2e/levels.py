"""pyorthanc's calls by level: `get_studies_id_media`, `get_series_id_media`, ... are one call of four names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyorthanc import Orthanc

PARENTS = {
    "patients": "ParentPatient",
    "studies": "ParentStudy",
    "series": "ParentSeries",
    "instances": "ID",
}


@dataclass(frozen=True)
class Resource:
    """A stored resource and the client that asks about it."""

    client: Orthanc
    level: str
    identifier: str

    @classmethod
    def of(cls, client: Orthanc, level: str, stored: Mapping[str, str]) -> Resource:
        """The resource of a level that an answer to an upload names."""
        return cls(client, level, stored[PARENTS[level]])

    def call(self, method: str, name: str, *arguments: Any, **options: Any) -> Any:
        """Call `{method}_{level}_id_{name}`."""
        call = getattr(self.client, f"{method}_{self.level}_id_{name}")
        return call(self.identifier, *arguments, **options)

    def get(self, name: str, *arguments: Any, **options: Any) -> Any:
        """Call `get_{level}_id_{name}`."""
        return self.call("get", name, *arguments, **options)
