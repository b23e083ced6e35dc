"""What is asked of other nodes: modalities that answer, that refuse, and that are not there."""

from __future__ import annotations

from pydicom import Dataset

from tests.conformance.difference import Condition, Difference, Kind, asks
from tests.conformance.exchanges import Exchange
from tests.conformance.hospital import LEVELS, PARENTS, fill
from tests.conformance.session import JOB, QUERY, Session
from tests.dicom.scp import Pacs, Scp

STORE, EXPORTS, QUERIES, RETRIEVALS, FINDS = range(14790, 14795)
"""The peer's port in each scenario: tests may play several at once."""


def _options(port: int) -> dict[str, object]:
    modalities = {"peer": ["RECEIVER", "127.0.0.1", port], "dead": ["DEAD", "127.0.0.1", 1]}
    return {"DicomModalities": modalities, "LogExportedResources": True}


NOBODY = "-".join(["00000000"] * 5)


def store(session: Session) -> None:
    """Sending, in all the forms that the body may have."""
    stored = fill(session)[0]
    ids = [stored[key] for key in PARENTS]
    instance = ids[-1]
    with Scp(port=STORE):
        session.get("/modalities", "/modalities?expand", "/modalities/peer", "/modalities/nobody")
        for path in ("/modalities/peer/echo", "/modalities/dead/echo", "/modalities/nobody/echo"):
            session.post(path, "")
        session.post("/modalities/peer/echo", {"Timeout": 5})
        session.post("/tools/dicom-echo", {"AET": "RECEIVER", "Host": "127.0.0.1", "Port": STORE})
        for body in ({}, {"AET": "X"}, ["DEAD", "127.0.0.1", 1]):
            session.post("/tools/dicom-echo", body)
        for identifier, _ in zip(ids, LEVELS, strict=True):
            session.post("/modalities/peer/store", identifier)
        session.post("/modalities/peer/store", [instance, ids[1]])
        session.post("/modalities/peer/store", {"Resources": [instance], "Synchronous": False, "Priority": 3})
        session.work()
        session.get(f"/jobs/{JOB}")
        for fields in (
            {"LocalAet": "LOCAL", "CalledAet": "CALLED", "Timeout": 4},
            {"MoveOriginatorAet": "MOVER", "MoveOriginatorID": 5},
            {"Asynchronous": True},
            {"Permissive": True},
        ):
            session.post("/modalities/peer/store", {"Resources": [instance], **fields})
        for wrong in (
            "", "nope", "5", "{}", [], [5], {"Resources": []}, {"Resources": 5}, {"Resources": [5]},
            {"Resources": ["nope"]}, [NOBODY], {"Resources": [instance], "Synchronous": 5},
            {"Resources": [instance], "Permissive": "x"}, {"Resources": [instance], "Timeout": "x"},
        ):  # fmt: skip
            session.post("/modalities/peer/store", wrong)
        session.post("/modalities/nobody/store", instance)
        session.post("/modalities/dead/store", instance)
        session.post("/modalities/peer/store-straight", "")
        session.post("/modalities/peer/store-straight", "nothing")
        session.post("/modalities/nobody/store-straight", "nothing")
        session.ask("DELETE", "/modalities/nobody")
    for status in (0xA700, 0xA900, 0xC000, 0x0110, 0x0122, 0x0124, 0xB000, 0xB007, 0x1234):
        with Scp([status], STORE):
            session.post("/modalities/peer/store", instance)
    session.ask("DELETE", "/exports")
    session.get("/exports", "/exports?last", "/exports?since=5&limit=2")


def exports(session: Session) -> None:
    """The log of instances that were sent."""
    stored = fill(session)[0]
    instance = stored[PARENTS[-1]]
    session.get("/exports", "/exports?last")
    with Scp(port=EXPORTS):
        for _ in range(3):
            session.post("/modalities/peer/store", instance)
    session.get(
        "/exports", "/exports?limit=1", "/exports?since=1", "/exports?since=1&limit=1", "/exports?last"
    )
    session.get(
        "/exports?since=3", "/exports?since=100", "/exports?limit=x", "/exports?limit=0", "/exports?since=-1"
    )
    session.ask("DELETE", "/exports")
    session.get("/exports", "/exports?last")


def answers(level: str) -> list[Dataset]:
    """What a PACS has: two patients."""
    found = []
    for number in (1, 2):
        dataset = Dataset()
        dataset.SpecificCharacterSet = "ISO_IR 100"
        dataset.QueryRetrieveLevel = level
        dataset.PatientID = f"P{number}"
        dataset.PatientName = "M\u00fcller^Anna"
        if level != "PATIENT":
            dataset.AccessionNumber = f"A{number}"
            dataset.StudyInstanceUID = f"1.2.{number}"
        if level in ("SERIES", "IMAGE"):
            dataset.SeriesInstanceUID = f"1.2.{number}.3"
        if level == "IMAGE":
            dataset.SOPInstanceUID = f"1.2.{number}.3.4"
        dataset.ModalitiesInStudy = ["CT", "MR"]
        dataset.Rows = 512
        found.append(dataset)
    return found


def queries(session: Session) -> None:
    """Asking, at all levels; the answers, in all forms; retrieving them, all ways."""
    asked = {"PatientName": "M*", "PatientID": "", "Rows": "", "0020,000d": ""}
    with Pacs(answers, QUERIES):
        for level in ("Patient", "Study", "Series", "Instance", "studies", "IMAGE"):
            _query(session, level, {"Level": level, "Query": asked})
        _query(session, "no normalisation", {"Level": "Study", "Query": asked, "Normalize": False})
        for wrong in (
            "", "x", "5", "{}", {"Level": "x"}, {"Level": 5}, {"Level": "Study", "Query": []},
            {"Level": "Study", "Query": {"nope": ""}}, {"Level": "Study", "Query": {"PatientName": 5}},
            {"Level": "Study", "Normalize": 5}, {"Level": "Study", "Query": {}, "Timeout": "x"},
        ):  # fmt: skip
            session.post("/modalities/peer/query", wrong)
        session.post("/modalities/nobody/query", {"Level": "Study"})
        session.post("/modalities/dead/query", {"Level": "Study"})
        session.get("/queries/unknown", "/queries/unknown/answers", "/queries/unknown/answers/0/content")
        session.ask("DELETE", "/queries/unknown")


def _query(session: Session, name: str, body: dict[str, object]) -> None:
    session.post("/modalities/peer/query", body)
    query = f"/queries/{QUERY}"
    session.get(query, f"{query}/answers", f"{query}/answers?expand", f"{query}/answers?expand&simplify")
    session.get(f"{query}/answers?expand&short", f"{query}/level", f"{query}/modality", f"{query}/query")
    session.get(
        f"{query}/query?simplify", f"{query}/nonsense", f"{query}/answers/0", f"{query}/answers/1/content"
    )
    session.get(f"{query}/answers/0/content?simplify", f"{query}/answers/2/content", f"{query}/answers/x")
    session.get(f"{query}/answers/x/content")
    for target in (
        "KNOWN",
        {"TargetAet": "KNOWN"},
        {"TargetAet": "KNOWN", "Simplify": True},
        "NOBODY",
        "",
        "{}",
    ):
        session.post(f"{query}/answers/0/retrieve", target)
        session.post(f"{query}/retrieve", target)
    for fields in (
        {"RetrieveMethod": "C-GET"}, {"RetrieveMethod": "C-MOVE"}, {"RetrieveMethod": "SystemDefault"},
        {"RetrieveMethod": "x"}, {"TargetAet": 5}, {"Synchronous": 5}, {"Permissive": True}, {"LocalAet": "LOCAL"},
    ):  # fmt: skip
        session.post(f"{query}/retrieve", {"TargetAet": "KNOWN", **fields})
    session.post(f"{query}/answers/2/retrieve", "KNOWN")
    session.post(f"{query}/retrieve", {"TargetAet": "KNOWN", "Synchronous": False})
    session.work()
    session.get(f"/jobs/{JOB}")
    for below in ("studies", "series", "instances", "nonsense"):
        session.post(f"{query}/answers/1/query-{below}", {"Query": {"Modality": "CT"}})
        if name == "Patient":
            session.get(f"/queries/{QUERY}/query")


def retrievals(session: Session) -> None:
    """Moving and getting what tags name."""
    resources = [{"StudyInstanceUID": "1.2.1"}, {"0020,000d": "1.2.2", "PatientID": "P2"}]
    with Pacs(answers, RETRIEVALS):
        for path in ("/modalities/peer/move", "/modalities/peer/get"):
            for fields in (
                {"Level": "Study", "Resources": resources, "TargetAet": "KNOWN"},
                {"Level": "Study", "Resources": [], "TargetAet": "KNOWN"},
                {"Level": "Study", "Resources": resources, "TargetAet": "KNOWN", "LocalAet": "LOCAL"},
                {"Level": "Study", "Resources": resources, "TargetAet": "NOBODY"},
                {"Level": "Study", "Resources": resources, "TargetAet": "NOBODY", "Permissive": True},
                {"Level": "Patient", "Resources": [{"PatientID": "P1"}], "TargetAet": "KNOWN"},
                {"Level": "x", "Resources": []}, {"Level": "Study"}, {"Resources": []}, {}, [], "x",
                {"Level": "Study", "Resources": 5}, {"Level": "Study", "Resources": ["x"]},
                {"Level": "Study", "Resources": [{"nope": "1"}]}, {"Level": "Study", "Resources": [{"PatientID": 5}]},
            ):  # fmt: skip
                session.post(path, fields)
            session.post(
                path, {"Level": "Study", "Resources": resources, "TargetAet": "KNOWN", "Asynchronous": True}
            )
            session.work()
            session.get(f"/jobs/{JOB}")
        session.post("/modalities/nobody/move", {"Level": "Study", "Resources": resources})
        session.post("/modalities/dead/get", {"Level": "Study", "Resources": resources})


def finds(session: Session) -> None:
    """The older calls, whose answers are given at once, and worklists."""
    known = {"PatientID": "P123", "StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.4"}
    with Pacs(answers, FINDS):
        for call in _FINDS:
            for fields in (
                {}, known, {"PatientID": "P1"}, {"PatientID": "P123"}, {"AccessionNumber": "A123"},
                {"PatientID": "P123", "StudyInstanceUID": "1.2.3"}, {"PatientID": 5}, {"nope": ""}, "", "x", [], 5,
            ):  # fmt: skip
                session.post(f"/modalities/peer/{call}", fields)
            session.post(f"/modalities/nobody/{call}", known)
            session.post(f"/modalities/dead/{call}", known)
    with Pacs(_worklist, FINDS):
        for query in (
            {}, {"PatientID": ""}, {"Query": {"PatientID": ""}}, {"Query": {"PatientID": ""}, "Full": True},
            {"Query": {"PatientID": ""}, "Short": True}, {"Query": {"PatientID": ""}, "Short": False},
            {"ScheduledProcedureStepSequence": [{"Modality": "MR"}]}, {"Query": 5}, {"Query": {"nope": ""}},
            {"PatientID": 5}, "", "x", [], 5,
        ):  # fmt: skip
            session.post("/modalities/peer/find-worklist", query)
    session.post("/modalities/nobody/find-worklist", {})
    session.post("/modalities/peer/nonsense", {})


def _worklist(_level: str) -> list[Dataset]:
    step = Dataset()
    step.Modality = "MR"
    step.ScheduledStationAETitle = "STATION"
    item = Dataset()
    item.SpecificCharacterSet = "ISO_IR 100"
    item.PatientID = "P1"
    item.PatientName = "M\u00fcller^Anna"
    item.ScheduledProcedureStepSequence = [step]
    return [item]


TITLE = "Other nodes"
SCENARIOS = {
    "store": (store, _options(STORE)),
    "exports": (exports, _options(EXPORTS)),
    "queries": (queries, _options(QUERIES)),
    "retrievals": (retrievals, _options(RETRIEVALS)),
    "finds": (finds, _options(FINDS)),
}


def _is_of_instances(exchange: Exchange) -> bool:
    return any(name in str(exchange.body) for name in ("MediaStorageSOPInstanceUID", "0002,0003"))


def _media_storage(routes: list[str], fields: list[str], when: Condition = lambda _: True) -> Difference:
    return Difference(
        Kind.CHOSEN,
        "Orthanc adds an element of the file meta information, which may not be in an identifier.",
        routes,
        fields,
        lambda exchange: _is_of_instances(exchange) and when(exchange),
        ["network/queries", "network/finds"],
    )


_FINDS = ("find", "find-patient", "find-study", "find-series", "find-instance")
_ANSWERS = "GET /queries/{query}/answers"
_CONTENT = [f"{_ANSWERS}/{index}/content" for index in (0, 1)]
_RETRIEVE = ["POST /queries/{query}/retrieve", "POST /queries/{query}/answers/0/retrieve"]
DIFFERENCES: list[Difference] = [
    _media_storage(_CONTENT[:1], ["json.MediaStorageSOPInstanceUID"]),
    _media_storage(_CONTENT[1:], ["json.0002,0003"]),
    _media_storage([_ANSWERS], ["json[].MediaStorageSOPInstanceUID"], asks("simplify")),
    _media_storage([_ANSWERS], ["json[].0002,0003"], lambda exchange: "simplify" not in exchange.request),
    _media_storage(_RETRIEVE, ["json.Query[].MediaStorageSOPInstanceUID"], asks("Simplify")),
    _media_storage(
        _RETRIEVE, ["json.Query[].0002,0003"], lambda exchange: "Simplify" not in exchange.request
    ),
    _media_storage(["GET /jobs/{job}"], ["json.Content.Query[].0002,0003"]),
    Difference(
        Kind.CHOSEN,
        "The progress of a job that succeeded is 100; of these Orthanc shows 0.",
        ["GET /jobs/{job}"],
        ["json.Progress"],
        scenarios=["network/queries", "network/retrievals"],
    ),
    _media_storage(["POST /modalities/peer/find-instance"], ["json[].MediaStorageSOPInstanceUID"]),
    Difference(
        Kind.CHOSEN,
        "A name that is no tag, and a body that is no object, are the client's mistake, not the store's.",
        [f"POST /modalities/peer/{call}" for call in ("move", "get", "find-worklist", *_FINDS)],
        ["status"],
        lambda exchange: exchange.status == 500 and asks('"nope"', "< 5", "< []")(exchange),
    ),
]
