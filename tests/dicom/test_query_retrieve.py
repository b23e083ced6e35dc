"""C-FIND, C-MOVE and C-GET as a provider, asked by dcmtk and Orthanc."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pynetdicom import AE, build_role, evt
from pynetdicom.dsutils import decode, encode
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made at run time
    PatientRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from chalicelib.domain.levels import Level
from chalicelib.services.network import store_work
from chalicelib.services.network.query import DicomQuery, Keys
from chalicelib.services.registered import LOOK_AGAIN_SECONDS
from dicom_listener.statuses import (
    CANCELLED,
    DESTINATION_UNKNOWN,
    NOT_AUTHORISED,
    OUT_OF_RESOURCES,
    SUB_OPERATIONS_FAILED,
    SUB_OPERATIONS_WARNING,
    SUCCESS,
    UNABLE_TO_PROCESS,
)
from tests.dicom.peers import Orthanc, free_port, receiver, run
from tests.dicom.scp import Scp
from tests.dicom.test_store_scu import add_images, configure, exported, uid
from tests.listener.node import Node, running_node
from tests.listener.peer import CT, image
from tests.support.local_world import local_world

FILES = ("CT_small.dcm", "MR_small.dcm", "JPEG2000.dcm", "SC_rgb_jpeg_dcmtk.dcm", "liver_1frame.dcm")
FIND = StudyRootQueryRetrieveInformationModelFind
OPEN = {"dicom_always_allow_find": True, "dicom_always_allow_move": True, "dicom_always_allow_get": True}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with running_node(tmp_path / "node", log_exported_resources=True, **OPEN) as running:
        yield running


def files(node: Node) -> list[Path]:
    """Pydicom's files, stored."""
    paths = [Path(str(get_testdata_file(name))) for name in FILES]
    for path in paths:
        node.world.services.ingest.store(path.read_bytes())
    return paths


def keys(**values: Any) -> Dataset:
    dataset = Dataset()
    for name, value in values.items():
        setattr(dataset, name, value)
    return dataset


def find(port: int, query: Dataset, model: str = FIND, called: str = "NACRE") -> tuple[list[Dataset], int]:
    """The answers to a query, and the last status."""
    ae = AE("PEER")
    ae.add_requested_context(model)
    association = ae.associate("127.0.0.1", port, ae_title=called)
    assert association.is_established
    answers, last = [], -1
    for status, answer in association.send_c_find(query, model):
        last = status.Status
        if answer is not None:
            answers.append(answer)
    association.release()
    return answers, last


QUERIES: dict[str, Dataset] = {
    "all studies": keys(QueryRetrieveLevel="STUDY", StudyInstanceUID="", PatientName="", StudyDate=""),
    "computed": keys(
        QueryRetrieveLevel="STUDY",
        PatientID="",
        ModalitiesInStudy="",
        NumberOfStudyRelatedInstances="",
        NumberOfStudyRelatedSeries="",
        NumberOfPatientRelatedStudies="",
    ),
    "by modality": keys(QueryRetrieveLevel="STUDY", PatientID="", ModalitiesInStudy="CT"),
    "wildcard": keys(QueryRetrieveLevel="STUDY", PatientID="", PatientName="comp*"),
    "any": keys(QueryRetrieveLevel="STUDY", PatientID="", PatientName="*"),
    "range": keys(QueryRetrieveLevel="STUDY", PatientID="", StudyDate="20040101-20040601"),
    "list": keys(QueryRetrieveLevel="PATIENT", PatientID=["1CT1", "4MR1"], PatientName=""),
    "series": keys(
        QueryRetrieveLevel="SERIES", Modality="CT", SeriesInstanceUID="", PatientName="", Rows=None
    ),
    "instances": keys(QueryRetrieveLevel="IMAGE", SOPInstanceUID="", SOPClassUID="", Rows=None),
    "nothing": keys(QueryRetrieveLevel="STUDY", PatientID="nobody", StudyDate=""),
    "patient at the study root": keys(QueryRetrieveLevel="PATIENT", PatientID="", PatientSex=""),
}


def comparable(answers: list[Dataset], keys: Dataset) -> list[str]:
    """Answers without what names the store, in an order of their own."""
    shown = []
    for answer in answers:
        parts = [
            f"{element.tag} {element.VR} {element.value}" for element in answer if element.tag != 0x00080054
        ]
        shown.append("\n".join(parts))
    return sorted(shown)


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with Orthanc(tmp_path_factory.mktemp("oracle")).running() as orthanc:
        for name in FILES:
            orthanc.request("POST", "/instances", Path(str(get_testdata_file(name))).read_bytes())
        yield orthanc


@pytest.mark.parametrize("name", QUERIES)
def test_answers_are_those_of_orthanc(node: Node, oracle: Orthanc, name: str) -> None:
    files(node)
    query = QUERIES[name]
    model = PatientRootQueryRetrieveInformationModelFind if name == "list" else FIND
    ours, our_status = find(node.port, query, model)
    theirs, their_status = find(oracle.port, query, model, called="ORTHANC")
    assert comparable(ours, query) == comparable(theirs, query)
    assert our_status == their_status == SUCCESS
    assert {str(answer.RetrieveAETitle) for answer in ours} <= {"NACRE"}


def test_a_sequence_is_answered_empty(node: Node) -> None:
    """As Orthanc 1.12 does; 1.10, which Debian has, leaves it out."""
    add_images(node, 1)
    (answer,), _ = find(
        node.port, keys(QueryRetrieveLevel="IMAGE", SOPInstanceUID="", ReferencedImageSequence=[])
    )
    assert list(answer.ReferencedImageSequence) == []


@pytest.mark.parametrize(
    "query",
    [
        keys(PatientName="*"),
        keys(QueryRetrieveLevel="NONSENSE", PatientName="*"),
        keys(QueryRetrieveLevel="STUDY", StudyInstanceUID="1.2*"),
    ],
)
def test_what_cannot_be_asked_is_refused(node: Node, query: Dataset) -> None:
    assert find(node.port, query) == ([], UNABLE_TO_PROCESS)


def test_names_of_any_script_are_found_and_shown(node: Node) -> None:
    from io import BytesIO

    buffer = BytesIO()
    image(SpecificCharacterSet="ISO_IR 192", PatientName="山田^太郎", PatientID="Ü1").save_as(buffer)
    node.world.services.ingest.store(buffer.getvalue())
    query = keys(
        SpecificCharacterSet="ISO_IR 192", QueryRetrieveLevel="STUDY", PatientName="山*", PatientID="ü1"
    )
    (answer,), status = find(node.port, query)
    assert (str(answer.PatientName), answer.PatientID, status) == ("山田^太郎", "Ü1", SUCCESS)


def test_a_limit_ends_the_answers_and_says_so(tmp_path: Path) -> None:
    with running_node(tmp_path, limit_find_instances=2, **OPEN) as limited:
        add_images(limited, 3)
        query = keys(QueryRetrieveLevel="IMAGE", SOPInstanceUID="")
        answers, status = find(limited.port, query)
        assert (len(answers), status) == (2, CANCELLED)
        assert len(find(limited.port, keys(QueryRetrieveLevel="SERIES", SeriesInstanceUID=""))[0]) == 1


def test_a_query_that_would_read_too_much_is_refused(tmp_path: Path) -> None:
    with running_node(tmp_path, maximum_find_scan=100, **OPEN) as small:
        add_images(small, 102)
        query = keys(QueryRetrieveLevel="IMAGE", SOPInstanceUID="", InstanceNumber="9999")
        assert find(small.port, query) == ([], OUT_OF_RESOURCES)


def test_a_peer_may_cancel(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    add_images(node, 150)
    answers = DicomQuery.answers

    def slow(query: DicomQuery, keys: Keys) -> Iterator[dict[int, str | None]]:
        for answer in answers(query, keys):
            time.sleep(0.01)
            yield answer

    monkeypatch.setattr(DicomQuery, "answers", slow)
    ae = AE("PEER")
    ae.add_requested_context(FIND)
    association = ae.associate("127.0.0.1", node.port)
    query = keys(QueryRetrieveLevel="IMAGE", SOPInstanceUID="")
    seen = []
    for status, _ in association.send_c_find(query, FIND, msg_id=5):
        seen.append(status.Status)
        if len(seen) == 3:
            association.send_c_cancel(5, query_model=FIND)
    association.release()
    assert seen[-1] == CANCELLED
    assert len(seen) < 150


def test_who_may_not_ask_hears_so(tmp_path: Path) -> None:
    with running_node(tmp_path) as closed:
        add_images(closed, 1)
        query = keys(QueryRetrieveLevel="STUDY", StudyInstanceUID="")
        assert find(closed.port, query) == ([], NOT_AUTHORISED)
        closed.world.services.modalities.put("peer", {"AET": "PEER", "Host": "127.0.0.1", "Port": 104})
        closed.world.clock.advance(LOOK_AGAIN_SECONDS + 0.01)  # long before what is known is forgotten
        answers, status = find(closed.port, query)
        assert (len(answers), status) == (1, SUCCESS)


def test_strangers_cost_few_queries() -> None:
    with local_world() as world:
        for tenths in (1, 1, 19):
            for _ in range(10):
                assert world.services.modalities.find(lambda _modality: False) == {}
            world.clock.advance(tenths / 10 + 0.001)
        assert world.calls.names == ["Query"] * 3


def move(node: Node, identifier: Dataset, destination: str = "RECEIVER") -> list[Dataset]:
    """The answers to a C-MOVE."""
    return [status for status, _ in moved(node, identifier, destination)]


def moved(
    node: Node, identifier: Dataset, destination: str = "RECEIVER"
) -> list[tuple[Dataset, Dataset | None]]:
    """As `move`, with the data sets of the answers."""
    model = StudyRootQueryRetrieveInformationModelMove
    ae = AE("PEER")
    ae.add_requested_context(model)
    association = ae.associate("127.0.0.1", node.port)
    answers = list(association.send_c_move(identifier, destination, model, msg_id=7))
    association.release()
    return answers


@pytest.mark.parametrize("level", list(Level))
def test_a_move_sends_what_it_names_and_tells_its_originator(node: Node, level: Level) -> None:
    identifiers = add_images(node, 3)
    instance = node.world.services.reading.instance(identifiers[0])
    names = ("PATIENT", "STUDY", "SERIES", "IMAGE")
    unique = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
    dataset = dcmread(get_testdata_file("CT_small.dcm"))
    value = instance.sop_instance_uid if level is Level.INSTANCE else dataset[unique[level]].value
    with Scp() as peer:
        configure(node, peer.modality())
        last = move(node, keys(QueryRetrieveLevel=names[level], **{unique[level]: value}))[-1]
    count = 1 if level is Level.INSTANCE else 3
    assert (last.Status, last.NumberOfCompletedSuboperations, len(peer.received)) == (SUCCESS, count, count)
    assert peer.originators == [("PEER", 7)] * count
    assert Counter(exported(node)) == Counter(peer.received)


def test_a_move_that_fails_in_part_is_a_warning(node: Node) -> None:
    identifiers = add_images(node, 3)
    study = keys(QueryRetrieveLevel="STUDY", StudyInstanceUID=image().StudyInstanceUID)
    with Scp(statuses=[0x0000, 0xA700]) as peer:
        configure(node, peer.modality())
        last, listing = moved(node, study)[-1]
    assert (last.Status, last.NumberOfCompletedSuboperations, last.NumberOfFailedSuboperations) == (
        SUB_OPERATIONS_WARNING,
        2,
        1,
    )
    (failed,) = {uid(node, one) for one in identifiers} - set(peer.received)
    assert listing is not None
    assert listing.FailedSOPInstanceUIDList == failed


@pytest.mark.parametrize("maximum", [3, 2])
def test_a_move_that_fails_names_what_failed_up_to_a_number(
    node: Node, monkeypatch: pytest.MonkeyPatch, maximum: int
) -> None:
    """Over the checkpoint of a job in which some instances were sent, and until its end."""
    monkeypatch.setattr(store_work, "MAXIMUM_FAILED_UIDS", maximum)
    monkeypatch.setattr(store_work, "BATCH", 1)
    add_images(node, 5)
    study = keys(QueryRetrieveLevel="STUDY", StudyInstanceUID=image().StudyInstanceUID)
    statuses = [0xA700, 0x0000, 0xA900, 0x0000, 0xC000]
    with Scp(statuses=statuses) as peer:
        configure(node, peer.modality())
        last, listing = moved(node, study)[-1]
    assert (last.Status, last.NumberOfFailedSuboperations) == (SUB_OPERATIONS_WARNING, 3)
    assert listing is not None
    named = list(listing.FailedSOPInstanceUIDList)
    assert len(set(named)) == maximum
    assert not set(named) & set(peer.received)


def test_a_move_of_which_nothing_arrives_names_everything(node: Node) -> None:
    identifiers = add_images(node, 3)
    study = keys(QueryRetrieveLevel="STUDY", StudyInstanceUID=image().StudyInstanceUID)
    configure(node, {"AET": "RECEIVER", "Host": "127.0.0.1", "Port": free_port()})
    last, listing = moved(node, study)[-1]
    assert (last.Status, last.NumberOfFailedSuboperations) == (SUB_OPERATIONS_FAILED, 3)
    assert listing is not None
    assert set(listing.FailedSOPInstanceUIDList) == {uid(node, one) for one in identifiers}


def test_as_many_names_as_are_kept_fit_into_an_answer() -> None:
    listing = Dataset()
    listing.FailedSOPInstanceUIDList = ["1." + "2" * 62] * store_work.MAXIMUM_FAILED_UIDS
    data = encode(listing, is_implicit_vr=False, is_little_endian=True)
    assert data is not None
    assert decode(BytesIO(data), is_implicit_vr=False, is_little_endian=True) == listing


def test_moves_that_cannot_be(node: Node) -> None:
    add_images(node, 1)
    study = keys(QueryRetrieveLevel="STUDY", StudyInstanceUID=image().StudyInstanceUID)
    assert [status.Status for status in move(node, study, "NOBODY")] == [DESTINATION_UNKNOWN]
    configure(node, {"AET": "RECEIVER", "Host": "127.0.0.1", "Port": free_port()})
    node.world.clock.advance(LOOK_AGAIN_SECONDS + 0.01)
    assert move(node, study)[-1].Status == SUB_OPERATIONS_FAILED
    for wrong in (
        keys(QueryRetrieveLevel="STUDY", StudyInstanceUID="1.2.3"),
        keys(QueryRetrieveLevel="STUDY", PatientID="1CT1"),
        keys(QueryRetrieveLevel="NONSENSE", StudyInstanceUID=image().StudyInstanceUID),
        keys(PatientName="X"),
    ):
        assert [status.Status for status in move(node, wrong)] == [UNABLE_TO_PROCESS]


def test_movescu_gets_its_files(node: Node, tmp_path: Path) -> None:
    paths = files(node)
    with receiver(tmp_path / "in", "+xa") as peer:
        configure(node, peer.modality())
        for path in paths:
            study = dcmread(path).StudyInstanceUID
            done = run(
                *("movescu", "-S", "-aec", "NACRE", "-aem", "RECEIVER", "-k", "QueryRetrieveLevel=STUDY"),
                *("-k", f"StudyInstanceUID={study}", "127.0.0.1", str(node.port)),
            )
            assert done.returncode == 0, done.stderr
    assert {dcmread(path).SOPInstanceUID for path in peer.received()} == {
        dcmread(path).SOPInstanceUID for path in paths
    }


def test_getscu_gets_its_files(node: Node, tmp_path: Path) -> None:
    paths = files(node)
    folder = tmp_path / "got"
    folder.mkdir()
    for path in paths:
        done = run(
            *("getscu", "-S", "-aec", "NACRE", "-od", str(folder), "-k", "QueryRetrieveLevel=STUDY"),
            *("-k", f"StudyInstanceUID={dcmread(path).StudyInstanceUID}", "127.0.0.1", str(node.port)),
        )
        assert done.returncode == 0, done.stderr
    got = {dcmread(path).SOPInstanceUID: dcmread(path) for path in folder.iterdir()}
    assert got.keys() == {dcmread(path).SOPInstanceUID for path in paths}
    assert Counter(exported(node)) == Counter(got.keys())


def test_a_get_tells_what_the_peer_did_not_take(node: Node) -> None:
    identifiers = add_images(node, 3)
    model = StudyRootQueryRetrieveInformationModelGet
    answers = [0x0000, 0xA700, 0x0000]
    ae = AE("PEER")
    ae.add_requested_context(model)
    ae.add_requested_context(CT)
    association = ae.associate(
        "127.0.0.1",
        node.port,
        ext_neg=[build_role(CT, scp_role=True)],
        evt_handlers=[(evt.EVT_C_STORE, lambda _event: answers.pop(0))],
    )
    study = keys(QueryRetrieveLevel="STUDY", StudyInstanceUID=image().StudyInstanceUID)
    status, listing = list(association.send_c_get(study, model))[-1]
    association.release()
    assert (status.Status, status.NumberOfFailedSuboperations) == (SUB_OPERATIONS_WARNING, 1)
    assert listing is not None
    assert listing.FailedSOPInstanceUIDList in [uid(node, identifier) for identifier in identifiers]
    assert len(exported(node)) == 2


def test_orthanc_finds_moves_and_gets(node: Node, tmp_path: Path) -> None:
    files(node)
    ours = ["NACRE", "127.0.0.1", node.port]
    with Orthanc(tmp_path / "orthanc", DicomModalities={"nacre": ours}).running() as orthanc:
        configure(node, orthanc.modality(), "orthanc")
        query = {"Level": "Study", "Query": {"PatientName": "comp*"}}
        found = orthanc.request("POST", "/modalities/nacre/query", query)["ID"]
        count = len(orthanc.request("GET", f"/queries/{found}/answers"))
        assert count == 3
        orthanc.request("POST", f"/queries/{found}/retrieve", b"ORTHANC")
        assert len(orthanc.request("GET", "/studies")) == count
        instances = orthanc.request("GET", "/instances")
        assert set(instances) <= set(node.world.services.listing.all(Level.INSTANCE))
