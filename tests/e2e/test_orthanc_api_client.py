"""orthanc-api-client, unmodified, over what it has for uploading, browsing, reading, changes and deletes."""

from __future__ import annotations

import shutil
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from orthanc_api_client import ChangeType, OrthancApiClient
from orthanc_api_client.exceptions import BadFileFormat, ResourceNotFound

from tests.support.stack import RunningStack

CT_UID = "1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.12322"


@pytest.fixture
def client(stack: RunningStack) -> Iterator[OrthancApiClient]:
    client = OrthancApiClient(stack.url)
    client.delete_all_content()
    yield client
    client.close()


def test_the_system_is_alive_and_of_a_known_version(client: OrthancApiClient) -> None:
    assert client.is_alive()
    assert client.is_orthanc_version_at_least(1, 12, 7)
    assert client.get_system()["ApiVersion"] == 27


def test_uploads_of_files_folders_and_archives(
    client: OrthancApiClient, ct: Path, mr: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    shutil.copy(ct, folder / "a.dcm")
    shutil.copy(mr, folder / "inner" / "b.dcm")
    assert len(client.upload_folder(str(folder))) == 2
    statistics = client.get_statistics()
    assert (statistics.patients_count, statistics.studies_count) == (2, 2)
    assert (statistics.series_count, statistics.instances_count) == (2, 2)
    archive = tmp_path / "both.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(ct, "1")
        file.write(mr, "2")
    assert set(client.upload_file(str(archive))) == set(client.instances.get_all_ids())
    studies, identifiers, rejected = client.upload_folder_return_details(str(folder))
    assert len(studies) == len(identifiers) == 2
    assert rejected == []


def test_a_bad_file_is_refused_or_ignored(client: OrthancApiClient) -> None:
    with pytest.raises(BadFileFormat):
        client.upload(b"no DICOM at all")
    assert client.upload(b"no DICOM at all", ignore_errors=True) == []


def test_the_tree_up_and_down(client: OrthancApiClient, ct: Path) -> None:
    (instance_id,) = client.upload_file(str(ct))
    series_id = client.instances.get_parent_series_id(instance_id)
    study_id = client.instances.get_parent_study_id(instance_id)
    patient_id = client.instances.get_parent_patient_id(instance_id)
    assert client.patients.get_studies_ids(patient_id) == [study_id]
    assert client.patients.get_series_ids(patient_id) == [series_id]
    assert client.patients.get_instances_ids(patient_id) == [instance_id]
    assert client.studies.get_series_ids(study_id) == [series_id]
    assert client.studies.get_instances_ids(study_id) == [instance_id]
    assert client.studies.get_parent_patient_id(study_id) == patient_id
    assert client.series.get_instances_ids(series_id) == [instance_id]
    assert client.series.get_parent_study_id(series_id) == study_id
    study = client.studies.get(study_id)
    assert study.main_dicom_tags.get("StudyDate") == "20040119"
    assert study.patient_main_dicom_tags.get("PatientID") == "1CT1"
    assert [series.main_dicom_tags.get("Modality") for series in study.series] == ["CT"]
    assert study.statistics.instances_count == 1
    assert client.patients.exists(patient_id)
    assert not client.patients.exists("no-such-patient")


def test_tags_file_and_preview(client: OrthancApiClient, ct: Path) -> None:
    (instance_id,) = client.upload_file(str(ct))
    tags = client.instances.get_tags(instance_id)
    assert tags["PatientName"] == tags["0010-0010"] == "CompressedSamples^CT1"
    assert client.instances.get(instance_id).tags["Modality"] == "CT"
    assert client.instances.get_file(instance_id) == ct.read_bytes()
    series_id = client.instances.get_parent_series_id(instance_id)
    assert client.series.get_tags(series_id)["Modality"] == "CT"
    assert client.studies.get_first_instance_tags(client.instances.get_parent_study_id(instance_id))
    assert client.studies.get_modalities(client.instances.get_parent_study_id(instance_id)) == {"CT"}


def test_look_ups(client: OrthancApiClient, ct: Path) -> None:
    (instance_id,) = client.upload_file(str(ct))
    assert client.instances.lookup(CT_UID) == instance_id
    assert client.patients.lookup("1CT1") == client.instances.get_parent_patient_id(instance_id)
    assert client.lookup("nobody") == []


def test_changes_from_arrival_to_stability(client: OrthancApiClient, ct: Path) -> None:
    _, since, _ = client.get_changes()
    (instance_id,) = client.upload_file(str(ct))
    seen: list[str] = []
    deadline = time.monotonic() + 30
    while ChangeType.STABLE_STUDY not in seen and time.monotonic() < deadline:
        changes, since, done = client.get_changes(since=since, limit=2)
        seen += [change.change_type for change in changes]
        if done:
            time.sleep(0.3)
    arrivals = [kind for kind in seen if str(kind).startswith("New")]
    assert arrivals == [
        ChangeType.NEW_INSTANCE,
        ChangeType.NEW_SERIES,
        ChangeType.NEW_STUDY,
        ChangeType.NEW_PATIENT,
    ]
    assert client.studies.get(client.instances.get_parent_study_id(instance_id)).is_stable


def test_deletes_at_every_level(client: OrthancApiClient, ct: Path) -> None:
    levels = (client.instances, client.series, client.studies, client.patients)
    for resources in levels:
        client.upload_file(str(ct))
        (identifier,) = resources.get_all_ids()
        resources.delete(identifier)
        assert [level.get_all_ids() for level in levels] == [[], [], [], []]
        with pytest.raises(ResourceNotFound):
            resources.get_json(identifier)


def test_downloads(client: OrthancApiClient, ct: Path, tmp_path: Path) -> None:
    (instance_id,) = client.upload_file(str(ct))
    series_id = client.instances.get_parent_series_id(instance_id)
    client.instances.download_instance(instance_id, str(tmp_path / "one.dcm"))
    assert (tmp_path / "one.dcm").read_bytes() == ct.read_bytes()
    (downloaded,) = client.series.download_instances(series_id, str(tmp_path))
    assert Path(downloaded.path).read_bytes() == ct.read_bytes()
    preview = client.get_binary(f"instances/{instance_id}/preview")
    assert preview.startswith(b"\x89PNG")


def test_first_instances_and_statistics(client: OrthancApiClient, ct: Path) -> None:
    (instance_id,) = client.upload_file(str(ct))
    assert not client.instances.is_pdf(instance_id)
    for resources, parent in (
        (client.patients, client.instances.get_parent_patient_id(instance_id)),
        (client.studies, client.instances.get_parent_study_id(instance_id)),
        (client.series, client.instances.get_parent_series_id(instance_id)),
    ):
        assert resources.get_first_instance_id(parent) == instance_id
        assert resources.get_json_statistics(parent)["CountInstances"] == 1
        assert resources.get_tags(parent)["PatientID"] == "1CT1"
