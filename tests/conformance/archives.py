"""What is asked for archives and media, and about the jobs that make them."""

from __future__ import annotations

from tests.conformance.difference import Condition, Difference, Kind
from tests.conformance.exchanges import Body
from tests.conformance.hospital import LEVELS, PARENTS, fill, instance
from tests.conformance.raw import text
from tests.conformance.session import JOB, Session

UNKNOWN = "unknown"

ODD = (
    ("Ada", 1, 3, 1, {0x0008103E: "", 0x00200011: ""}),
    ("Ada", 3, 1, 1, {0x00080050: "", 0x00081030: "CT/of\\the <head>:?*|\"'"}),
    (
        "Ada",
        3,
        2,
        1,
        {0x00080050: "", 0x00081030: "CT/of\\the <head>:?*|\"'", 0x0008103E: "  spaces  and. "},
    ),
    ("Eve", 1, 1, 1, {0x00100010: "", 0x0008103E: "x" * 64, 0x00081030: "y" * 64}),
    ("Eve", 2, 1, 1, {0x00100010: "M\xfcller^J\xfcrgen^^Dr.", 0x0008103E: "Sch\xe4del", 0x00080060: ""}),
    ("Eve", 2, 2, 1, {0x00100010: "M\xfcller^J\xfcrgen^^Dr.", 0x0008103E: "Sch\xe4del", 0x00080060: "US"}),
    ("Eve", 3, 1, 1, {0x00100010: "", 0x0008103E: "!#$%&()+,-.;=@[]_`{}~ 0", 0x00081030: "", 0x00080060: ""}),
    ("Eve", 3, 2, 1, {0x00100010: "", 0x0008103E: "", 0x00080050: "", 0x00080060: ""}),
    ("Eve", 3, 3, 1, {0x00100010: "", 0x0008103E: "M", 0x00080050: "", 0x00080060: "X"}),
    ("Eve", 4, 1, 1, {0x00100010: "", 0x0008103E: "M", 0x00080050: "", 0x00080060: "LONGER"}),
    ("Eve", 2, 3, 1, {0x00100010: "M\xfcller^J\xfcrgen^^Dr.", 0x0008103E: "Sch\xe4del", 0x00080060: "US"}),
)
VRS = {0x00100010: "PN", 0x00200011: "IS", 0x00080050: "SH", 0x00080060: "CS"}


def odd() -> list[Body]:
    """Files with names that need care."""
    made = []
    for number, (patient, study, series, count, tags) in enumerate(ODD):
        more = [text(tag, VRS.get(tag, "LO"), value) for tag, value in tags.items()]
        made.append(Body(f"odd {number}", instance(patient, study, series, count, *more)))
    return made


def resources(session: Session) -> list[str]:
    """Fill the store; a resource of each level."""
    stored = fill(session)[0]
    for body in odd():
        session.ask("POST", "/instances", body)
    return [f"/{level}/{stored[key]}" for level, key in zip(LEVELS, PARENTS, strict=True)]


def identifiers(known: list[str]) -> list[str]:
    """The identifiers of paths."""
    return [path.rsplit("/", 1)[1] for path in known]


def archives(session: Session) -> None:
    """Archives of one resource and of several."""
    known = resources(session)
    every = session.get("/patients")
    for base in [*known, *(f"/{level}/{UNKNOWN}" for level in LEVELS)]:
        session.get(
            f"{base}/archive", f"{base}/archive?filename=my.zip", f"{base}/archive?transcode=nonsense"
        )
        session.get(f"{base}/media", f"{base}/media?extended", f"{base}/media?filename=my.zip")
        for options in (
            {}, {"Synchronous": True}, {"Asynchronous": False}, {"Filename": "my.zip"}, {"Extended": True},
            {"Transcode": "nonsense"}, {"Transcode": 1}, {"Synchronous": 1}, {"Priority": "a"},
        ):  # fmt: skip
            session.post(f"{base}/archive", options)
            session.post(f"{base}/media", options)
        session.post(f"{base}/archive", "")
        session.post(f"{base}/archive", "[]")
        session.post(f"{base}/media", "{")
    for patient in every or []:
        session.get(f"/patients/{patient}/archive", f"/patients/{patient}/media")
    ids = identifiers(known)
    for path in ("/tools/create-archive", "/tools/create-media", "/tools/create-media-extended"):
        for resource_list in (
            ids,
            ids[:1],
            ids[3:],
            every,
            [],
            ["nonsense"],
            [ids[1], "nonsense"],
            [ids[1], ids[1]],
        ):
            session.post(path, resource_list)
            session.post(path, {"Resources": resource_list})
            session.get(f"{path}?resources={','.join(resource_list or [])}")
        session.get(f"{path}?resources={'%2C'.join(ids)}")  # as pyorthanc writes it
        for wrong in (
            "",
            "{",
            {},
            {"Resources": 1},
            {"Resources": [1]},
            "1",
            [1],
            {"Resources": ids, "Extended": True},
        ):
            session.post(path, wrong)
        session.get(path, f"{path}?resources=")


def jobs(session: Session) -> None:
    """The life of jobs."""
    known = resources(session)
    session.get("/jobs", "/jobs?expand", "/jobs/nonsense", "/jobs/nonsense/archive")
    for action in ("cancel", "pause", "resume", "resubmit", "nonsense"):
        session.ask("POST", f"/jobs/nonsense/{action}")
    session.ask("DELETE", "/jobs/nonsense")
    session.ask("DELETE", "/jobs/nonsense/archive")
    for base in known[:3]:
        for kind in ("archive", "media"):
            for options in ({"Asynchronous": True}, {"Synchronous": False, "Priority": 5}):
                session.post(f"{base}/{kind}", options)
                session.work()
                path = f"/jobs/{JOB}"
                session.get(path, f"{path}/nonsense", f"{path}/archive")
                session.ask("DELETE", f"{path}/archive")
                session.get(f"{path}/archive", path)
                for action in ("cancel", "pause", "resume", "resubmit"):
                    session.ask("POST", f"{path}/{action}")
                session.ask("DELETE", path)
                session.get(path, f"{path}/archive")
    ids = identifiers(known)
    session.post("/tools/create-archive", {"Resources": ids, "Asynchronous": True})
    session.work()
    session.get(f"/jobs/{JOB}", f"/jobs/{JOB}/archive", "/jobs?expand", "/jobs")
    for path in ("create-archive", "create-media", "create-media-extended"):
        session.post(f"/tools/{path}", {"Resources": ["nonsense"], "Asynchronous": True})


TITLE = "Archives and jobs"
SCENARIOS = {"archives": (archives, {}), "jobs": (jobs, {})}
_MEDIA = [
    *(f"{method} /{level}/{{id}}/media" for method in ("GET", "POST") for level in LEVELS),
    *(f"{method} /tools/create-media{more}" for method in ("GET", "POST") for more in ("", "-extended")),
]
_STEERING = [
    f"POST /jobs/{job}/{a}" for job in ("nonsense", JOB) for a in ("cancel", "pause", "resume", "resubmit")
]


def _entries_with(part: str) -> Condition:
    """Something in the DICOMDIR, or a name, has a text."""
    return lambda e: part in str(e.answer.get("zip"))


DIFFERENCES = [
    Difference(
        Kind.CHOSEN,
        "The commas between `resources` may be percent-encoded, as clients do; Orthanc splits before it decodes.",
        [f"GET /tools/create-{what}" for what in ("archive", "media", "media-extended")],
        ["status"],
        lambda e: "%2C" in e.query,
    ),
    Difference(
        Kind.CHOSEN,
        "That a job cannot be steered is said in a body.",
        _STEERING,
        ["headers", "json"],
        lambda e: e.status == 400,
    ),
    Difference(
        Kind.CHOSEN,
        "Every job has an identifier of its own.",
        ["GET /jobs"],
        ["json[]"],
        lambda e: e.query == "" and e.body != [],
    ),
    Difference(
        Kind.CHOSEN,
        "An archive has the folders of patient and study, however it is asked for; Orthanc's job for a series has not.",
        ["GET /jobs/{job}/archive", *(f"POST /{level}/{{id}}/archive" for level in LEVELS)],
        ["zip[][]"],
        lambda e: e.status == 200 and str(e.answer.get("zip", [[""]])[0][0]).startswith("CT Series 1/"),
    ),
    Difference(
        Kind.CHOSEN,
        "Letters that are not ASCII stay in a DICOMDIR, in UTF-8; Orthanc drops them.",
        _MEDIA,
        ["zip[][][].0008103E[][]", "zip[][][].00080005"],
        _entries_with("Schdel"),
    ),
    Difference(
        Kind.CHOSEN,
        "A DICOMDIR describes a study by its first instance, as every other answer does.",
        _MEDIA,
        ["zip[][][].00080050[]"],
        _entries_with("'1.9.288.3'"),
    ),
]
