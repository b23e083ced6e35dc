"""What an echo checks and how answers are retrieved, by options, modalities and bodies, as in Orthanc 1.12.7."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset

from tests.dicom.peers import Orthanc, receiver
from tests.dicom.scp import Pacs
from tests.dicom.test_queries import Api
from tests.listener.node import Node, running_node

STUDY = "1.2.3.4"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with running_node(tmp_path / "node") as running:
        yield running


def known(node: Node, name: str, port: int, **fields: str) -> None:
    node.world.services.modalities.put(name, {"AET": "PEER", "Host": "127.0.0.1", "Port": port, **fields})


def echo(node: Node, name: str, body: Any = None) -> int:
    """Orthanc's number of the error; 0 if there is none."""
    answer = Api(node).answer("POST", f"/modalities/{name}/echo", body)
    return 0 if answer.status == 200 else int(json.loads(answer.body)["OrthancStatus"])


def test_an_echo_asks_by_find_if_its_body_says_so(node: Node, tmp_path: Path) -> None:
    with receiver(tmp_path / "in") as storescp, Orthanc(tmp_path / "orthanc").running() as orthanc:
        known(node, "storescp", storescp.port)
        node.world.services.modalities.put("orthanc", orthanc.modality())
        assert [echo(node, "storescp", body) for body in ({}, {"CheckFind": False}, {"CheckFind": True})] == [
            0,
            0,
            2016,
        ]
        assert echo(node, "orthanc", {"CheckFind": True, "Timeout": 5}) == 0
        assert [echo(node, "orthanc", {"CheckFind": wrong}) for wrong in ("x", 1, None)] == [15, 15, 15]
        unknown = {"AET": "PEER", "Host": "127.0.0.1", "Port": storescp.port}
        api = Api(node)
        assert api.status("POST", "/tools/dicom-echo", unknown) == 200
        assert api.status("POST", "/tools/dicom-echo", {**unknown, "CheckFind": True}) == 500


def test_an_echo_asks_by_find_if_the_option_says_so_and_its_body_does_not(tmp_path: Path) -> None:
    with (
        running_node(tmp_path / "node", dicom_echo_checks_find=True) as node,
        receiver(tmp_path / "in") as peer,
    ):
        known(node, "peer", peer.port)
        bodies: list[Any] = [None, 5, {}, {"Timeout": 5}, {"CheckFind": False}]
        assert [echo(node, "peer", body) for body in bodies] == [2016, 2016, 2016, 2016, 0]


def test_what_is_asked_finds_nothing(node: Node) -> None:
    with Pacs(lambda _level: []) as pacs:
        known(node, "pacs", pacs.port)
        assert echo(node, "pacs", {"CheckFind": True}) == 2015  # it takes no C-ECHO
        assert pacs.asked == []
    with Pacs(lambda _level: [], echoes=True) as pacs:
        known(node, "pacs", pacs.port)
        assert [echo(node, "pacs", {"CheckFind": True}) for _ in range(2)] == [0, 0]
    first, second = pacs.asked
    assert {element.keyword: element.value for element in first if element.keyword != "StudyInstanceUID"} == {
        "QueryRetrieveLevel": "STUDY",
        "PatientID": "",
        "AccessionNumber": "",
    }
    assert first.StudyInstanceUID != second.StudyInstanceUID


def test_a_peer_that_refuses_a_find_fails_the_echo(node: Node) -> None:
    with Pacs(lambda _level: [], echoes=True, status=0xA700) as pacs:
        known(node, "pacs", pacs.port)
        assert echo(node, "pacs") == 0
        assert echo(node, "pacs", {"CheckFind": True}) == 9


METHODS = (
    # the option, that of the modality, that of the body, what is used
    ("C-MOVE", "SystemDefault", None, "DicomMoveScu"),
    ("C-MOVE", "C-GET", None, "DicomGetScu"),
    ("C-MOVE", "C-GET", "SystemDefault", "DicomMoveScu"),
    ("C-GET", "SystemDefault", None, "DicomGetScu"),
    ("C-GET", "SystemDefault", "SystemDefault", "DicomGetScu"),
    ("C-GET", "SystemDefault", "C-MOVE", "DicomMoveScu"),
    ("C-GET", "C-MOVE", None, "DicomMoveScu"),
    ("C-GET", "C-MOVE", "SystemDefault", "DicomGetScu"),
)


@pytest.mark.parametrize(("option", "own", "asked", "expected"), METHODS)
def test_how_answers_are_retrieved(
    tmp_path: Path, option: str, own: str, asked: str | None, expected: str
) -> None:
    def answers(_level: str) -> list[Dataset]:
        answer = Dataset()
        answer.QueryRetrieveLevel, answer.StudyInstanceUID = "STUDY", STUDY
        return [answer]

    with (
        running_node(tmp_path / "node", dicom_default_retrieve_method=option) as node,
        Pacs(answers, known="NACRE") as pacs,
    ):
        known(node, "pacs", pacs.port, RetrieveMethod=own)
        api = Api(node)
        query = api("POST", "/modalities/pacs/query", {"Level": "Study", "Query": {}})["ID"]
        body: dict[str, Any] = {"Asynchronous": True}
        if asked is not None:
            body["RetrieveMethod"] = asked
        job = api("POST", f"/queries/{query}/retrieve", body)["ID"]
        assert api("GET", f"/jobs/{job}")["Type"] == expected
