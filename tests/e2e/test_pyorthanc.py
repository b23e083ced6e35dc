"""pyorthanc, unmodified, over what it has for uploading, browsing, reading, changes and deletes."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from pyorthanc import Instance, Orthanc, Patient, Series, Study, upload

from tests.e2e.conftest import stored


def test_uploads(pyorthanc: Orthanc, ct: Path, mr: Path) -> None:
    assert stored(pyorthanc, ct)["Status"] == "Success"
    assert stored(pyorthanc, ct)["Status"] == "AlreadyStored"
    (instance,) = upload(pyorthanc, mr)
    assert instance.identifier in pyorthanc.get_instances()


def test_resources_as_objects(pyorthanc: Orthanc, ct: Path) -> None:
    answer = stored(pyorthanc, ct)
    patient = Patient(answer["ParentPatient"], pyorthanc)
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


def test_lists_in_every_form(pyorthanc: Orthanc, ct: Path, mr: Path) -> None:
    for file in (ct, mr):
        stored(pyorthanc, file)
    assert len(pyorthanc.get_studies()) == 2
    expanded = pyorthanc.get_studies({"expand": ""})
    assert {study["Type"] for study in expanded} == {"Study"}
    assert len(pyorthanc.get_series({"since": 1, "limit": 1})) == 1
    short = pyorthanc.get_patients({"expand": "", "short": ""})
    assert {"1CT1", "4MR1"} == {patient["MainDicomTags"]["0010,0020"] for patient in short}


def test_relatives_and_statistics(pyorthanc: Orthanc, ct: Path) -> None:
    answer = stored(pyorthanc, ct)
    instance, study = answer["ID"], answer["ParentStudy"]
    assert pyorthanc.get_instances_id_patient(instance)["ID"] == answer["ParentPatient"]
    assert pyorthanc.get_instances_id_study(instance)["ID"] == study
    assert pyorthanc.get_instances_id_series(instance)["ID"] == answer["ParentSeries"]
    assert [one["ID"] for one in pyorthanc.get_studies_id_instances(study)] == [instance]
    assert pyorthanc.get_studies_id_statistics(study)["CountInstances"] == 1
    assert pyorthanc.get_statistics()["CountPatients"] == 1


def test_reading(pyorthanc: Orthanc, ct: Path) -> None:
    instance = stored(pyorthanc, ct)["ID"]
    assert pyorthanc.get_instances_id_file(instance) == ct.read_bytes()
    assert pyorthanc.get_instances_id_header(instance)["0002,0010"]["Value"] == "1.2.840.10008.1.2.1"
    assert pyorthanc.get_instances_id_simplified_tags(instance)["Modality"] == "CT"
    assert pyorthanc.get_instances_id_content_path(instance, "0010-0020").strip() == b"1CT1"
    assert pyorthanc.get_instances_id_preview(instance).startswith(b"\x89PNG")


def test_the_store_itself(pyorthanc: Orthanc) -> None:
    assert pyorthanc.get_system()["Version"] == "1.12.7"
    assert "now" in pyorthanc.get_tools()
    assert len(pyorthanc.get_tools_now()) == 15


def test_changes(pyorthanc: Orthanc, ct: Path) -> None:
    pyorthanc.delete_changes()
    since = pyorthanc.get_changes({"last": ""})["Last"]
    stored(pyorthanc, ct)
    page = pyorthanc.get_changes({"since": since, "limit": 3})
    assert [change["ChangeType"] for change in page["Changes"]] == ["NewInstance", "NewSeries", "NewStudy"]
    assert not page["Done"]
    assert pyorthanc.get_changes({"since": page["Last"]})["Changes"][0]["ChangeType"] == "NewPatient"


def test_a_delete_tells_the_remaining_ancestor(pyorthanc: Orthanc, ct: Path, mr: Path) -> None:
    answer = stored(pyorthanc, ct)
    assert pyorthanc.delete_series_id(answer["ParentSeries"])["RemainingAncestor"] is None
    with pytest.raises(httpx.HTTPError):
        pyorthanc.get_series_id(answer["ParentSeries"])


READING = {
    "patients": ("", "studies", "series", "instances", "module", "shared_tags", "instances_tags", "statistics"),
    "studies": (
        "", "patient", "series", "instances", "module", "module_patient", "shared_tags", "instances_tags", "statistics",
    ),
    "series": ("", "patient", "study", "instances", "module", "shared_tags", "instances_tags", "statistics"),
    "instances": ("", "patient", "study", "series", "module", "tags", "simplified_tags", "header", "statistics"),
}  # fmt: skip


@pytest.mark.parametrize("level", READING)
def test_every_reading_call_gives_what_its_route_does(pyorthanc: Orthanc, ct: Path, level: str) -> None:
    key = {"patients": "ParentPatient", "studies": "ParentStudy", "series": "ParentSeries", "instances": "ID"}
    identifier = stored(pyorthanc, ct)[key[level]]
    for relation in READING[level]:
        call = getattr(pyorthanc, f"get_{level}_id" + (f"_{relation}" if relation else ""))
        url = f"{pyorthanc.url}/{level}/{identifier}/{relation.replace('_', '-')}".rstrip("/")
        assert call(identifier) == httpx.get(url).raise_for_status().json() != {}, relation
