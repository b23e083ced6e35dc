"""What is asked of other nodes: modalities that answer, that refuse, and that are not there."""

from __future__ import annotations

from tests.conformance.difference import Difference, Kind
from tests.conformance.exchanges import Body
from tests.conformance.hospital import LEVELS, PARENTS, fill
from tests.conformance.session import JOB, Session
from tests.dicom.scp import Scp

PORT = 14797
MODALITIES = {
    "peer": ["RECEIVER", "127.0.0.1", PORT],
    "dead": ["DEAD", "127.0.0.1", 1],
}
OPTIONS: dict[str, object] = {"DicomModalities": MODALITIES, "LogExportedResources": True}
NOBODY = "-".join(["00000000"] * 5)


def store(session: Session) -> None:
    """Sending, in all the forms that the body may have."""
    stored = fill(session)[0]
    ids = [stored[key] for key in PARENTS]
    instance = ids[-1]
    with Scp(port=PORT):
        session.get("/modalities", "/modalities?expand", "/modalities/peer", "/modalities/nobody")
        for path in ("/modalities/peer/echo", "/modalities/dead/echo", "/modalities/nobody/echo"):
            session.post(path, "")
        session.post("/modalities/peer/echo", {"Timeout": 5})
        session.post("/tools/dicom-echo", {"AET": "RECEIVER", "Host": "127.0.0.1", "Port": PORT})
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
        for path in ("/modalities/peer", "/modalities/nobody"):
            session.ask("DELETE", path, Body("", b""))
    session.ask("DELETE", "/exports")
    session.get("/exports", "/exports?last", "/exports?since=5&limit=2")


def exports(session: Session) -> None:
    """The log of instances that were sent."""
    stored = fill(session)[0]
    instance = stored[PARENTS[-1]]
    session.get("/exports", "/exports?last")
    with Scp(port=PORT):
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


TITLE = "Other nodes"
SCENARIOS = {"store": (store, OPTIONS), "exports": (exports, OPTIONS)}
DIFFERENCES: list[Difference] = [
    Difference(
        Kind.NOT_YET,
        "Storage commitment and worklists are still to come.",
        ["GET /modalities/peer"],
        ["json"],
    ),
]
