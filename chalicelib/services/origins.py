"""Where an instance came from, as metadata under Orthanc's names (its `RequestOrigin`)."""

from __future__ import annotations


def rest_api(remote_ip: str, user: str) -> dict[str, str]:
    """The origin of what came by HTTP; `user` is empty where nobody has to sign in."""
    return {"HttpUsername": user, "Origin": "RestApi", "RemoteAET": "", "RemoteIP": remote_ip}


def inbox() -> dict[str, str]:
    """The origin of what was put into the inbox: Orthanc's word for whatever comes by an extension."""
    return {"Origin": "Plugins", "RemoteAET": ""}


def dicom_protocol(remote_ip: str, remote_aet: str, called_aet: str) -> dict[str, str]:
    """The origin of what a modality sent by C-STORE."""
    return {
        "CalledAET": called_aet,
        "Origin": "DicomProtocol",
        "RemoteAET": remote_aet,
        "RemoteIP": remote_ip,
    }


def unknown() -> dict[str, str]:
    """The origin of a file that was found in the bucket, which does not tell."""
    return {"Origin": "Unknown", "RemoteAET": ""}
