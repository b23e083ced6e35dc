"""What is asked about metadata, labels, attachments and protection."""

from __future__ import annotations

from tests.conformance.difference import Difference, Kind, at_all_levels
from tests.conformance.exchanges import NOTHING, Body
from tests.conformance.hospital import LEVELS, PARENTS, fill
from tests.conformance.session import Session

UNKNOWN = "unknown"
OPERATIONS = (
    "data", "size", "md5", "compressed-data", "compressed-size", "compressed-md5", "is-compressed", "info", "uuid",
    "nonsense",
)  # fmt: skip


def text(value: str) -> Body:
    """A body that is a text."""
    return Body(value, value.encode())


def resources(session: Session) -> list[str]:
    """A resource of each level."""
    stored = fill(session)[0]
    return [f"/{level}/{stored[key]}" for level, key in zip(LEVELS, PARENTS, strict=True)]


def metadata(session: Session) -> None:
    """Metadata at every level: lists, values, user-defined names, revisions."""
    for base in [*resources(session), *(f"/{level}/{UNKNOWN}" for level in LEVELS)]:
        session.get(f"{base}/metadata", f"{base}/metadata?expand", f"{base}/metadata?numeric")
        session.get(f"{base}/metadata?expand&numeric", f"{base}/metadata?expand=false")
        for name in (
            "LastUpdate", "TransferSyntax", "SopClassUid", "RemoteAET", "MainDicomTagsSignature", "Nonsense",
            "IndexInSeries", "ReceptionDate", "Origin", "1024", "5555", "3", "0", "70000", "my", "-1",
        ):  # fmt: skip
            session.get(f"{base}/metadata/{name}")
        for name in (
            "my",
            "1024",
            "5555",
            "LastUpdate",
            "TransferSyntax",
            "3",
            "70000",
            "Nonsense",
            "AnonymizedFrom",
        ):
            session.ask("PUT", f"{base}/metadata/{name}", text("value"))
            session.get(f"{base}/metadata/{name}")
            session.ask("PUT", f"{base}/metadata/{name}", text("other"))
            session.get(f"{base}/metadata/{name}")
        session.get(f"{base}/metadata", f"{base}/metadata?expand", f"{base}/metadata?numeric")
        for name in ("my", "5555", "LastUpdate", "TransferSyntax", "Nonsense", "3", "70000"):
            session.ask("DELETE", f"{base}/metadata/{name}")
            session.ask("DELETE", f"{base}/metadata/{name}")
            session.get(f"{base}/metadata/{name}")
        session.ask("PUT", f"{base}/metadata/5555", Body("no UTF-8", b"a\0\xff\xe9b"))
        session.get(f"{base}/metadata/5555", f"{base}/metadata?expand")
        session.ask("PUT", f"{base}/metadata/my", NOTHING)
        session.get(f"{base}/metadata/my", f"{base}/metadata?expand")
        session.ask("PUT", f"{base}/metadata/my", text('ä\n\\ "'))
        session.get(f"{base}/metadata/my", f"{base}/metadata?expand")
        session.ask("POST", f"{base}/metadata/my", text("x"))
        session.ask("POST", f"{base}/metadata")
        session.ask("DELETE", f"{base}/metadata")
    session.get("/changes")


def revisions(session: Session) -> None:
    """ETag, If-Match and If-None-Match."""
    for base in resources(session):
        for path, kind in (
            (f"{base}/metadata/my", "metadata"),
            (f"{base}/attachments/myfile", "attachments"),
        ):
            read = path if kind == "metadata" else f"{path}/data"
            first = text("first")
            session.ask("PUT", path, first, {"If-Match": '"0"'})
            session.ask("PUT", path, first)
            session.get(read)
            session.ask("GET", read, NOTHING, {"If-None-Match": '"0"'})
            session.ask("GET", read, NOTHING, {"If-None-Match": '"1"'})
            session.ask("PUT", path, text("second"))
            session.ask("PUT", path, text("second"), {"If-Match": '"5"'})
            session.ask("PUT", path, text("second"), {"If-Match": "nonsense"})
            session.ask("PUT", path, text("second"), {"If-Match": '"0"'})
            session.get(read)
            session.ask("PUT", path, text("third"), {"If-Match": '"1"'})
            session.ask("PUT", path, text("third"), {"If-Match": '"0"'})
            session.get(read)
            session.ask("DELETE", path)
            session.ask("DELETE", path, NOTHING, {"If-Match": '"7"'})
            session.ask("DELETE", path, NOTHING, {"If-Match": '"2"'})
            session.ask("DELETE", path, NOTHING, {"If-Match": '"2"'})
            session.get(read)
            session.ask("PUT", path, text("again"))
            session.get(read)


def labels(session: Session) -> None:
    """Labels at every level, and the searches by them."""
    known = resources(session)
    session.get("/tools/labels", "/system")
    for base in [*known, *(f"/{level}/{UNKNOWN}" for level in LEVELS)]:
        session.get(f"{base}/labels")
        for name in (
            "a",
            "b-1",
            "c_2",
            "D",
            "a.b",
            "a%20b",
            "%C3%A4",
            "a/b",
            "",
            "a" * 64,
            "a" * 65,
            "a!",
            "1",
        ):
            session.get(f"{base}/labels/{name}")
            session.ask("PUT", f"{base}/labels/{name}")
            session.get(f"{base}/labels/{name}")
        session.ask("PUT", f"{base}/labels/a", text("body"))
        session.get(f"{base}/labels", base, f"{base}?expand", "/tools/labels")
        session.ask("DELETE", f"{base}/labels/D")
        session.ask("DELETE", f"{base}/labels/D")
        session.ask("DELETE", f"{base}/labels/nonsense")
        session.ask("DELETE", f"{base}/labels/a!")
        session.get(f"{base}/labels")
    for level in ("Patient", "Study", "Series", "Instance"):
        for wanted in (["a"], ["a", "b-1"], ["a", "nothing"], ["nothing"], [], ["A"], [""]):
            for constraint in ("All", "Any", "None"):
                query = {"Level": level, "Query": {}, "Labels": wanted, "LabelsConstraint": constraint}
                session.post("/tools/find", query, is_ordered=False)
            session.post("/tools/count-resources", {"Level": level, "Query": {}, "Labels": wanted})
    session.ask("DELETE", known[3])
    session.get("/tools/labels", known[0], "/changes")


def attachments(session: Session) -> None:
    """Attachments at every level: those of the store and those of users."""
    data = Body("binary", bytes(range(256)) * 4)
    for base in [*resources(session), *(f"/{level}/{UNKNOWN}" for level in LEVELS)]:
        session.get(f"{base}/attachments", f"{base}/attachments?full", f"{base}/attachments/dicom")
        for operation in OPERATIONS:
            session.get(f"{base}/attachments/dicom/{operation}", f"{base}/attachments/5555/{operation}")
            session.get(f"{base}/attachments/nonsense/{operation}")
        for operation in ("verify-md5", "compress", "uncompress"):
            session.ask("POST", f"{base}/attachments/dicom/{operation}")
            session.ask("POST", f"{base}/attachments/5555/{operation}")
        for name in ("5555", "myfile", "mypdf", "dicom", "1", "nonsense", "70000", "dicom-until-pixel-data"):
            session.ask("PUT", f"{base}/attachments/{name}", data)
            session.get(f"{base}/attachments/{name}", f"{base}/attachments/{name}/data")
        session.get(f"{base}/attachments", f"{base}/attachments?full")
        for operation in OPERATIONS:
            session.get(f"{base}/attachments/myfile/{operation}")
        for operation in ("verify-md5", "compress", "uncompress", "nonsense"):
            session.ask("POST", f"{base}/attachments/myfile/{operation}")
            session.get(f"{base}/attachments/myfile/is-compressed", f"{base}/attachments/myfile/size")
        session.ask("GET", f"{base}/attachments/myfile/data", NOTHING, {"Range": "bytes=0-9"})
        session.ask("GET", f"{base}/attachments/myfile/data", NOTHING, {"Range": "bytes=2000-"})
        session.ask("PUT", f"{base}/attachments/empty", NOTHING)
        session.ask("PUT", f"{base}/attachments/5556", NOTHING)
        session.get(f"{base}/attachments/5556/data", f"{base}/attachments/5556/size", f"{base}/statistics")
        for name in ("myfile", "5555", "mypdf", "dicom", "nonsense", "70000"):
            session.ask("DELETE", f"{base}/attachments/{name}")
            session.ask("DELETE", f"{base}/attachments/{name}")
        session.get(f"{base}/attachments", f"{base}/attachments/myfile/data")
    session.get("/changes", "/statistics")


def protection(session: Session) -> None:
    """Protected patients, and the deletion of many resources."""
    known = resources(session)
    for base in [known[0], known[1], f"/patients/{UNKNOWN}"]:
        session.get(f"{base}/protected")
        for value in ("1", "0", "true", "", "2", " 1 "):
            session.ask("PUT", f"{base}/protected", text(value))
            session.get(f"{base}/protected")
    session.get(known[0])
    identifiers = [path.rsplit("/", 1)[1] for path in known]
    for wrong in (
        "",
        "{",
        [],
        {},
        {"Resources": 1},
        {"Resources": [1]},
        {"Resources": []},
        {"Resources": ["nonsense"]},
    ):
        session.post("/tools/bulk-delete", wrong)
    session.post("/tools/bulk-delete", {"Resources": ["nonsense", identifiers[3]]})
    session.get(known[3], "/instances")
    session.post("/tools/bulk-delete", {"Resources": [identifiers[1], identifiers[1]]})
    session.get("/studies", "/patients", "/changes")


OPTIONS = {
    "UserMetadata": {"my": 1030},
    "UserContentType": {"myfile": 1040, "mypdf": [1041, "application/pdf"], "empty": 1042},
}
TITLE = "Metadata, labels, attachments"
SCENARIOS = {
    "metadata": (metadata, OPTIONS),
    "revisions checked": (revisions, {**OPTIONS, "CheckRevisions": True}),
    "revisions not checked": (revisions, OPTIONS),
    "labels": (labels, OPTIONS),
    "attachments": (attachments, OPTIONS),
    "protection": (protection, OPTIONS),
}
_ATTACHMENT = at_all_levels("GET /{level}/{id}/attachments/myfile/data")
_VALUES = [f"GET /{level}/{{id}}/metadata/{name}" for level in LEVELS for name in ("my", "1024", "5555")]
_USER_FILES = ("myfile", "mypdf", "empty", "5555", "5556")
DIFFERENCES = [
    Difference(
        Kind.CHOSEN,
        "A revision counts the changes, and reading it gives the same as writing it. Orthanc's own index says 0.",
        [*_VALUES, *_ATTACHMENT],
        ["headers.etag"],
        lambda e: e.status == 200 and e.body not in ("value", "first", "again", None),
        ["annotations/metadata", "annotations/revisions not checked"],
    ),
    Difference(
        Kind.CHOSEN,
        "A refused request has no ETag.",
        [*_VALUES, *_ATTACHMENT],
        ["headers.etag"],
        lambda e: e.status in (400, 416),
    ),
    Difference(
        Kind.CHOSEN,
        "The protection of a patient who is not there is a 404, as everything of that patient; in Orthanc a 400.",
        ["GET /patients/{id}/protected", "PUT /patients/{id}/protected"],
        ["status"],
        lambda e: e.status == 400 and isinstance(e.body, dict) and e.body["OrthancStatus"] == 3,
    ),
    Difference(
        Kind.CHOSEN,
        "To attach something to what is not there fails with *Unknown resource*.",
        [f"PUT /{level}/{{id}}/attachments/{name}" for level in LEVELS for name in _USER_FILES],
        ["json.OrthancStatus", "json.OrthancError", "json.Message"],
        lambda e: e.status == 404,
    ),
    Difference(
        Kind.CHOSEN,
        "That an attachment is not what it was is said in a body.",
        [
            f"POST /{level}/{{id}}/attachments/{name}/verify-md5"
            for level in LEVELS
            for name in ("dicom", "5555")
        ],
        ["headers", "json"],
        lambda e: e.status == 400,
    ),
    Difference(
        Kind.CHOSEN,
        "Errors name the path without its last slash.",
        at_all_levels("GET /{level}/{id}/labels/"),
        ["json.Uri"],
        lambda e: e.status == 404,
    ),
    Difference(
        Kind.CHOSEN,
        "User-defined metadata is listed by name; Orthanc lists it by its number as well.",
        ["GET /system"],
        ["json.UserMetadata.1030"],
        scenarios=["annotations/labels"],
    ),
    Difference(
        Kind.CHOSEN,
        "The statistics count DICOM files alone.",
        at_all_levels("GET /{level}/{id}/statistics"),
        ["json.DiskSize", "json.UncompressedSize"],
        lambda e: e.status == 200,
        ["annotations/attachments"],
    ),
]
