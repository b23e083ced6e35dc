"""orthanc-api-client's calls for archives, documents, pictures, jobs and what the system is able to do."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from orthanc_api_client import JobStatus, JobType, OrthancApiClient
from orthanc_api_client.exceptions import HttpError, ResourceNotFound
from PIL import Image

from tests.benchmarks.images import LARGE, image
from tests.e2e.conftest import PDF


@pytest.mark.parametrize("level", ["patients", "studies", "series"])
def test_archives_and_media(api_client: OrthancApiClient, ct: Path, tmp_path: Path, level: str) -> None:
    api_client.upload_file(str(ct))
    resources = getattr(api_client, level)
    (identifier,) = resources.get_all_ids()
    for download in (resources.download_archive, resources.download_media):
        download(identifier, str(tmp_path / "made.zip"))
        with zipfile.ZipFile(tmp_path / "made.zip") as made:
            assert ct.read_bytes() in [made.read(name) for name in made.namelist()]
    (downloaded,) = resources.download_instances(identifier, str(tmp_path))
    assert Path(downloaded.path).read_bytes() == ct.read_bytes()
    with pytest.raises(ResourceNotFound):
        resources.download_archive("no-such-resource", str(tmp_path / "none.zip"))


def test_documents(api_client: OrthancApiClient, document: bytes, ct: Path, tmp_path: Path) -> None:
    api_client.upload_file(str(ct))
    (identifier,) = api_client.upload(document)
    study = api_client.instances.get_parent_study_id(identifier)
    assert api_client.studies.get_pdf_instances(study) == [identifier]
    path = api_client.instances.download_pdf(identifier, str(tmp_path / "report.pdf"))
    assert Path(path).read_bytes() == PDF


def test_pictures(api_client: OrthancApiClient, ct: Path) -> None:
    (identifier,) = api_client.upload_file(str(ct))
    for form, accepted in (("PNG", "image/png"), ("JPEG", "image/jpeg")):
        picture = api_client.get_binary(f"instances/{identifier}/preview", headers={"Accept": accepted})
        assert Image.open(io.BytesIO(picture)).format == form


def test_jobs(api_client: OrthancApiClient) -> None:
    for number in range(20):  # enough for the job to last longer than a request
        (instance,) = api_client.upload(image(LARGE, number))
    study = api_client.instances.get_parent_study_id(instance)
    options = {"Asynchronous": True}
    started = api_client.post(f"studies/{study}/archive", json=options).json()
    job = api_client.jobs.get(started["ID"])
    api_client.jobs.pause(job.orthanc_id)
    assert job.refresh().info.status == JobStatus.PAUSED
    api_client.jobs.resume(job.orthanc_id)
    assert job.wait_completed(timeout=20, polling_interval=0.1)
    assert (job.info.status, job.info.type) == (JobStatus.SUCCESS, JobType.ARCHIVE)
    assert job.content["InstancesCount"] == 20
    assert job.orthanc_id in api_client.jobs.get_all_ids()
    archive = api_client.get_binary(f"jobs/{job.orthanc_id}/archive")
    assert len(zipfile.ZipFile(io.BytesIO(archive)).namelist()) == 20


def test_a_cancelled_job_is_begun_anew(api_client: OrthancApiClient) -> None:
    for number in range(20):
        (instance,) = api_client.upload(image(LARGE, number))
    study = api_client.instances.get_parent_study_id(instance)
    for again in (api_client.jobs.retry, api_client.jobs.resubmit):
        started = api_client.post(f"studies/{study}/media", json={"Asynchronous": True}).json()
        job = api_client.jobs.get(started["ID"])
        api_client.jobs.cancel(job.orthanc_id)
        assert job.refresh().info.status == JobStatus.FAILURE
        again(job.orthanc_id)
        assert job.wait_completed(timeout=20, polling_interval=0.1)
        assert (job.info.status, job.info.type) == (JobStatus.SUCCESS, JobType.MEDIA)
    with pytest.raises(HttpError):
        api_client.jobs.resubmit(job.orthanc_id)
    api_client.jobs.delete(job.orthanc_id)
    assert not api_client.jobs.exists(job.orthanc_id)


def test_what_the_system_is_able_to_do(api_client: OrthancApiClient) -> None:
    assert api_client.wait_started(timeout=5)
    capabilities = api_client.capabilities
    assert capabilities.has_extended_find
    assert capabilities.has_extended_changes
    assert capabilities.has_label_support
    assert isinstance(capabilities.has_revision_support, bool)


def test_the_tree_as_objects(api_client: OrthancApiClient, ct: Path) -> None:
    (identifier,) = api_client.upload_file(str(ct))
    instance = api_client.instances.get(identifier)
    series = instance.series
    assert series.statistics.instances_count == 1
    assert [one.orthanc_id for one in series.instances] == [identifier]
    assert series.main_dicom_tags["Modality"] == "CT"
    assert series.dicom_id.startswith("1.3.6.1")
    assert instance.dicom_id.startswith("1.3.6.1")
    patient_id = api_client.series.get_parent_patient_id(series.orthanc_id)
    assert api_client.patients.get_modalities(patient_id) == {"CT"}
    assert api_client.patients.get_first_instance_tags(patient_id)["PatientID"] == "1CT1"
    assert api_client.patients.get(patient_id).dicom_id == "1CT1"
