"""orthanc-api-client's calls for metadata, attachments and labels, at every level."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from orthanc_api_client import OrthancApiClient
from orthanc_api_client.exceptions import Conflict, ResourceNotFound

LEVELS = ("patients", "studies", "series", "instances")
NAME = "1024"


@pytest.fixture(params=LEVELS)
def resources(request: pytest.FixtureRequest, api_client: OrthancApiClient, ct: Path) -> Any:
    """The client's calls for a level at which one resource is stored."""
    api_client.upload_file(str(ct))
    return getattr(api_client, request.param)


@pytest.fixture
def identifier(resources: Any) -> str:
    (only,) = resources.get_all_ids()
    return str(only)


def test_metadata(resources: Any, identifier: str, tmp_path: Path) -> None:
    assert not resources.has_metadata(identifier, NAME)
    assert resources.get_string_metadata(identifier, NAME, "none") == "none"
    resources.set_string_metadata(identifier, NAME, "Zoë")
    assert resources.has_metadata(identifier, NAME)
    assert resources.get_string_metadata(identifier, NAME) == "Zoë"
    file = tmp_path / "binary"
    file.write_bytes(bytes(range(256)))
    resources.set_binary_metadata(identifier, NAME, path=str(file))
    assert resources.get_binary_metadata(identifier, NAME) == file.read_bytes()


def test_metadata_is_changed_at_its_revision_only(resources: Any, identifier: str) -> None:
    resources.set_string_metadata(identifier, NAME, "first")
    content, revision = resources.get_string_metadata_with_revision(identifier, NAME)
    assert content == "first"
    resources.set_string_metadata(identifier, NAME, "second", match_revision=revision)
    with pytest.raises(Conflict):
        resources.set_binary_metadata(identifier, NAME, b"third", match_revision=revision)
    content, newer = resources.get_binary_metadata_with_revision(identifier, NAME)
    assert content == b"second"
    assert newer != revision


def test_attachments(resources: Any, identifier: str, tmp_path: Path) -> None:
    resources.set_attachment(identifier, NAME, "first", content_type="text/plain")
    content, revision = resources.get_attachment_with_revision(identifier, NAME)
    assert content == b"first"
    file = tmp_path / "second"
    file.write_bytes(bytes(range(256)) * 100)
    resources.set_attachment(identifier, NAME, path=str(file), match_revision=revision)
    assert resources.get_attachment(identifier, NAME) == file.read_bytes()
    with pytest.raises(Conflict):
        resources.set_attachment(identifier, NAME, "third", match_revision=revision)
    resources.download_attachment(identifier, NAME, str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_bytes() == file.read_bytes()


def test_labels(resources: Any, identifier: str, api_client: OrthancApiClient) -> None:
    resources.add_label(identifier, "urgent")
    resources.add_labels(identifier, ["seen", "new"])
    assert sorted(resources.get_labels(identifier)) == ["new", "seen", "urgent"]
    assert sorted(resources.get(identifier).labels) == ["new", "seen", "urgent"]
    assert sorted(api_client.get_all_labels()) == ["new", "seen", "urgent"]
    resources.delete_label(identifier, "urgent")
    resources.delete_labels(identifier, ["seen", "new"])
    assert resources.get_labels(identifier) == []


def test_an_annotation_of_nothing(api_client: OrthancApiClient) -> None:
    with pytest.raises(ResourceNotFound):
        api_client.studies.get_attachment("no-such-study", NAME)
    with pytest.raises(ResourceNotFound):
        api_client.studies.get_labels("no-such-study")
