"""orthanc-api-client's calls about the system, and those that modify."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from orthanc_api_client import LogLevel, OrthancApiClient
from pydicom import dcmread


def test_log_levels(api_client: OrthancApiClient) -> None:
    assert api_client.set_log_level(LogLevel.VERBOSE) == LogLevel.VERBOSE
    assert api_client.set_log_level(LogLevel.DEFAULT) == LogLevel.DEFAULT
    assert api_client.get_log_level() == LogLevel.DEFAULT


def test_plugins(api_client: OrthancApiClient) -> None:
    assert not api_client.has_loaded_plugin("no-such-plugin")
    assert not api_client.is_plugin_version_at_least("no-such-plugin", 1, 0)


def test_metrics(api_client: OrthancApiClient, ct: Path) -> None:
    api_client.upload_file(str(ct))
    assert float(api_client.get_metrics().get("orthanc_count_instances")) == 1


@pytest.mark.parametrize("level", ["patients", "studies", "series"])
def test_modified_resources(api_client: OrthancApiClient, ct: Path, level: str) -> None:
    api_client.upload_file(str(ct))
    resources = getattr(api_client, level)
    (identifier,) = resources.get_all_ids()
    made = resources.modify(identifier, replace_tags={"PatientID": "N", "PatientName": "NEW"}, force=True)
    assert resources.get_all_ids() == [made]
    assert made != identifier
    (instance,) = api_client.instances.get_all_ids()
    assert api_client.instances.get_tags(instance)["PatientName"] == "NEW"


def test_modified_instances(api_client: OrthancApiClient, ct: Path) -> None:
    (instance,) = api_client.upload_file(str(ct))
    file = api_client.instances.modify(
        instance, replace_tags={"PatientName": "NEW"}, remove_tags=["StudyDate"]
    )
    dataset = dcmread(io.BytesIO(file))
    assert (str(dataset.PatientName), "StudyDate" in dataset) == ("NEW", False)
