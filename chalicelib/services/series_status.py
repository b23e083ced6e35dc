"""Whether a series has all its instances (Orthanc's `Status` of a series)."""

from __future__ import annotations

from enum import StrEnum

from chalicelib.domain.resources import Family


class SeriesStatus(StrEnum):
    """Orthanc's names."""

    COMPLETE = "Complete"
    MISSING = "Missing"
    INCONSISTENT = "Inconsistent"
    UNKNOWN = "Unknown"


def series_status(family: Family) -> SeriesStatus:
    """Judge a series by the number of instances it announces and their indexes in it."""
    expected = family.resource.expected_instances
    if expected is None:
        return SeriesStatus.UNKNOWN
    seen: set[int] = set()
    for child in family.children:
        index = child.index_in_series
        if index is None or not 0 < index <= expected or index in seen:
            return SeriesStatus.INCONSISTENT
        seen.add(index)
    return SeriesStatus.COMPLETE if len(seen) == expected else SeriesStatus.MISSING
