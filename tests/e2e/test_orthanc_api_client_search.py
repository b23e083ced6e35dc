"""orthanc-api-client's calls for searching, counting and sets of instances."""

from __future__ import annotations

import datetime
import zipfile
from pathlib import Path

import pytest
from orthanc_api_client import InstancesSet, LabelsConstraint, OrthancApiClient
from pyorthanc import Orthanc

from tests.support.stack import RunningStack

STUDY_UIDS = {
    "1CT1": "1.3.6.1.4.1.5962.1.2.1.20040119072730.12322",
    "4MR1": "1.3.6.1.4.1.5962.1.2.4.20040826185059.5457",
}


@pytest.fixture
def studies(api_client: OrthancApiClient, ct: Path, mr: Path) -> dict[str, str]:
    """The stored studies, by their patients' PatientIDs."""
    for file in (ct, mr):
        api_client.upload_file(str(file))
    found = api_client.studies.find({})
    return {study.patient_main_dicom_tags["PatientID"]: study.orthanc_id for study in found}


def test_finding_patients(api_client: OrthancApiClient, studies: dict[str, str]) -> None:
    (patient,) = api_client.patients.find({"PatientID": "1CT1"})
    assert patient.main_dicom_tags["PatientName"] == "CompressedSamples^CT1"
    assert patient.statistics.studies_count == 1
    assert patient.last_update is not None
    assert len(api_client.patients.find({"PatientName": "compressed*"}, case_sensitive=False)) == 2
    assert api_client.patients.find({"PatientName": "compressed*"}, case_sensitive=True) == []


def test_finding_studies(api_client: OrthancApiClient, studies: dict[str, str]) -> None:
    (study,) = api_client.studies.find(
        {"StudyDate": "20040101-20040201"},
        requested_tags=["ModalitiesInStudy", "NumberOfStudyRelatedInstances"],
    )
    assert study.orthanc_id == studies["1CT1"]
    assert study.requested_tags["ModalitiesInStudy"] == "CT"
    assert study.requested_tags["NumberOfStudyRelatedInstances"] == "1"
    assert study.last_update is not None
    order = [{"Type": "DicomTag", "Key": "StudyDate", "Direction": "DESC"}]
    ordered = [study.orthanc_id for study in api_client.studies.find({}, order_by=order)]
    assert ordered == [studies["4MR1"], studies["1CT1"]]
    (second,) = api_client.studies.find({}, order_by=order, since=1, limit=1)
    assert second.orthanc_id == studies["1CT1"]


def test_finding_by_labels(api_client: OrthancApiClient, studies: dict[str, str]) -> None:
    api_client.studies.add_labels(studies["1CT1"], ["urgent", "new"])
    api_client.studies.add_label(studies["4MR1"], "urgent")
    found = {
        constraint: len(api_client.studies.find({}, labels=["urgent", "new"], labels_constraint=constraint))
        for constraint in (LabelsConstraint.ANY, LabelsConstraint.ALL, LabelsConstraint.NONE)
    }
    assert found == {LabelsConstraint.ANY: 2, LabelsConstraint.ALL: 1, LabelsConstraint.NONE: 0}
    (patient,) = api_client.patients.find({"PatientID": "1CT1"})
    assert patient.labels == []


def test_looking_up(api_client: OrthancApiClient, studies: dict[str, str]) -> None:
    for patient, uid in STUDY_UIDS.items():
        assert api_client.studies.lookup(uid) == studies[patient]
        assert api_client.lookup(uid, filter="Study") == [studies[patient]]
        assert api_client.lookup(uid, filter="Series") == []
    assert api_client.series.lookup("no such UID") is None


def test_daily_statistics(
    api_client: OrthancApiClient, studies: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    day = datetime.date(2004, 1, 19)
    api_client.studies.print_daily_stats(day, day + datetime.timedelta(days=1))
    assert capsys.readouterr().out.splitlines()[-2:] == ["2004-01-19 - 1", "2004-01-20 - 0"]


def test_the_instances_of_a_study(api_client: OrthancApiClient, studies: dict[str, str]) -> None:
    (instance,) = api_client.studies.get_instances(studies["1CT1"])
    assert instance.info.metadata["TransferSyntax"] == "1.2.840.10008.1.2.1"
    assert instance.get_metadata("TransferSyntax") == "1.2.840.10008.1.2.1"
    assert instance.series.study.orthanc_id == studies["1CT1"]
    assert instance.series.study.dicom_id == STUDY_UIDS["1CT1"]
    assert api_client.instances.get_metadata(instance.orthanc_id)["IndexInSeries"] == "1"


def test_sets_of_instances(api_client: OrthancApiClient, studies: dict[str, str], tmp_path: Path) -> None:
    of_study = InstancesSet.from_study(api_client, studies["1CT1"])
    (series_id,), (instance_id,) = of_study.series_ids, of_study.instances_ids
    assert of_study.get_instances_ids(series_id) == [instance_id]
    for other in (
        InstancesSet.from_series(api_client, series_id),
        InstancesSet.from_instance(api_client, instance_id),
    ):
        assert (other.id, other.study_id) == (of_study.id, studies["1CT1"])
    seen: list[str] = []
    of_study.process_instances(lambda _client, identifier: seen.append(identifier))
    assert seen == [instance_id]
    for download in (of_study.download_archive, of_study.download_media):
        download(str(tmp_path / "set.zip"))
        assert zipfile.ZipFile(tmp_path / "set.zip").testzip() is None
    of_study.add_series(series_id)
    removed = of_study.filter_instances(lambda client, identifier: client.instances.is_pdf(identifier))
    assert (removed.series_ids, of_study.series_ids) == ([series_id], [])
    removed.delete()
    assert not api_client.studies.exists(studies["1CT1"])
    assert api_client.studies.exists(studies["4MR1"])


def test_peers(api_client: OrthancApiClient, pyorthanc: Orthanc, ct: Path, stack: RunningStack) -> None:
    """The store is a peer of itself."""
    instance = api_client.upload_file(str(ct))[0]
    pyorthanc.put_peers_id("itself", [stack.url])
    api_client.peers.send("itself", instance)
    job = api_client.peers.send_async("itself", [instance])
    assert job.wait_completed(timeout=20, polling_interval=0.1)


def test_the_modalities_that_are_known(api_client: OrthancApiClient) -> None:
    modalities = api_client.modalities
    modalities.configure("pacs", {"AET": "PACS", "Host": "10.0.0.1", "Port": 104})
    assert "pacs" in modalities.get_all_ids()
    assert modalities.get_configuration("pacs")["Port"] == 104
    assert modalities.get_id_from_aet("PACS") == "pacs"
    modalities.delete("pacs")
    assert "pacs" not in modalities.get_all_ids()
