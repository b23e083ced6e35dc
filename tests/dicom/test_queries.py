"""Queries of a real PACS and retrievals from it, through the API: Orthanc as the other side."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file

from chalicelib.application import make_app
from chalicelib.domain.jobs import JobState
from chalicelib.domain.levels import Level
from chalicelib.observability import Telemetry
from chalicelib.services.network import requests
from chalicelib.services.network.retrieve_work import MAXIMUM_ITEMS
from tests.dicom.peers import Orthanc
from tests.dicom.scp import Pacs
from tests.dicom.test_query_retrieve import FILES
from tests.listener.node import Node, running_node
from tests.support.client import Client


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with running_node(tmp_path / "node") as running:
        yield running


@pytest.fixture
def orthanc(node: Node, tmp_path: Path) -> Iterator[Orthanc]:
    known = {"nacre": ["NACRE", "127.0.0.1", node.port]}
    with Orthanc(tmp_path / "orthanc", DicomModalities=known).running() as running:
        for name in FILES:
            running.request("POST", "/instances", Path(str(get_testdata_file(name))).read_bytes())
        node.world.services.modalities.put("orthanc", running.modality())
        yield running


class Api:
    """The API of a node, in the test's own process."""

    def __init__(self, node: Node) -> None:
        self._client = Client(make_app(node.world.services, Telemetry(logging.getLogger("test"), None)))

    def status(self, method: str, path: str, body: Any = None) -> int:
        return int(self.answer(method, path, body).status)

    def answer(self, method: str, path: str, body: Any = None) -> Any:
        return self._client.request(method, path, json.dumps(body).encode(), {})

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        answer = self._client.request(method, path, data, {})
        assert answer.status == 200, answer.body
        try:
            return json.loads(answer.body)
        except ValueError:
            return answer.body.decode()


def stored(node: Node) -> set[str]:
    return set(node.world.services.listing.all(Level.INSTANCE))


@pytest.mark.parametrize("method", ["C-MOVE", "C-GET"])
def test_what_a_query_finds_can_be_retrieved(node: Node, orthanc: Orthanc, method: str) -> None:
    api = Api(node)
    query = api("POST", "/modalities/orthanc/query", {"Level": "Study", "Query": {"PatientName": "comp*"}})[
        "ID"
    ]
    answers = api("GET", f"/queries/{query}/answers?expand&simplify")
    assert {answer["PatientName"].split("^")[0] for answer in answers} == {"CompressedSamples"}
    api("POST", f"/queries/{query}/answers/0/retrieve", {"RetrieveMethod": method})
    assert len(stored(node)) == 1
    api("POST", f"/queries/{query}/retrieve", {"RetrieveMethod": method})
    assert len(stored(node)) == len(answers) == 3
    assert stored(node) <= set(orthanc.request("GET", "/instances"))
    for identifier in stored(node):
        origin = node.world.services.reading.instance(identifier).metadata
        assert (origin["Origin"], origin["RemoteAET"]) == ("DicomProtocol", "ORTHANC")


def test_what_is_below_an_answer_can_be_asked_for(node: Node, orthanc: Orthanc) -> None:
    api = Api(node)
    patient = api("POST", "/modalities/orthanc/query", {"Level": "Patient", "Query": {"PatientID": "1CT1"}})[
        "ID"
    ]
    study = api("POST", f"/queries/{patient}/answers/0/query-studies", {"Query": {"StudyDescription": ""}})[
        "ID"
    ]
    series = api("POST", f"/queries/{study}/answers/0/query-series", {"Query": {"Modality": ""}})["ID"]
    instances = api("POST", f"/queries/{series}/answers/0/query-instances", {"Query": {}})["ID"]
    (found,) = api("GET", f"/queries/{instances}/answers?expand&simplify")
    assert found["SOPInstanceUID"] == dcmread(get_testdata_file("CT_small.dcm")).SOPInstanceUID
    assert sorted(api("GET", "/queries")) == sorted([patient, study, series, instances])
    api("DELETE", f"/queries/{patient}")
    assert patient not in api("GET", "/queries")


def test_what_tags_name_is_moved_and_got(node: Node, orthanc: Orthanc) -> None:
    api = Api(node)
    ct, mr = (dcmread(get_testdata_file(name)) for name in ("CT_small.dcm", "MR_small.dcm"))
    named = {"Level": "Study", "Resources": [{"StudyInstanceUID": ct.StudyInstanceUID}]}
    api("POST", "/modalities/orthanc/move", named)
    assert len(stored(node)) == 1
    named = {"Level": "Study", "Resources": [{"StudyInstanceUID": mr.StudyInstanceUID}]}
    api("POST", "/modalities/orthanc/get", named)
    assert len(stored(node)) == 2


def test_a_query_is_forgotten_after_a_day(node: Node) -> None:
    api = Api(node)
    with Pacs(lambda _level: []) as pacs:
        node.world.services.modalities.put("pacs", {"AET": "PACS", "Host": "127.0.0.1", "Port": pacs.port})
        query = api("POST", "/modalities/pacs/query", {"Level": "Study", "Query": {}})["ID"]
    assert api("GET", "/queries") == [query]
    node.world.clock.advance(86_401)
    assert api("GET", "/queries") == []
    assert api.status("GET", f"/queries/{query}") == 404


def test_names_of_any_script_are_asked_for_and_shown(node: Node) -> None:
    api = Api(node)

    def answers(_level: str) -> list[Dataset]:
        answer = Dataset()
        answer.SpecificCharacterSet = "ISO_IR 192"
        answer.PatientName = "山田^太郎"
        answer.StudyInstanceUID = "1.2.3"
        return [answer]

    with Pacs(answers) as pacs:
        node.world.services.modalities.put("pacs", {"AET": "PACS", "Host": "127.0.0.1", "Port": pacs.port})
        query = api("POST", "/modalities/pacs/query", {"Level": "Study", "Query": {"PatientName": "山*"}})[
            "ID"
        ]
        (found,) = api("GET", f"/queries/{query}/answers?expand&simplify")
    assert found["PatientName"] == "山田^太郎"
    assert str(pacs.asked[0].PatientName) == "山*"


@pytest.mark.parametrize(
    ("manufacturer", "name", "date"),
    [
        ("Generic", "*", "*"),
        ("GenericNoWildcardInDates", "*", ""),
        ("GenericNoUniversalWildcard", "", ""),
    ],
)
def test_wildcards_are_those_that_the_manufacturer_knows(
    node: Node, manufacturer: str, name: str, date: str
) -> None:
    api = Api(node)
    with Pacs(lambda _level: []) as pacs:
        value = {"AET": "PACS", "Host": "127.0.0.1", "Port": pacs.port, "Manufacturer": manufacturer}
        node.world.services.modalities.put("pacs", value)
        body = {"Level": "Study", "Query": {"PatientName": "*", "StudyDate": "*"}}
        api("POST", "/modalities/pacs/query", body)
    assert (str(pacs.asked[0].PatientName), pacs.asked[0].StudyDate) == (name, date)


def test_a_modality_that_never_ends_is_told(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "MAXIMUM_ANSWERS", 2)
    answer = Dataset()
    answer.StudyInstanceUID = "1.2"
    for count, status in ((2, 200), (3, 500)):
        with Pacs(lambda _level, count=count: [answer] * count) as pacs:  # type: ignore[misc]
            value = {"AET": "PACS", "Host": "127.0.0.1", "Port": pacs.port}
            node.world.services.modalities.put("pacs", value)
            body = {"Level": "Study", "Query": {}}
            assert Api(node).status("POST", "/modalities/pacs/query", body) == status


def test_one_job_retrieves_no_more_than_it_can_show(node: Node) -> None:
    resources = [{"StudyInstanceUID": f"1.{n}"} for n in range(MAXIMUM_ITEMS + 1)]
    node.world.services.modalities.put("pacs", {"AET": "PACS", "Host": "127.0.0.1", "Port": 4})
    assert (
        Api(node).status("POST", "/modalities/pacs/move", {"Level": "Study", "Resources": resources}) == 400
    )


def test_a_retrieval_that_nobody_waits_for_is_tried_again(node: Node) -> None:
    services = node.world.services
    with Pacs(lambda _level: []) as pacs:
        services.modalities.put("pacs", {"AET": "PACS", "Host": "127.0.0.1", "Port": pacs.port})
    api = Api(node)
    body = {
        "Level": "Study",
        "Resources": [{"StudyInstanceUID": "1.2"}],
        "Synchronous": False,
        "TargetAet": "KNOWN",
    }
    job = api("POST", "/modalities/pacs/move", body)["ID"]
    services.network_runner.run_next()
    assert services.jobs.get(job).state is JobState.RETRY
    with Pacs(lambda _level: [], pacs.port):
        node.world.clock.advance(700)
        services.network_runner.run_next()
    assert services.jobs.get(job).state is JobState.SUCCESS
