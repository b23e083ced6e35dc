"""What pyorthanc's objects tell of patients, studies, series and instances, and its helpers."""

from __future__ import annotations

import asyncio
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pyorthanc import AsyncOrthanc, Instance, Orthanc, Patient, Series, Study, async_upload, upload, util

from tests.e2e.conftest import stored, stored_bytes
from tests.e2e.levels import PARENTS, Resource
from tests.support.stack import RunningStack

PATIENT = {
    "patient_id": ("PatientID", "P1", "P1"),
    "name": ("PatientName", "Wang^小東", "Wang^小東"),
    "birth_date": ("PatientBirthDate", "19700131", datetime(1970, 1, 31)),
    "sex": ("PatientSex", "O", "O"),
    "other_patient_ids": ("OtherPatientIDs", ["A", "B"], ["A", "B"]),
}
STUDY = {
    "referring_physician_name": ("ReferringPhysicianName", "Doe^Jane", "Doe^Jane"),
    "requesting_physician": ("RequestingPhysician", "Doe^Joe", "Doe^Joe"),
    "study_id": ("StudyID", "S1", "S1"),
    "accession_number": ("AccessionNumber", "A1", "A1"),
    "description": ("StudyDescription", "Head", "Head"),
    "institution_name": ("InstitutionName", "Clinic", "Clinic"),
    "requested_procedure_description": ("RequestedProcedureDescription", "CT", "CT"),
}
SERIES = {
    "manufacturer": ("Manufacturer", "Maker", "Maker"),
    "date": ("SeriesDate", "20240229", datetime(2024, 2, 29, 12, 34, 56)),
    "series_number": ("SeriesNumber", 3, 3),
    "performed_procedure_step_description": ("PerformedProcedureStepDescription", "Step", "Step"),
    "protocol_name": ("ProtocolName", "Protocol", "Protocol"),
    "station_name": ("StationName", "Station", "Station"),
    "description": ("SeriesDescription", "Axial", "Axial"),
    "body_part_examined": ("BodyPartExamined", "HEAD", "HEAD"),
    "sequence_name": ("SequenceName", "SE", "SE"),
    "cardiac_number_of_images": ("CardiacNumberOfImages", 4, 4),
    "images_in_acquisition": ("ImagesInAcquisition", 5, 5),
    "number_of_temporal_positions": ("NumberOfTemporalPositions", 6, 6),
    "number_of_slices": ("NumberOfSlices", 7, 7),
    "number_of_time_slices": ("NumberOfTimeSlices", 8, 8),
    "image_orientation_patient": ("ImageOrientationPatient", [1, 0, 0, 0, 1, 0], [1, 0, 0, 0, 1, 0]),
    "series_type": ("SeriesType", ["STATIC", "IMAGE"], "STATIC\\IMAGE"),
    "operators_name": ("OperatorsName", "Op^One", "Op^One"),
    "acquisition_device_processing_description": ("AcquisitionDeviceProcessingDescription", "Raw", "Raw"),
    "contrast_bolus_agent": ("ContrastBolusAgent", "Agent", "Agent"),
}
INSTANCE = {
    "creation_date": ("InstanceCreationDate", "20240301", datetime(2024, 3, 1, 1, 2, 3)),
    "acquisition_number": ("AcquisitionNumber", 2, 2),
    "image_index": ("ImageIndex", 9, 9),
    "image_orientation_patient": ("ImageOrientationPatient", [1, 0, 0, 0, 1, 0], [1, 0, 0, 0, 1, 0]),
    "image_position_patient": ("ImagePositionPatient", [1.5, -2, 3], [1.5, -2, 3]),
    "image_comments": ("ImageComments", "Comment", "Comment"),
    "number_of_frames": ("NumberOfFrames", 1, 1),
    "temporal_position_identifier": ("TemporalPositionIdentifier", 1, "1"),
}
TABLES = (PATIENT, STUDY, SERIES, INSTANCE)


@pytest.fixture(scope="module")
def full(ct: Path) -> Dataset:
    """A CT that has a value for everything that the objects tell."""
    dataset = dcmread(ct)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SeriesTime, dataset.InstanceCreationTime = "123456", "010203"
    for table in TABLES:
        for keyword, value, _ in table.values():
            setattr(dataset, keyword, value)
    return dataset


def objects(client: Orthanc, answer: dict[str, str]) -> tuple[Patient, Study, Series, Instance]:
    return (
        Patient(answer["ParentPatient"], client),
        Study(answer["ParentStudy"], client),
        Series(answer["ParentSeries"], client),
        Instance(answer["ID"], client),
    )


def test_what_the_objects_tell(pyorthanc: Orthanc, full: Dataset) -> None:
    buffer = BytesIO()
    full.save_as(buffer)
    answer = stored_bytes(pyorthanc, buffer.getvalue())
    for resource, table in zip(objects(pyorthanc, answer), TABLES, strict=True):
        for name, (_, _, expected) in table.items():
            assert getattr(resource, name) == expected, name


def test_labels_stability_and_shared_tags(pyorthanc: Orthanc, ct: Path) -> None:
    patient, study, series, instance = objects(pyorthanc, stored(pyorthanc, ct))
    resource: Any
    for resource in (patient, study, series, instance):
        resource.add_label("seen")
        assert resource.labels == ["seen"]
        resource.remove_label("seen")
        assert resource.labels == []
        assert resource.identifier in resource.legacy_viewer_url
    for resource in (patient, study, series):
        assert resource.is_stable in (False, True)
        assert abs((resource.last_update - datetime.now()).total_seconds()) < 24 * 3600
        assert resource.shared_tags["PatientID"] == "1CT1"
        assert resource.get_shared_tags()["0010,0020"]["Value"] == "1CT1"
        assert resource.get_shared_tags(short=True)["0010,0020"] == "1CT1"
    assert patient.get_patient_module(simplify=True)["PatientID"] == "1CT1"
    assert series.parent_patient == patient
    assert instance.first_level_tags == instance.tags
    assert instance.get_content_by_tag("PatientID") == "1CT1"


def test_protection(pyorthanc: Orthanc, ct: Path) -> None:
    patient = Patient(stored(pyorthanc, ct)["ParentPatient"], pyorthanc)
    assert not patient.protected
    patient.protected = True
    assert patient.is_protected()
    with pytest.warns(DeprecationWarning, match="deprecated"):
        patient.set_to_unprotected()
    assert pyorthanc.get_patients_id_protected(patient.identifier) == "0"
    with pytest.warns(DeprecationWarning, match="deprecated"):
        patient.set_to_protected()
    assert patient.protected


def test_uploads_of_folders_datasets_and_what_is_there_already(
    pyorthanc: Orthanc, ct: Path, mr: Path, tmp_path: Path
) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "mr.dcm").write_bytes(mr.read_bytes())
    (tmp_path / "ct.dcm").write_bytes(ct.read_bytes())
    assert len(upload(pyorthanc, str(tmp_path))) == 1
    assert len(upload(pyorthanc, str(tmp_path), recursive=True, check_before_upload=True)) == 2
    (instance,) = upload(pyorthanc, dcmread(ct), check_before_upload=True)
    assert instance.identifier == util.to_orthanc_instance_id_from_ds(dcmread(ct))
    asynchronous = util.sync_to_async(pyorthanc)
    assert isinstance(asynchronous, AsyncOrthanc)
    answer = asyncio.run(async_upload(asynchronous, ct))
    assert answer["ID"] == instance.identifier


def test_identifiers_as_the_client_makes_them(pyorthanc: Orthanc, ct: Path) -> None:
    answer = stored(pyorthanc, ct)
    dataset = dcmread(ct)
    uids = [dataset.PatientID, dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID]
    assert util.to_orthanc_patient_id(*uids[:1]) == answer["ParentPatient"]
    assert util.to_orthanc_study_id(*uids[:2]) == answer["ParentStudy"]
    assert util.to_orthanc_series_id(*uids[:3]) == answer["ParentSeries"]
    assert util.to_orthanc_instance_id(*uids) == answer["ID"]


def test_deletes(pyorthanc: Orthanc, ct: Path) -> None:
    for delete, key in (
        (pyorthanc.delete_instances_id, "ID"),
        (pyorthanc.delete_series_id, "ParentSeries"),
        (pyorthanc.delete_studies_id, "ParentStudy"),
    ):
        delete(stored(pyorthanc, ct)[key])
        assert pyorthanc.get_patients() == []


@pytest.mark.parametrize("level", PARENTS)
def test_reconstruction(pyorthanc: Orthanc, ct: Path, level: str) -> None:
    resource = Resource.of(pyorthanc, level, stored(pyorthanc, ct))
    before = getattr(pyorthanc, f"get_{level}_id")(resource.identifier)
    resource.call("post", "reconstruct", {"ReconstructFiles": False})
    pyorthanc.post_tools_reconstruct({})
    assert (
        getattr(pyorthanc, f"get_{level}_id")(resource.identifier)["MainDicomTags"] == before["MainDicomTags"]
    )


def test_peers(pyorthanc: Orthanc, ct: Path, stack: RunningStack) -> None:
    """The store is a peer of itself."""
    identifier = stored(pyorthanc, ct)["ID"]
    pyorthanc.put_peers_id("itself", [stack.url])
    assert "itself" in pyorthanc.get_peers()
    assert "system" in pyorthanc.get_peers_id("itself")
    assert pyorthanc.get_peers_id_configuration("itself")["Url"] == f"{stack.url}/"
    assert pyorthanc.get_peers_id_system("itself")["Name"] == "Nacre"
    assert pyorthanc.post_peers_id_store("itself", json=[identifier])["FailedInstancesCount"] == 0
    assert pyorthanc.post_peers_id_store_straight("itself", content=ct.read_bytes())["ID"] == identifier
    pyorthanc.delete_peers_id("itself")
    assert "itself" not in pyorthanc.get_peers()


def test_the_modalities_that_are_known(pyorthanc: Orthanc) -> None:
    pyorthanc.setup_credentials("nobody", "asks")
    pyorthanc.put_modalities_id("pacs", {"AET": "PACS", "Host": "10.0.0.1", "Port": 104})
    assert "pacs" in pyorthanc.get_modalities()
    assert pyorthanc.get_modalities({"expand": ""})["pacs"]["Port"] == 104
    assert "configuration" in pyorthanc.get_modalities_id("pacs")
    assert pyorthanc.get_modalities_id_configuration("pacs")["AET"] == "PACS"
    pyorthanc.delete_modalities_id("pacs")
    assert "pacs" not in pyorthanc.get_modalities()
