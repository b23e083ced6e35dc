"""Both clients' calls about remote modalities: a real Orthanc is the other side, in both directions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from httpx import HTTPError
from orthanc_api_client import OrthancApiClient, RetrieveMethod
from pydicom import Dataset, dcmread
from pyorthanc import AsyncOrthanc, Modality, Orthanc
from pyorthanc.util import async_delete_queries, delete_queries

from tests.dicom.peers import Orthanc as Peer
from tests.dicom.scp import Pacs
from tests.e2e.conftest import stored
from tests.support.stack import RunningStack


@pytest.fixture(scope="session")
def peer(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    known = {"nacre": ["NACRE", "127.0.0.1", stack.dicom_port]}
    with Peer(tmp_path_factory.mktemp("peer"), DicomModalities=known).running() as running:
        yield running


@pytest.fixture
def remote(peer: Peer, pyorthanc: Orthanc, ct: Path) -> str:
    """A modality that has one file; gives its symbolic name."""
    peer.request("POST", "/instances", ct.read_bytes())
    pyorthanc.put_modalities_id("remote", json=peer.modality())
    return "remote"


def uids(file: Path) -> tuple[str, str, str]:
    dataset = dcmread(file)
    return str(dataset.StudyInstanceUID), str(dataset.SeriesInstanceUID), str(dataset.SOPInstanceUID)


def test_pyorthanc_asks_and_retrieves(pyorthanc: Orthanc, remote: str, ct: Path) -> None:
    study, _, _ = uids(ct)
    modality = Modality(pyorthanc, remote)
    assert modality.echo()
    found = modality.find({"Level": "Study", "Query": {"PatientID": "1CT1"}})
    assert [answer["StudyInstanceUID"] for answer in found["answers"]] == [study]
    assert modality.get_query_answers(found["ID"])[0]["PatientID"] == "1CT1"
    modality.move(found["ID"], {"TargetAet": "NACRE"})
    assert len(pyorthanc.get_instances()) == 1
    for patient in pyorthanc.get_patients():
        pyorthanc.delete_patients_id(patient)
    modality.get("Study", {"StudyInstanceUID": study})
    (identifier,) = pyorthanc.get_instances()
    modality.store(identifier)
    pyorthanc.post_modalities_id_move(
        remote, json={"Level": "Study", "Resources": [{"StudyInstanceUID": study}]}
    )


def test_pyorthanc_walks_down_a_query(pyorthanc: Orthanc, remote: str, ct: Path) -> None:
    _, _, instance = uids(ct)
    asked = {"Level": "Patient", "Query": {"PatientID": "1CT1"}}
    patient = pyorthanc.post_modalities_id_query(remote, json=asked)["ID"]
    assert patient in pyorthanc.get_queries()
    assert "answers" in pyorthanc.get_queries_id(patient)
    assert pyorthanc.get_queries_id_answers(patient) == ["0"]
    assert "content" in pyorthanc.get_queries_id_answers_index(patient, "0")
    assert (
        pyorthanc.get_queries_id_answers_index_content(patient, "0", {"simplify": True})["PatientID"]
        == "1CT1"
    )
    assert pyorthanc.get_queries_id_level(patient) == "Patient"
    assert pyorthanc.get_queries_id_modality(patient) == remote
    assert "0010,0020" in pyorthanc.get_queries_id_query(patient)
    nothing = {"Query": {}}
    below = pyorthanc.post_queries_id_answers_index_query_studies(patient, "0", json=nothing)["ID"]
    in_study = pyorthanc.post_queries_id_answers_index_query_series(below, "0", json=nothing)["ID"]
    in_series = pyorthanc.post_queries_id_answers_index_query_instances(in_study, "0", json=nothing)["ID"]
    found = pyorthanc.get_queries_id_answers_index_content(in_series, "0", {"simplify": True})
    assert found["SOPInstanceUID"] == instance
    pyorthanc.post_queries_id_answers_index_retrieve(in_series, "0", json={"TargetAet": "NACRE"})
    pyorthanc.post_queries_id_retrieve(below, json={"TargetAet": "NACRE"})
    assert len(pyorthanc.get_instances()) == 1
    pyorthanc.delete_queries_id(patient)
    assert patient not in pyorthanc.get_queries()
    delete_queries(pyorthanc)
    assert pyorthanc.get_queries() == []


def test_pyorthanc_uses_the_older_calls(pyorthanc: Orthanc, remote: str, ct: Path) -> None:
    study, series, instance = uids(ct)
    named = {"PatientID": "1CT1", "StudyInstanceUID": study, "SeriesInstanceUID": series}
    assert pyorthanc.post_modalities_id_find_patient(remote, json=named)[0]["PatientID"] == "1CT1"
    assert pyorthanc.post_modalities_id_find_study(remote, json=named)[0]["StudyInstanceUID"] == study
    assert pyorthanc.post_modalities_id_find_series(remote, json=named)[0]["Modality"] == "CT"
    assert pyorthanc.post_modalities_id_find_instance(remote, json=named)[0]["SOPInstanceUID"] == instance
    tree = pyorthanc.post_modalities_id_find(remote, json={"PatientID": "1CT1"})
    assert tree[0]["Studies"][0]["Series"][0]["SeriesInstanceUID"] == series
    with pytest.raises(HTTPError, match="500"):
        pyorthanc.post_modalities_id_find_worklist(remote, json={})


def test_pyorthanc_sends_and_reads_the_exports(pyorthanc: Orthanc, remote: str, peer: Peer, ct: Path) -> None:
    identifier = stored(pyorthanc, ct)["ID"]
    pyorthanc.delete_exports()
    pyorthanc.post_modalities_id_echo(remote)
    pyorthanc.post_tools_dicom_echo(json=peer.modality())
    pyorthanc.post_modalities_id_store(remote, json={"Resources": [identifier]})
    pyorthanc.post_modalities_id_store_straight(remote, content=ct.read_bytes())
    exports = pyorthanc.get_exports()
    assert [export["ID"] for export in exports["Exports"]] == [identifier]


def test_pyorthanc_asks_for_storage_commitment(pyorthanc: Orthanc, remote: str, ct: Path) -> None:
    identifier = stored(pyorthanc, ct)["ID"]
    body = {"Resources": [identifier]}
    transaction = pyorthanc.post_modalities_id_storage_commitment(remote, json=body)["ID"]
    deadline = time.monotonic() + 20
    while pyorthanc.get_storage_commitment_id(transaction)["Status"] == "Pending":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert pyorthanc.get_storage_commitment_id(transaction)["Status"] == "Success"
    pyorthanc.post_storage_commitment_id_remove(transaction)
    assert pyorthanc.get_instances() == []


@pytest.mark.parametrize("method", [RetrieveMethod.MOVE, RetrieveMethod.GET])
def test_orthanc_api_client_retrieves(
    api_client: OrthancApiClient, remote: str, ct: Path, method: RetrieveMethod
) -> None:
    study, series, instance = uids(ct)
    modalities = api_client.modalities
    assert [one.dicom_id for one in modalities.query_studies(remote, {"PatientID": "1CT1"})] == [study]
    assert [one.dicom_id for one in modalities.query_series(remote, {"StudyInstanceUID": study})] == [series]
    found = modalities.query_instances(remote, {"StudyInstanceUID": study, "SeriesInstanceUID": series})
    assert [one.dicom_id for one in found] == [instance]
    identifier = modalities.retrieve_study(remote, study, method)
    assert api_client.studies.exists(identifier)


def test_orthanc_api_client_moves_and_gets(api_client: OrthancApiClient, remote: str, ct: Path) -> None:
    study, series, instance = uids(ct)
    modalities = api_client.modalities
    modalities.move_study(remote, study)
    modalities.move_series(remote, series, study)
    modalities.move_instance(remote, instance, series, study)
    modalities.get_study(remote, study)
    modalities.get_series(remote, series, study)
    modalities.get_instance(remote, instance, series, study)
    for job in (modalities.move_study_async(remote, study), modalities.get_study_async(remote, study)):
        job.wait_completed(timeout=20)
        assert job.refresh().info.status == "Success"
    assert len(api_client.instances.get_all_ids()) == 1


async def _forget_queries(stack: RunningStack) -> None:
    async with AsyncOrthanc(stack.url) as client:
        await async_delete_queries(client)


def test_pyorthanc_forgets_queries_side_by_side(stack: RunningStack, pyorthanc: Orthanc, remote: str) -> None:
    pyorthanc.post_modalities_id_query(remote, json={"Level": "Patient", "Query": {}})
    asyncio.run(_forget_queries(stack))
    assert pyorthanc.get_queries() == []


def test_a_worklist_is_asked_for(api_client: OrthancApiClient) -> None:
    item = Dataset()
    item.PatientID = "P1"
    with Pacs(lambda _level: [item]) as pacs:
        api_client.modalities.configure("pacs", {"AET": "PACS", "Host": "127.0.0.1", "Port": pacs.port})
        assert api_client.modalities.find_worklist("pacs", {"PatientID": ""}) == [{"PatientID": "P1"}]


def test_orthanc_api_client_sends(api_client: OrthancApiClient, remote: str, peer: Peer, ct: Path) -> None:
    (identifier,) = api_client.upload_file(str(ct))
    for instance in peer.request("GET", "/instances"):
        peer.request("DELETE", f"/instances/{instance}")
    api_client.modalities.send(remote, identifier, timeout=20)
    assert peer.request("GET", "/instances") == [identifier]
    api_client.modalities.store(remote, [identifier])
    job = api_client.modalities.send_async(remote, identifier)
    job.wait_completed(timeout=20)
    assert job.refresh().info.status == "Success"
