"""orthanc-api-client, unmodified, over what it has for uploading, browsing, reading, changes and deletes."""

from __future__ import annotations

import shutil
import time
import zipfile
from pathlib import Path

import pytest
from orthanc_api_client import ChangeType, OrthancApiClient
from orthanc_api_client.exceptions import BadFileFormat, ResourceNotFound

CT_UID = "1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.12322"


def test_the_system_is_alive_and_of_a_known_version(api_client: OrthancApiClient) -> None:
    assert api_client.is_alive()
    assert api_client.is_orthanc_version_at_least(1, 12, 7)
    assert api_client.get_system()["ApiVersion"] == 27


def test_uploads_of_files_folders_and_archives(
    api_client: OrthancApiClient, ct: Path, mr: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    shutil.copy(ct, folder / "a.dcm")
    shutil.copy(mr, folder / "inner" / "b.dcm")
    assert len(api_client.upload_folder(str(folder))) == 2
    statistics = api_client.get_statistics()
    assert (statistics.patients_count, statistics.studies_count) == (2, 2)
    assert (statistics.series_count, statistics.instances_count) == (2, 2)
    archive = tmp_path / "both.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(ct, "1")
        file.write(mr, "2")
    assert set(api_client.upload_file(str(archive))) == set(api_client.instances.get_all_ids())
    studies, identifiers, rejected = api_client.upload_folder_return_details(str(folder))
    assert len(studies) == len(identifiers) == 2
    assert rejected == []


def test_a_bad_file_is_refused_or_ignored(api_client: OrthancApiClient) -> None:
    with pytest.raises(BadFileFormat):
        api_client.upload(b"no DICOM at all")
    assert api_client.upload(b"no DICOM at all", ignore_errors=True) == []


def test_the_tree_up_and_down(api_client: OrthancApiClient, ct: Path) -> None:
    (instance_id,) = api_client.upload_file(str(ct))
    series_id = api_client.instances.get_parent_series_id(instance_id)
    study_id = api_client.instances.get_parent_study_id(instance_id)
    patient_id = api_client.instances.get_parent_patient_id(instance_id)
    assert api_client.patients.get_studies_ids(patient_id) == [study_id]
    assert api_client.patients.get_series_ids(patient_id) == [series_id]
    assert api_client.patients.get_instances_ids(patient_id) == [instance_id]
    assert api_client.studies.get_series_ids(study_id) == [series_id]
    assert api_client.studies.get_instances_ids(study_id) == [instance_id]
    assert api_client.studies.get_parent_patient_id(study_id) == patient_id
    assert api_client.series.get_instances_ids(series_id) == [instance_id]
    assert api_client.series.get_parent_study_id(series_id) == study_id
    study = api_client.studies.get(study_id)
    assert study.main_dicom_tags.get("StudyDate") == "20040119"
    assert study.patient_main_dicom_tags.get("PatientID") == "1CT1"
    assert [series.main_dicom_tags.get("Modality") for series in study.series] == ["CT"]
    assert study.statistics.instances_count == 1
    assert api_client.patients.exists(patient_id)
    assert not api_client.patients.exists("no-such-patient")


def test_tags_file_and_preview(api_client: OrthancApiClient, ct: Path) -> None:
    (instance_id,) = api_client.upload_file(str(ct))
    tags = api_client.instances.get_tags(instance_id)
    assert tags["PatientName"] == tags["0010-0010"] == "CompressedSamples^CT1"
    assert api_client.instances.get(instance_id).tags["Modality"] == "CT"
    assert api_client.instances.get_file(instance_id) == ct.read_bytes()
    series_id = api_client.instances.get_parent_series_id(instance_id)
    assert api_client.series.get_tags(series_id)["Modality"] == "CT"
    assert api_client.studies.get_first_instance_tags(api_client.instances.get_parent_study_id(instance_id))
    assert api_client.studies.get_modalities(api_client.instances.get_parent_study_id(instance_id)) == {"CT"}


def test_look_ups(api_client: OrthancApiClient, ct: Path) -> None:
    (instance_id,) = api_client.upload_file(str(ct))
    assert api_client.instances.lookup(CT_UID) == instance_id
    assert api_client.patients.lookup("1CT1") == api_client.instances.get_parent_patient_id(instance_id)
    assert api_client.lookup("nobody") == []


def test_changes_from_arrival_to_stability(api_client: OrthancApiClient, ct: Path) -> None:
    _, since, _ = api_client.get_changes()
    (instance_id,) = api_client.upload_file(str(ct))
    seen: list[str] = []
    deadline = time.monotonic() + 30
    while ChangeType.STABLE_STUDY not in seen and time.monotonic() < deadline:
        changes, since, done = api_client.get_changes(since=since, limit=2)
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
    assert api_client.studies.get(api_client.instances.get_parent_study_id(instance_id)).is_stable


def test_deletes_at_every_level(api_client: OrthancApiClient, ct: Path) -> None:
    levels = (api_client.instances, api_client.series, api_client.studies, api_client.patients)
    for resources in levels:
        api_client.upload_file(str(ct))
        (identifier,) = resources.get_all_ids()
        resources.delete(identifier)
        assert [level.get_all_ids() for level in levels] == [[], [], [], []]
        with pytest.raises(ResourceNotFound):
            resources.get_json(identifier)


def test_downloads(api_client: OrthancApiClient, ct: Path, tmp_path: Path) -> None:
    (instance_id,) = api_client.upload_file(str(ct))
    series_id = api_client.instances.get_parent_series_id(instance_id)
    api_client.instances.download_instance(instance_id, str(tmp_path / "one.dcm"))
    assert (tmp_path / "one.dcm").read_bytes() == ct.read_bytes()
    (downloaded,) = api_client.series.download_instances(series_id, str(tmp_path))
    assert Path(downloaded.path).read_bytes() == ct.read_bytes()
    preview = api_client.get_binary(f"instances/{instance_id}/preview")
    assert preview.startswith(b"\x89PNG")


def test_first_instances_and_statistics(api_client: OrthancApiClient, ct: Path) -> None:
    (instance_id,) = api_client.upload_file(str(ct))
    assert not api_client.instances.is_pdf(instance_id)
    for resources, parent in (
        (api_client.patients, api_client.instances.get_parent_patient_id(instance_id)),
        (api_client.studies, api_client.instances.get_parent_study_id(instance_id)),
        (api_client.series, api_client.instances.get_parent_series_id(instance_id)),
    ):
        assert resources.get_first_instance_id(parent) == instance_id
        assert resources.get_json_statistics(parent)["CountInstances"] == 1
        assert resources.get_tags(parent)["PatientID"] == "1CT1"
