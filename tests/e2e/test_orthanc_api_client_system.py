"""orthanc-api-client's calls about the system, and those that modify."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from orthanc_api_client import LogLevel, OrthancApiClient
from PIL import Image
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


def test_ordered_slices(api_client: OrthancApiClient, ct: Path) -> None:
    uploaded = [api_client.upload(slice_at(ct, place))[0] for place in (2, 0, 1)]
    (series,) = api_client.series.get_all_ids()
    ordered = [uploaded[1], uploaded[2], uploaded[0]]
    assert api_client.series.get_ordered_instances_ids(series) == ordered
    assert api_client.series.get_middle_instance_id(series) == ordered[1]
    assert api_client.series.get_preview_url(series) == f"instances/{ordered[1]}/preview"
    for jpeg, form in ((False, "PNG"), (True, "JPEG")):
        picture = api_client.series.get_preview_file(series, jpeg_format=jpeg)
        assert Image.open(io.BytesIO(picture)).format == form


def slice_at(ct: Path, place: int) -> bytes:
    """A slice of a series, so many millimetres along its axis."""
    dataset = dcmread(ct)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = (
        f"{dataset.SOPInstanceUID}.{place}"
    )
    dataset.ImagePositionPatient = [0, 0, place]
    written = io.BytesIO()
    dataset.save_as(written)
    return written.getvalue()
