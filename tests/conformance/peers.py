"""What is asked of other stores over HTTP: peers that answer, that refuse, and that are not there."""

from __future__ import annotations

import json

from tests.conformance.difference import Difference, Kind, asks
from tests.conformance.exchanges import Body
from tests.conformance.hospital import LEVELS, PARENTS, fill
from tests.conformance.session import JOB, Session
from tests.dicom.http_peer import HttpPeer

PORT = 14798
URL = f"http://127.0.0.1:{PORT}"
PEERS = {
    "peer": [URL],
    "user": [f"{URL}/", "somebody", "secret"],
    "whole": {"Url": URL, "Username": "u", "Password": "p", "HttpHeaders": {"X-A": "b"}, "Timeout": 3,
              "Room": "5"},
    "dead": ["http://127.0.0.1:1"],
    "lost": ["http://nowhere.invalid"],
    "plain": [f"https://127.0.0.1:{PORT}"],
    **{name: [f"{URL}/{name}"] for name in ("400", "404", "500", "text", "redirect")},
}  # fmt: skip
OPTIONS: dict[str, object] = {"OrthancPeers": PEERS, "LogExportedResources": True}
NOBODY = "-".join(["00000000"] * 5)
SYNTAX = "1.2.840.10008.1.2"


def configuration(session: Session) -> None:
    """What there is, and what can be set."""
    session.get("/peers", "/peers?expand", "/peers/peer", "/peers/nobody", "/peers/nobody/configuration")
    for value in (
        5, "http://x", [], {}, [""], {"Url": ""}, {"Url": 5}, ["http://x", "u"], ["http://x", "", "p"],
        ["http://x", 1, 2], ["http://x", "u", "p"], ["http://x", "", ""], ["http://x", "u", "p", "q"], ["ftp://x"],
        ["HTTP://x"], ["x"], ["x:8042"], ["http://"], [5], ["https://x/a"], {"URL": "http://y"},
        {"Url": "http://y/", "Username": "u"},
        {"Url": "http://y", "Password": "p"}, {"Url": "http://y", "Username": 5}, {"Url": "http://y", "HttpHeaders": 5},
        {"Url": "http://y", "HttpHeaders": {"A": 5}}, {"Url": "http://y", "HttpHeaders": {"C": "d", "A": "b"}},
        {"Url": "http://y", "Timeout": "7"}, {"Url": "http://y", "Timeout": -1}, {"Url": "http://y", "Timeout": 10**11},
        {"Url": "http://y", "Timeout": 7}, {"Url": "http://y", "Pkcs11": "yes"}, {"Url": "http://y", "Pkcs11": True},
        {"Url": "http://y", "Room": "x", "Floor": 5}, {"Url": "http://y", "Room": [1]},
        {"Url": "http://y", "Room": 1.5},
        {"Url": "http://y", "CertificateFile": "README.md", "CertificateKeyFile": "README.md"},
        {"Url": "http://y", "CertificateFile": 5}, {"Url": "http://y", "CertificateFile": "README.md"},
        {"Url": "http://y", "CertificateKeyFile": "/nope"}, {"Url": "http://y", "Room": None},
        {"Url": "http://y", "Door": True},
    ):  # fmt: skip
        _put(session, "new", value)
        session.get("/peers/new/configuration")
    _put(session, "secret", ["https://somebody:secret@x/a"])
    session.get("/peers/secret/configuration")
    _put(session, "secret", {"Url": "http://y", "CertificateFile": "/nope"})
    for text in ("", "nope"):
        session.ask("PUT", "/peers/new", Body(text, text.encode()))
    _put(session, "a.b", ["http://x"])
    _put(session, "user", ["http://z"])
    for name in ("new", "new", "secret", "peer", "nobody"):
        session.ask("DELETE", f"/peers/{name}")
    session.get("/peers", "/peers?expand", "/peers/peer")


def _put(session: Session, name: str, value: object) -> None:
    text = json.dumps(value)
    session.ask("PUT", f"/peers/{name}", Body(text, text.encode()))


def store(session: Session) -> None:
    """Sending and asking, in all the forms that the body may have."""
    stored = fill(session)[0]
    ids = [stored[key] for key in PARENTS]
    instance = ids[-1]
    with HttpPeer(PORT):
        for name in (*PEERS, "nobody"):
            session.get(f"/peers/{name}/system")
            session.post(f"/peers/{name}/store", instance)
            session.post(f"/peers/{name}/store-straight", "something")
        session.post("/peers/peer/store-straight", "")
        for identifier, _ in zip(ids, LEVELS, strict=True):
            session.post("/peers/peer/store", identifier)
        session.post("/peers/peer/store", [instance, ids[1]])
        for fields in (
            {"Priority": 3}, {"Compress": True}, {"Transcode": SYNTAX}, {"Transcode": SYNTAX, "LossyQuality": 50},
            {"Permissive": True}, {"Timeout": 5},
        ):  # fmt: skip
            job = {"Resources": [instance], "Synchronous": False, **fields}
            session.post("/peers/user/store", job)
            session.work()
            session.get(f"/jobs/{JOB}")
        session.post("/peers/404/store", {"Resources": [instance, ids[1]], "Permissive": True})
        session.post("/peers/peer/store", {"Resources": [instance], "Asynchronous": True})
        session.work()
        for wrong in (
            {"Compress": 5}, {"Transcode": "nope"}, {"Transcode": 5}, {"LossyQuality": 0}, {"LossyQuality": "x"},
            {"Timeout": "x"}, {"Timeout": -1}, {"Permissive": 5}, {"Priority": "x"}, {"Synchronous": 5},
        ):  # fmt: skip
            session.post("/peers/peer/store", {"Resources": [instance], **wrong})
        for nothing in (
            "", "nope", "5", "{}", [], [5], {"Resources": []}, {"Resources": 5}, {"Resources": [5]},
            {"Resources": ["nope"]}, [NOBODY],
        ):  # fmt: skip
            session.post("/peers/peer/store", nothing)


TITLE = "Peers"
SCENARIOS = {"configuration": (configuration, OPTIONS), "store": (store, OPTIONS)}
_STORE, _STRAIGHT, _SYSTEM = (
    "POST /peers/{id}/store",
    "POST /peers/{id}/store-straight",
    "GET /peers/{id}/system",
)


def _of(route: str, *names: str) -> list[str]:
    return [route.replace("{id}", name) for name in names]


_REFUSED = (
    "What a peer refuses is an error of the network, with the status that it gave; Orthanc has no details, or makes the"
    " status its own."
)
DIFFERENCES: list[Difference] = [
    Difference(
        Kind.CHOSEN,
        "Credentials in the URL of a peer become its user and its password, and are not shown; Orthanc shows them.",
        ["GET /peers/secret/configuration"],
        ["json.Password", "json.Url", "json.Username"],
    ),
    Difference(
        Kind.CHOSEN,
        "Where the API runs, the files of a client certificate are not there: one that is missing is told when"
        " the peer is asked.",
        ["PUT /peers/secret"],
        ["status"],
        asks("/nope"),
    ),
    Difference(
        Kind.CHOSEN,
        "A peer in no JSON is refused as a bad file format, as a modality is; Orthanc gives a 404 without a body.",
        ["PUT /peers/new"],
        ["status"],
        lambda exchange: exchange.status == 404,
    ),
    Difference(
        Kind.CHOSEN,
        "A job does not show the values of the headers that a peer is sent: they may be secrets.",
        _of(_STORE, "whole"),
        ["json.Peer.HttpHeaders.X-A"],
    ),
    Difference(
        Kind.CHOSEN,
        _REFUSED,
        _of(_STORE, "400", "404", "500"),
        ["json.Details"],
        lambda exchange: exchange.status == 500,
    ),
    Difference(
        Kind.CHOSEN,
        _REFUSED,
        _of(_SYSTEM, "404"),
        ["json.Details", "json.Message", "json.OrthancError", "json.OrthancStatus"],
    ),
    Difference(
        Kind.CHOSEN,
        _REFUSED,
        _of(_SYSTEM, "400"),
        ["status"],
    ),
    Difference(
        Kind.CHOSEN,
        _REFUSED,
        _of(_SYSTEM, "500"),
        ["headers", "json"],
    ),
    Difference(
        Kind.CHOSEN,
        "What `/system` of a peer answers is passed on if it is a JSON object.",
        _of(_SYSTEM, "text"),
        ["status"],
    ),
    Difference(
        Kind.CHOSEN,
        "Redirections of peers are not followed: credentials and files go nowhere else. Orthanc asks the other place,"
        " for a POST by a GET, and takes that for a success.",
        [*_of(_SYSTEM, "redirect"), *_of(_STORE, "redirect"), *_of(_STRAIGHT, "redirect")],
        ["status"],
    ),
    Difference(
        Kind.CHOSEN,
        "The meta information of a transcoded file is shorter or longer by some bytes.",
        ["GET /jobs/{job}"],
        ["json.Content.Size"],
        lambda exchange: "Transcode" in exchange.answer["json"]["Content"],
        ["peers/store"],
    ),
    Difference(
        Kind.CHOSEN,
        "What a permissive job could not send to a peer is counted.",
        _of(_STORE, "404"),
        ["json.FailedInstancesCount"],
        asks("Permissive"),
    ),
]
