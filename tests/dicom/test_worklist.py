"""The worklist, asked by dcmtk and pynetdicom; what matches is what Orthanc 1.12.7 answers for the same files."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pynetdicom import AE
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made at run time
    ModalityWorklistInformationFind,
)

from dicom_listener.statuses import CANCELLED, CANNOT_UNDERSTAND, NOT_AUTHORISED, SUCCESS, UNABLE_TO_PROCESS
from tests.dicom.peers import Orthanc, run
from tests.dicom.test_store_scu import configure
from tests.listener.node import Node, running_node

OPEN = {"dicom_always_allow_find_worklist": True}
PLUGIN = "/usr/share/orthanc/plugins/libModalityWorklists.so"


def entry(number: int, patient: dict[str, str], *steps: dict[str, str]) -> bytes:
    """A worklist file."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.StudyInstanceUID = f"1.2.3.{number}"
    for keyword, value in patient.items():
        setattr(dataset, keyword, value)
    if steps:
        dataset.ScheduledProcedureStepSequence = Sequence(copy.deepcopy([item(step) for step in steps]))
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = "1.2.276.0.7230010.3.1.0.1"
    dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.9.{number}"
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def item(values: dict[str, Any]) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def step(aet: str, modality: str, date: str, time: str = "101500") -> dict[str, str]:
    return {
        "ScheduledStationAETitle": aet,
        "Modality": modality,
        "ScheduledProcedureStepStartDate": date,
        "ScheduledProcedureStepStartTime": time,
        "ScheduledProcedureStepID": "S1",
    }


FILES = {
    "a.wl": entry(
        1,
        {"PatientName": "DOE^JOHN", "PatientID": "P1", "AccessionNumber": "A1"},
        step("STATION", "CT", "20240510"),
    ),
    "b.wl": entry(
        2,
        {"PatientName": "Müller^Jürgen", "PatientID": "P2", "AccessionNumber": "A2"},
        step("OTHER", "MR", "20240601", "083000"),
    ),
    "c.WL": entry(
        3,
        {"PatientName": "ZZ^TOP", "PatientID": "P3", "AccessionNumber": ""},
        step("STATION", "CT", "20240511"),
        step("SECOND", "MR", "20240511"),
    ),
    "d.wl": entry(4, {"PatientName": "Ιωάννης", "PatientID": "P4", "SpecificCharacterSet": "ISO_IR 126"}),
    "broken.wl": b"no DICOM",
    "note.txt": entry(5, {"PatientID": "P5"}),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "worklists"
    (made / "below").mkdir(parents=True)
    (made / "below" / "e.wl").write_bytes(entry(6, {"PatientID": "P6"}))
    for name, data in FILES.items():
        (made / name).write_bytes(data)
    return made


def options(folder: Path, **changes: object) -> dict[str, object]:
    return {"Enable": True, "Database": str(folder), **changes}


@pytest.fixture
def node(tmp_path: Path, folder: Path) -> Iterator[Node]:
    with running_node(tmp_path / "node", worklists=options(folder), **OPEN) as running:
        yield running


def ask(port: int, keys: Dataset, aet: str = "PEER") -> tuple[list[Dataset], int]:
    """The answers, and the last status."""
    ae = AE(aet)
    ae.add_requested_context(ModalityWorklistInformationFind)
    association = ae.associate("127.0.0.1", port)
    assert association.is_established
    answers = list(association.send_c_find(keys, ModalityWorklistInformationFind))
    association.release()
    return [answer for _, answer in answers if answer is not None], answers[-1][0].Status


def keys(of_step: dict[str, Any] | None = None, **values: Any) -> Dataset:
    asked = item({"PatientID": "", **values})
    if of_step is not None:
        asked.ScheduledProcedureStepSequence = Sequence([item(of_step)])
    return asked


def found(answers: list[Dataset]) -> dict[str, int]:
    """The patients, and how many steps of each."""
    return {one.PatientID: len(one.get("ScheduledProcedureStepSequence") or []) for one in answers}


DATE, TIME, STATION = (
    "ScheduledProcedureStepStartDate",
    "ScheduledProcedureStepStartTime",
    "ScheduledStationAETitle",
)


@pytest.mark.parametrize(
    ("of_step", "values", "expected"),
    [
        ({}, {}, {"P1": 1, "P2": 1, "P3": 2, "P4": 0}),
        ({"Modality": "CT"}, {}, {"P1": 1, "P3": 1, "P4": 0}),
        ({"Modality": "ct"}, {}, {"P4": 0}),
        ({"Modality": ["CT", "MR"]}, {}, {"P1": 1, "P2": 1, "P3": 2, "P4": 0}),
        ({STATION: "SECOND"}, {}, {"P3": 1, "P4": 0}),
        ({STATION: "SECOND", "Modality": "CT"}, {}, {"P4": 0}),
        ({DATE: "20240511-20240601"}, {}, {"P2": 1, "P3": 2, "P4": 0}),
        ({DATE: "20240510"}, {}, {"P1": 1, "P4": 0}),
        ({DATE: "20240601-"}, {}, {"P2": 1, "P4": 0}),
        ({TIME: "080000-090000"}, {}, {"P2": 1, "P4": 0}),
        (None, {"PatientName": "DOE*"}, {"P1": 0}),
        (None, {"PatientName": "doe*"}, {"P1": 0}),
        (None, {"PatientName": "DO?^JOHN"}, {"P1": 0}),
        (None, {"PatientName": "*"}, {"P1": 0, "P2": 0, "P3": 0, "P4": 0}),
        (None, {"PatientName": "Mü*", "SpecificCharacterSet": "ISO_IR 100"}, {"P2": 0}),
        (None, {"PatientName": "Mü*", "SpecificCharacterSet": "ISO_IR 192"}, {"P2": 0}),
        (None, {"PatientID": "P1\\P2"}, {"P1": 0, "P2": 0}),
        (None, {"PatientID": "p1"}, {}),
        (None, {"StudyInstanceUID": ["1.2.3.1", "1.2.3.3"]}, {"P1": 0, "P3": 0}),
        (None, {"AccessionNumber": "A2"}, {"P2": 0}),
        (None, {"AccessionNumber": "NONE"}, {}),
        (None, {"PatientWeight": "3"}, {}),
        (None, {"PatientID": "P*", "AccessionNumber": "A?"}, {"P1": 0, "P2": 0}),
    ],
)
def test_all_kinds_of_matching(
    node: Node, of_step: dict[str, Any] | None, values: dict[str, Any], expected: dict[str, int]
) -> None:
    answers, status = ask(node.port, keys(of_step, **values))
    assert (found(answers), status) == (expected, SUCCESS)


def test_answers_have_what_was_asked_for(node: Node) -> None:
    asked = keys(
        {"Modality": "", STATION: ""}, PatientID="P3", PatientName="", PatientWeight="", StudyInstanceUID=""
    )
    [answer], _ = ask(node.port, asked)
    assert [element.keyword for element in answer] == [
        "SpecificCharacterSet", "PatientName", "PatientID", "StudyInstanceUID", "ScheduledProcedureStepSequence",
    ]  # fmt: skip
    steps = answer.ScheduledProcedureStepSequence
    assert [(one.ScheduledStationAETitle, one.Modality, len(one)) for one in steps] == [
        ("STATION", "CT", 2),
        ("SECOND", "MR", 2),
    ]
    [whole], _ = ask(node.port, keys({}, PatientID="P1"))
    assert len(whole.ScheduledProcedureStepSequence[0]) == 5


def test_letters_arrive_in_latin_1_or_utf_8(node: Node) -> None:
    [german], _ = ask(node.port, keys(PatientID="P2", PatientName=""))
    assert (german.SpecificCharacterSet, str(german.PatientName)) == ("ISO_IR 100", "Müller^Jürgen")
    [greek], _ = ask(node.port, keys(PatientID="P4", PatientName=""))
    assert (greek.SpecificCharacterSet, str(greek.PatientName)) == ("ISO_IR 192", "Ιωάννης")


def test_a_request_that_makes_no_sense_gets_a_status(node: Node) -> None:
    asked = keys(PatientID="P1")
    asked.ScheduledProcedureStepSequence = Sequence([item({"Modality": "CT"}), item({"Modality": "MR"})])
    assert ask(node.port, asked) == ([], CANNOT_UNDERSTAND)
    assert ask(node.port, keys({DATE: "2024*"})) == ([], CANNOT_UNDERSTAND)


def test_findscu_gets_the_worklist(node: Node, tmp_path: Path) -> None:
    out = tmp_path / "answers"
    out.mkdir()
    query = ("-k", "PatientName=DOE*", "-k", "ScheduledProcedureStepSequence[0].Modality=CT")
    answer = run("findscu", "-W", "-X", "-od", str(out), *query, "127.0.0.1", str(node.port))
    assert answer.returncode == 0, answer.stderr
    [path] = out.iterdir()
    dataset = dcmread(path, force=True)
    assert str(dataset.PatientName) == "DOE^JOHN"
    assert dataset.ScheduledProcedureStepSequence[0].Modality == "CT"


def test_the_next_query_sees_a_change(node: Node, folder: Path) -> None:
    (folder / "a.wl").unlink()
    (folder / "b.wl").write_bytes(entry(2, {"PatientID": "CHANGED"}))
    (folder / "new.wl").write_bytes(entry(7, {"PatientID": "P7"}))
    assert set(found(ask(node.port, keys())[0])) == {"CHANGED", "P3", "P4", "P7"}


def test_files_of_the_bucket_are_the_worklist_of_their_tenant(tmp_path: Path) -> None:
    with running_node(tmp_path / "node", worklists={"Enable": True}, **OPEN) as node:
        assert ask(node.port, keys()) == ([], SUCCESS)
        bucket = node.world.resources.files
        for name, data in FILES.items():
            node.world.s3.put_object(Bucket=bucket, Key=f"default/worklists/{name}", Body=data)
        node.world.s3.put_object(
            Bucket=bucket, Key="other/worklists/a.wl", Body=entry(8, {"PatientID": "P8"})
        )
        for _ in range(2):
            assert set(found(ask(node.port, keys())[0])) == {"P1", "P2", "P3", "P4"}
        node.world.s3.put_object(Bucket=bucket, Key="default/worklists/a.wl", Body=FILES["b.wl"])
        node.world.s3.delete_object(Bucket=bucket, Key="default/worklists/d.wl")
        assert [one.PatientID for one in ask(node.port, keys())[0]] == ["P2", "P2", "P3"]


def test_a_station_gets_its_own_steps(tmp_path: Path, folder: Path) -> None:
    worklists = options(folder, FilterIssuerAet=True)
    with running_node(tmp_path / "node", worklists=worklists, **OPEN) as node:
        assert found(ask(node.port, keys(), "PEER")[0]) == {"P4": 0}
        assert found(ask(node.port, keys({}), "STATION")[0]) == {"P1": 1, "P3": 2, "P4": 0}
        assert found(ask(node.port, keys({"Modality": "MR"}), "STATION")[0]) == {"P4": 0}
        assert found(ask(node.port, keys({STATION: "OTHER"}), "STATION")[0]) == {"P4": 0}


def test_more_answers_than_the_limit_are_not_sent(tmp_path: Path, folder: Path) -> None:
    with running_node(tmp_path / "node", worklists=options(folder, LimitAnswers=2), **OPEN) as node:
        answers, status = ask(node.port, keys())
        assert (len(answers), status) == (2, CANCELLED)
        answers, status = ask(node.port, keys(PatientID="P1\\P2"))
        assert (len(answers), status) == (2, SUCCESS)


def test_only_who_may_ask_gets_answers(tmp_path: Path, folder: Path) -> None:
    with running_node(tmp_path / "node", worklists=options(folder), dicom_always_allow_find=True) as node:
        configure(node, {"AET": "KNOWN", "Host": "127.0.0.1", "Port": 104})
        forbidden = {"AET": "NOT", "Host": "127.0.0.1", "Port": 104, "AllowFindWorklist": False}
        configure(node, forbidden, "forbidden")
        assert ask(node.port, keys()) == ([], NOT_AUTHORISED)
        assert len(ask(node.port, keys(), "KNOWN")[0]) == 4
        assert ask(node.port, keys(), "NOT") == ([], NOT_AUTHORISED)


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    with running_node(tmp_path / "node", worklists=options(tmp_path / "missing"), **OPEN) as node:
        assert ask(node.port, keys()) == ([], UNABLE_TO_PROCESS)


def test_without_the_option_there_is_no_worklist(tmp_path: Path) -> None:
    with running_node(tmp_path / "node", **OPEN) as node:
        ae = AE()
        ae.add_requested_context(ModalityWorklistInformationFind)
        association = ae.associate("127.0.0.1", node.port)
        assert not association.is_established


def test_orthanc_answers_the_same(node: Node, folder: Path, tmp_path: Path) -> None:
    orthanc = Orthanc(
        tmp_path / "orthanc", Plugins=[PLUGIN], Worklists=options(folder), DicomAlwaysAllowFindWorklist=True
    )
    (folder / "d.wl").unlink()  # its letters do not get through Orthanc
    asked = keys({"Modality": "MR", DATE: "20240501-", STATION: ""}, PatientName="*", StudyInstanceUID="")
    with orthanc.running():
        ours, theirs = ask(node.port, asked), ask(orthanc.port, asked)
    assert sorted(map(str, ours[0])) == sorted(map(str, theirs[0]))
    assert len(ours[0]) == 2
