"""The metadata of resources, under Orthanc's names."""

from __future__ import annotations

from chalicelib.domain.clock import orthanc_time
from chalicelib.domain.main_dicom_tags import signature
from chalicelib.domain.resources import Instance, Resource

INSTANCE_METADATA = (
    "CalledAET", "HttpHost", "HttpUsername", "IndexInSeries", "MainDicomTagsSignature", "Origin", "PixelDataOffset",
    "PixelDataVR", "ReceptionDate", "RemoteAET", "RemoteIP", "SopClassUid", "TransferSyntax",
)  # fmt: skip
RESOURCE_METADATA = (
    "AnonymizedFrom", "ExpectedNumberOfInstances", "LastUpdate", "MainDicomTagsSignature", "ModifiedFrom",
    "RemoteAET", "MainDicomSequences",
)  # fmt: skip
SYSTEM_METADATA = frozenset((*INSTANCE_METADATA, *RESOURCE_METADATA))
"""The names that Orthanc itself uses."""


def metadata_of(row: Resource | Instance) -> dict[str, str]:
    """All metadata of a resource."""
    if isinstance(row, Instance):
        return row.metadata
    return {
        "LastUpdate": orthanc_time(row.last_update),
        "MainDicomTagsSignature": signature(row.level),
        **row.metadata,
    }
