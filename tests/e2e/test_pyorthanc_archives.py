"""pyorthanc's calls for archives, media and the jobs that make them."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from pyorthanc import (
    Job,
    Orthanc,
    Patient,
    Study,
    find,
    retrieve_and_write_patients,
)
from pyorthanc import Series as OneSeries
from pyorthanc.jobs import State

from tests.benchmarks.images import LARGE, image
from tests.e2e.conftest import stored, stored_bytes
from tests.e2e.levels import Resource

LEVELS = ("patients", "studies", "series")


def files_of(archive: Any) -> list[bytes]:
    """The DICOM files in an archive, in its order; the directory of media is left out."""
    with zipfile.ZipFile(BytesIO(archive)) as opened:
        assert opened.testzip() is None
        return [opened.read(name) for name in opened.namelist() if name != "DICOMDIR"]


def finished(client: Orthanc, answer: dict[str, str]) -> Job:
    job = Job(answer["ID"], client)
    job.wait_until_completion(time_interval=0.1)  # type: ignore[arg-type]  # it is given to time.sleep
    return job


@pytest.mark.parametrize("level", LEVELS)
def test_archives_of_a_resource(pyorthanc: Orthanc, ct: Path, level: str) -> None:
    resource = Resource.of(pyorthanc, level, stored(pyorthanc, ct))
    for made in (resource.get("archive"), resource.call("post", "archive", {})):
        assert files_of(made) == [ct.read_bytes()]
    for made in (resource.get("media", {"extended": ""}), resource.call("post", "media", {"Extended": True})):
        assert files_of(made) == [ct.read_bytes()]
        assert "DICOMDIR" in zipfile.ZipFile(BytesIO(made)).namelist()


@pytest.mark.parametrize("tool", ["archive", "media", "media_extended"])
def test_archives_of_several_resources(pyorthanc: Orthanc, ct: Path, mr: Path, tool: str) -> None:
    first, second = stored(pyorthanc, ct), stored(pyorthanc, mr)
    identifiers = [first["ParentStudy"], second["ID"]]
    get = getattr(pyorthanc, f"get_tools_create_{tool}")
    post = getattr(pyorthanc, f"post_tools_create_{tool}")
    wanted = sorted([ct.read_bytes(), mr.read_bytes()])
    assert sorted(files_of(get({"resources": ",".join(identifiers)}))) == wanted
    assert sorted(files_of(post({"Resources": identifiers, "Synchronous": True}))) == wanted


def test_a_job_from_its_beginning_to_its_end(pyorthanc: Orthanc, ct: Path) -> None:
    study = stored(pyorthanc, ct)["ParentStudy"]
    answer = pyorthanc.post_studies_id_archive(study, {"Asynchronous": True, "Priority": 3})
    job = finished(pyorthanc, answer)
    assert (job.state.name, job.error.value, job.progress) == ("success", 0, 100)
    assert (job.type, job.priority, job.error_details) == ("Archive", 3, "")
    assert job.content["InstancesCount"] == 1
    assert job.effective_runtime >= 0
    assert job.completion_time is not None
    assert job.creation_time <= job.completion_time <= job.timestamp
    assert answer["ID"] in pyorthanc.get_jobs()
    assert answer["ID"] in [one["ID"] for one in pyorthanc.get_jobs({"expand": ""})]
    assert files_of(pyorthanc.get_jobs_id_key(answer["ID"], "archive")) == [ct.read_bytes()]
    pyorthanc.delete_jobs_id_key(answer["ID"], "archive")
    with pytest.raises(httpx.HTTPError, match="404"):
        pyorthanc.get_jobs_id_key(answer["ID"], "archive")
    pyorthanc.delete_jobs_id(answer["ID"])
    assert answer["ID"] not in pyorthanc.get_jobs()


def test_a_job_that_is_paused_or_cancelled_goes_on(pyorthanc: Orthanc) -> None:
    for number in range(20):  # enough for the job to last longer than a request
        study = stored_bytes(pyorthanc, image(LARGE, number))["ParentStudy"]
    options = {"Resources": [study], "Asynchronous": True}
    actions = (
        (pyorthanc.post_jobs_id_pause, State.paused, pyorthanc.post_jobs_id_resume),
        (pyorthanc.post_jobs_id_cancel, State.failure, pyorthanc.post_jobs_id_resubmit),
    )
    for stop, stopped, go_on in actions:
        answer = pyorthanc.post_tools_create_media(options)
        assert stop(answer["ID"]) == {}
        assert finished(pyorthanc, answer).state is stopped
        assert go_on(answer["ID"]) == {}
        assert finished(pyorthanc, answer).state is State.success


def test_downloads_of_resources(pyorthanc: Orthanc, ct: Path, tmp_path: Path) -> None:
    answer = stored(pyorthanc, ct)
    resources = (
        Patient(answer["ParentPatient"], pyorthanc),
        Study(answer["ParentStudy"], pyorthanc),
        OneSeries(answer["ParentSeries"], pyorthanc),
    )
    for resource in resources:
        assert files_of(resource.get_zip()) == [ct.read_bytes()]
        resource.download(str(tmp_path / "one.zip"), with_progres=True)
        assert files_of((tmp_path / "one.zip").read_bytes()) == [ct.read_bytes()]
    (instance,) = resources[2].instances
    assert instance.get_dicom_file_content() == ct.read_bytes()
    buffer = BytesIO()
    instance.download(buffer)
    assert buffer.getvalue() == ct.read_bytes()


def test_patients_are_written_to_a_folder(pyorthanc: Orthanc, ct: Path, tmp_path: Path) -> None:
    stored(pyorthanc, ct)
    retrieve_and_write_patients(find(pyorthanc), tmp_path)
    (file,) = tmp_path.glob("1CT1/*/*/*.dcm")
    assert file.read_bytes() == ct.read_bytes()
