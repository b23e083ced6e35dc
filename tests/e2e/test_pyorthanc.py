"""pyorthanc, unmodified, over what it has for uploading, browsing, reading, changes and deletes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pyorthanc import Instance, Orthanc, Patient, Series, Study, upload

from tests.support.stack import RunningStack


@pytest.fixture
def client(stack: RunningStack) -> Iterator[Orthanc]:
    with Orthanc(stack.url) as client:
        for patient in client.get_patients():
            client.delete_patients_id(patient)
        yield client


def stored(client: Orthanc, file: Path) -> dict[str, str]:
    answer = client.post_instances(file.read_bytes())
    assert isinstance(answer, dict)
    return answer


def test_uploads(client: Orthanc, ct: Path, mr: Path) -> None:
    assert stored(client, ct)["Status"] == "Success"
    assert stored(client, ct)["Status"] == "AlreadyStored"
    (instance,) = upload(client, mr)
    assert instance.identifier in client.get_instances()


def test_resources_as_objects(client: Orthanc, ct: Path) -> None:
    answer = stored(client, ct)
    patient = Patient(answer["ParentPatient"], client)
    assert patient.patient_id == "1CT1"
    (study,) = patient.studies
    assert isinstance(study, Study)
    assert study.uid.startswith("1.3.6.1")
    assert study.date.year == 2004
    assert study.patient_information["PatientID"] == "1CT1"
    assert not study.is_stable
    (series,) = study.series
    assert isinstance(series, Series)
    assert series.modality == "CT"
    (instance,) = series.instances
    assert isinstance(instance, Instance)
    assert instance.parent_patient == patient
    assert instance.file_size == ct.stat().st_size
    assert instance.instance_number == 1
    assert instance.simplified_tags["PatientName"] == "CompressedSamples^CT1"
    assert instance.tags["0010,0020"]["Value"] == "1CT1"
    assert instance.get_pydicom().PatientID == "1CT1"
    assert study.shared_tags


def test_lists_in_every_form(client: Orthanc, ct: Path, mr: Path) -> None:
    for file in (ct, mr):
        stored(client, file)
    assert len(client.get_studies()) == 2
    expanded = client.get_studies({"expand": ""})
    assert {study["Type"] for study in expanded} == {"Study"}
    assert len(client.get_series({"since": 1, "limit": 1})) == 1
    short = client.get_patients({"expand": "", "short": ""})
    assert {"1CT1", "4MR1"} == {patient["MainDicomTags"]["0010,0020"] for patient in short}


def test_relatives_and_statistics(client: Orthanc, ct: Path) -> None:
    answer = stored(client, ct)
    instance, study = answer["ID"], answer["ParentStudy"]
    assert client.get_instances_id_patient(instance)["ID"] == answer["ParentPatient"]
    assert client.get_instances_id_study(instance)["ID"] == study
    assert client.get_instances_id_series(instance)["ID"] == answer["ParentSeries"]
    assert [one["ID"] for one in client.get_studies_id_instances(study)] == [instance]
    assert client.get_studies_id_statistics(study)["CountInstances"] == 1
    assert client.get_statistics()["CountPatients"] == 1


def test_reading(client: Orthanc, ct: Path) -> None:
    instance = stored(client, ct)["ID"]
    assert client.get_instances_id_file(instance) == ct.read_bytes()
    assert client.get_instances_id_header(instance)["0002,0010"]["Value"] == "1.2.840.10008.1.2.1"
    assert client.get_instances_id_simplified_tags(instance)["Modality"] == "CT"
    assert client.get_instances_id_content_path(instance, "0010-0020").strip() == b"1CT1"
    assert client.get_instances_id_preview(instance).startswith(b"\x89PNG")


def test_the_store_itself(client: Orthanc) -> None:
    assert client.get_system()["Version"] == "1.12.7"
    assert "now" in client.get_tools()
    assert len(client.get_tools_now()) == 15


def test_changes(client: Orthanc, ct: Path) -> None:
    client.delete_changes()
    since = client.get_changes({"last": ""})["Last"]
    stored(client, ct)
    page = client.get_changes({"since": since, "limit": 3})
    assert [change["ChangeType"] for change in page["Changes"]] == ["NewInstance", "NewSeries", "NewStudy"]
    assert not page["Done"]
    assert client.get_changes({"since": page["Last"]})["Changes"][0]["ChangeType"] == "NewPatient"


def test_a_delete_tells_the_remaining_ancestor(client: Orthanc, ct: Path, mr: Path) -> None:
    answer = stored(client, ct)
    assert client.delete_series_id(answer["ParentSeries"])["RemainingAncestor"] is None
    with pytest.raises(httpx.HTTPError):
        client.get_series_id(answer["ParentSeries"])


READING = {
    "patients": ("", "studies", "series", "instances", "module", "shared_tags", "instances_tags", "statistics"),
    "studies": (
        "", "patient", "series", "instances", "module", "module_patient", "shared_tags", "instances_tags", "statistics",
    ),
    "series": ("", "patient", "study", "instances", "module", "shared_tags", "instances_tags", "statistics"),
    "instances": ("", "patient", "study", "series", "module", "tags", "simplified_tags", "header", "statistics"),
}  # fmt: skip


@pytest.mark.parametrize("level", READING)
def test_every_reading_call_gives_what_its_route_does(client: Orthanc, ct: Path, level: str) -> None:
    key = {"patients": "ParentPatient", "studies": "ParentStudy", "series": "ParentSeries", "instances": "ID"}
    identifier = stored(client, ct)[key[level]]
    for relation in READING[level]:
        call = getattr(client, f"get_{level}_id" + (f"_{relation}" if relation else ""))
        url = f"{client.url}/{level}/{identifier}/{relation.replace('_', '-')}".rstrip("/")
        assert call(identifier) == httpx.get(url).raise_for_status().json() != {}, relation
