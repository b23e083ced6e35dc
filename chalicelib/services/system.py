"""What the store says of itself (`/system`)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from chalicelib.domain.levels import Level
from chalicelib.domain.main_dicom_tags import signature

if TYPE_CHECKING:
    from chalicelib.settings import Settings

ORTHANC_VERSION = "1.12.7"
ORTHANC_API_VERSION = 27
DATABASE_VERSION = 6
NACRE_VERSION = "0.1.0"


class System:
    """Describes the store."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def describe(self) -> dict[str, Any]:
        """The fields of Orthanc's `/system`, and the name and version of this product beside them."""
        settings = self._settings
        is_reachable = settings.on_lambda or settings.remote_access_allowed
        return {
            "ApiVersion": ORTHANC_API_VERSION,
            "Capabilities": {"HasExtendedChanges": True, "HasExtendedFind": True},
            "CheckRevisions": settings.check_revisions,
            "DatabaseBackendPlugin": None,
            "DatabaseServerIdentifier": settings.server_identifier,
            "DatabaseVersion": DATABASE_VERSION,
            "DefaultRetrieveMethod": "C-MOVE",
            "DicomAet": settings.dicom_aet,
            "DicomPort": settings.dicom_port,
            "HasLabels": True,
            "HttpPort": settings.http_port,
            "IngestTranscoding": "",
            "IsHttpServerSecure": settings.authentication_enabled or not is_reachable,
            "MainDicomTags": {level.label: signature(level) for level in Level},
            "MaximumPatientCount": 0,
            "MaximumStorageMode": "Recycle",
            "MaximumStorageSize": 0,
            "Name": settings.name,
            "OverwriteInstances": settings.overwrite_instances != "Never",
            "PluginsEnabled": False,
            "Product": "Nacre",
            "ProductVersion": NACRE_VERSION,
            "ReadOnly": False,
            "StorageAreaPlugin": None,
            "StorageCompression": False,
            "UserMetadata": settings.user_metadata,
            "Version": ORTHANC_VERSION,
        }

    def generate_identifier(self, level: str) -> str:
        """A new PatientID (a UUID), or a new UID under the root of UUIDs (PS3.5, section B.2)."""
        new = uuid.uuid4()
        return str(new) if level == "patient" else f"2.25.{new.int}"
