"""pyorthanc's calls for metadata, attachments, labels and protection, at every level."""

from __future__ import annotations

import hashlib
from pathlib import Path

import httpx
import pytest
from pyorthanc import Orthanc

from tests.e2e.conftest import stored
from tests.e2e.levels import PARENTS, Resource

pytestmark = pytest.mark.parametrize("level", PARENTS)


@pytest.fixture
def resource(pyorthanc: Orthanc, ct: Path, level: str) -> Resource:
    return Resource.of(pyorthanc, level, stored(pyorthanc, ct))


def test_metadata(resource: Resource) -> None:
    assert "MainDicomTagsSignature" in resource.get("metadata")
    resource.call("put", "metadata_name", "1024", "Urgent\né".encode())
    assert resource.get("metadata_name", "1024") == "Urgent\né"
    assert resource.get("metadata", {"expand": ""})["1024"] == "Urgent\né"
    resource.call("delete", "metadata_name", "1024")
    with pytest.raises(httpx.HTTPError, match="404"):
        resource.get("metadata_name", "1024")


def test_metadata_is_changed_at_its_revision_only(resource: Resource) -> None:
    resource.call("put", "metadata_name", "1024", b"first")
    resource.client.return_raw_response = True
    revision = {"If-Match": resource.get("metadata_name", "1024").headers["ETag"]}
    resource.client.return_raw_response = False
    resource.call("put", "metadata_name", "1024", b"second", headers=revision)
    with pytest.raises(httpx.HTTPError, match="409"):
        resource.call("put", "metadata_name", "1024", b"third", headers=revision)
    with pytest.raises(httpx.HTTPError, match="409"):
        resource.call("delete", "metadata_name", "1024", headers=revision)
    assert resource.get("metadata_name", "1024") == "second"


def test_labels(resource: Resource) -> None:
    resource.call("put", "labels_label", "urgent")
    assert resource.get("labels") == ["urgent"]
    assert resource.get("labels_label", "urgent") == ""
    assert resource.client.get_tools_labels() == ["urgent"]
    resource.call("delete", "labels_label", "urgent")
    assert resource.get("labels") == []
    with pytest.raises(httpx.HTTPError, match="404"):
        resource.get("labels_label", "urgent")


def test_attachments(resource: Resource) -> None:
    report = b"a report " * 100
    digest = hashlib.md5(report).hexdigest()
    resource.call("put", "attachments_name", "1024", report)
    assert "1024" in resource.get("attachments")
    assert "data" in resource.get("attachments_name", "1024")
    assert resource.get("attachments_name_data", "1024") == report
    assert resource.get("attachments_name_size", "1024") == str(len(report))
    assert resource.get("attachments_name_md5", "1024") == digest
    assert resource.get("attachments_name_info", "1024")["UncompressedMD5"] == digest
    assert resource.call("post", "attachments_name_verify_md5", "1024") == {}


def test_compressed_attachments(resource: Resource) -> None:
    report = b"a report " * 100
    resource.call("put", "attachments_name", "1024", report)
    resource.call("post", "attachments_name_compress", "1024")
    assert resource.get("attachments_name_is_compressed", "1024") == "1"
    compressed = resource.get("attachments_name_compressed_data", "1024")
    assert len(compressed) < len(report)
    assert resource.get("attachments_name_compressed_size", "1024") == str(len(compressed))
    assert resource.get("attachments_name_compressed_md5", "1024") == hashlib.md5(compressed).hexdigest()
    assert resource.get("attachments_name_data", "1024") == report
    resource.call("post", "attachments_name_uncompress", "1024")
    assert resource.get("attachments_name_is_compressed", "1024") == "0"
    assert resource.get("attachments_name_compressed_data", "1024") == report
    resource.call("delete", "attachments_name", "1024")
    assert "1024" not in resource.get("attachments")
