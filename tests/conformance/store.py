"""What is asked about the store: its log, uploads, deletes, and requests that are wrong."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable

from tests.conformance.browsing import browse, paging, requested_tags
from tests.conformance.corpus import corpus
from tests.conformance.difference import Difference
from tests.conformance.exchanges import Body
from tests.conformance.hospital import LEVELS, PARENTS, fill, hospital, instance
from tests.conformance.raw import numbers, text
from tests.conformance.session import Session

UNKNOWN = "00000000-11111111-22222222-33333333-44444444"


def series_status(session: Session) -> None:
    """How many instances a series announces, and what its status is as they come."""
    announced = {
        1: (text(0x00201002, "IS", "2"),),
        2: (numbers(0x00540081, "US", [1]),),
        3: (numbers(0x00540081, "US", [2]), numbers(0x00540101, "US", [2])),
        4: (text(0x00181090, "IS", "2"),),
        5: (text(0x00200105, "IS", "1"), text(0x00201002, "IS", "2")),
        6: (text(0x00201002, "IS", "none"),),
        7: (text(0x00201002, "IS", "0"),),
        8: (text(0x00201002, "IS", "-1"),),
        9: (numbers(0x00540081, "US", [2]),),
    }
    for series, elements in announced.items():
        for number in (1, 2, 5):
            data = instance("Eve", 1, series, number, *elements)
            stored = session.ask("POST", "/instances", Body(f"Eve 1 {series} {number}", data))
            session.get(f"/series/{stored['ParentSeries']}", f"/instances/{stored['ID']}")
            session.catch_up()
    index = instance("Eve", 1, 10, 1, numbers(0x00541330, "US", [7]), text(0x00200100, "IS", "3"))
    stored = session.ask("POST", "/instances", Body("Eve with ImageIndex", index))
    session.get(f"/instances/{stored['ID']}")
    session.catch_up()
    session.get("/changes?type=CompletedSeries")


def changes(session: Session) -> None:
    """The log as instances come, become stable, and go."""
    session.get("/changes", "/changes?last")
    stored = fill(session)
    for query in (
        "", "limit=3", "since=3&limit=3", "since=1000", "last", "limit=0", "since=abc", "limit=abc", "since=-5",
        "limit=-1", "since=2&to=7", "to=7", "to=7&limit=2", "to=0", "type=NewStudy", "type=NewStudy;NewPatient",
        "type=NewSeries&limit=1", "type=NewSeries&limit=2&since=4", "type=Nonsense", "type=",
        "type=NewInstance&to=9&limit=2", "last=false", "since=0&limit=2&last", "type=StableStudy",
    ):  # fmt: skip
        session.get(f"/changes?{query}")
    session.ask("DELETE", f"/studies/{stored[0]['ParentStudy']}")
    session.get("/changes?type=NewInstance", "/changes?type=NewStudy", "/changes?last")
    session.ask("DELETE", "/changes")
    session.get("/changes", "/changes?last", "/changes?since=2", "/statistics")
    session.ask("POST", "/changes")
    session.ask("PUT", "/changes")


def stability(session: Session) -> None:
    """A study that comes to rest, wakes and comes to rest again; then a store with several."""
    first, *more, bob = hospital()
    stored = session.ask("POST", "/instances", bob)
    for body in (bob, Body("Bob 1 1 9", instance("Bob", 1, 1, 9))):
        session.ask("POST", "/instances", body)
        session.catch_up()
        _look(session, stored)
        session.wait_until_stable()
        _look(session, stored)
    for body in (first, *more):
        session.ask("POST", "/instances", body)
    session.wait_until_stable()
    session.get("/changes?since=25", "/changes?type=StablePatient;StableSeries&last")
    for level in LEVELS[:3]:
        session.get(f"/{level}?expand")


def _look(session: Session, stored: dict[str, str]) -> None:
    for kind in ("StableSeries", "StableStudy", "StablePatient", "NewSeries;StableSeries"):
        session.get(f"/changes?type={kind}")
    for level, key in zip(LEVELS, PARENTS, strict=True):
        session.get(f"/{level}/{stored[key]}")
    session.get("/changes?last", "/changes")


def deletes(session: Session) -> None:
    """What remains when resources of each level go."""
    stored = fill(session)
    session.ask("DELETE", f"/instances/{stored[0]['ID']}")
    session.ask("DELETE", f"/instances/{stored[0]['ID']}")
    session.get(f"/instances/{stored[0]['ID']}", f"/series/{stored[0]['ParentSeries']}", "/statistics")
    session.ask("DELETE", f"/instances/{stored[3]['ID']}")
    session.get(f"/series/{stored[3]['ParentSeries']}", f"/studies/{stored[3]['ParentStudy']}")
    session.ask("DELETE", f"/series/{stored[4]['ParentSeries']}")
    session.get(
        f"/studies/{stored[4]['ParentStudy']}", f"/patients/{stored[4]['ParentPatient']}", "/statistics"
    )
    session.ask("DELETE", f"/studies/{stored[1]['ParentStudy']}")
    session.get(f"/patients/{stored[1]['ParentPatient']}", "/patients", "/statistics")
    session.ask("DELETE", f"/patients/{stored[6]['ParentPatient']}")
    session.get(*(f"/{level}" for level in LEVELS), "/statistics")
    session.ask("POST", "/instances", next(hospital()))
    session.get("/instances?expand", "/patients?expand")


def uploads(session: Session) -> None:
    """The forms in which files come."""
    ada, *_, bob = hospital()
    session.ask("POST", "/instances", ada)
    session.ask("POST", "/instances", ada)
    for kind in (
        "application/dicom",
        "application/x-www-form-urlencoded",
        "application/octet-stream",
        "image/png",
    ):
        session.ask("POST", "/instances", bob, {"Content-Type": kind})
    packed = Body("Bob, gzip", gzip.compress(bob.data, mtime=0))
    session.ask("POST", "/instances", packed, {"Content-Encoding": "gzip"})
    session.ask("POST", "/instances", Body("gzip, cut off", packed.data[:-40]), {"Content-Encoding": "gzip"})
    session.ask("POST", "/instances", ada, {"Content-Encoding": "br"})
    session.ask("POST", "/instances", Body("nothing", b""))
    session.ask("POST", "/instances", Body("a text", b"This is a text and no DICOM file."))
    session.ask("POST", "/instances", Body("JSON", b'{"a": 1}'))
    session.ask("POST", "/instances", Body("cut off", ada.data[:150]))
    session.ask("POST", "/instances", Body("empty ZIP", _zip({})))
    session.ask("POST", "/instances", Body("ZIP", _zip({"a/ada.dcm": ada.data, "bob": bob.data})))
    mixed = {"folder/": b"", "ada.dcm": ada.data, "readme.txt": b"a text", "empty": b""}
    session.ask("POST", "/instances", Body("ZIP with a text", _zip(mixed)))
    session.ask("POST", "/instances", Body("ZIP in a ZIP", _zip({"in.zip": _zip({"ada": ada.data})})))
    session.ask("POST", "/instances", Body("ZIP, cut off", _zip({"ada": ada.data})[:-30]))
    dicomdir = corpus()["shipped/test_files/dicomdirtests/DICOMDIR"]
    session.ask("POST", "/instances", Body("DICOMDIR", dicomdir))
    session.get("/instances", "/statistics")


def overwrite(session: Session) -> None:
    """An instance that comes again with other contents."""
    old, new = instance("Ada", 1, 1, 1), instance("Ada", 1, 1, 1, text(0x00204000, "LT", "second version"))
    stored = session.ask("POST", "/instances", Body("old", old))
    session.ask("POST", "/instances", Body("new", new))
    session.get(f"/instances/{stored['ID']}", f"/instances/{stored['ID']}/file", "/statistics", "/changes")
    session.ask("POST", "/instances", Body("new", new))
    session.get("/statistics", f"/series/{stored['ParentSeries']}", "/changes")


def system(session: Session) -> None:
    """The store itself."""
    session.get("/", "/system", "/system/", "//system", "/statistics", "/tools", "/tools/", "/tools/now")
    session.get("/tools/now-local", *(f"/tools/generate-uid?level={level}" for level in _UID_LEVELS))
    session.get("/tools/generate-uid", "/tools/generate-uid?level=Study", "/tools/generate-uid?level=")
    fill(session)
    for value in (
        "Ada",
        "A1",
        "1.9.262.1",
        "1.9.262.1.1",
        "1.9.262.1.1.1",
        "ada",
        "nobody",
        "",
        "Ada^Pat",
        "  Ada ",
    ):
        session.ask("POST", "/tools/lookup", Body(f"{value!r}", value.encode()))
    session.get("/tools/lookup")


_UID_LEVELS = ("patient", "study", "series", "instance")


def errors(session: Session) -> None:
    """Unknown identifiers and routes, wrong methods."""
    stored = fill(session)[0]
    session.get(
        "/nonsense", "/nonsense/deeper", "/tools/nonsense", "/studies/nonsense/nonsense", "/studies//series"
    )
    for level, key in zip(LEVELS, PARENTS, strict=True):
        for below in ("", *_BELOW):
            session.get(f"/{level}/{UNKNOWN}{below}")
        session.get(f"/{level}/{stored[key]}/nonsense", f"/{level}/{stored[key]}/module/nonsense")
        session.ask("DELETE", f"/{level}/{UNKNOWN}")
        for method in ("POST", "PUT", "DELETE"):
            session.ask(method, f"/{level}/{stored[key]}/statistics")
            if method != "DELETE":
                session.ask(method, f"/{level}/{stored[key]}")
            if level != "instances" or method != "POST":
                session.ask(method, f"/{level}")
    other = stored["ParentSeries"]
    session.get(
        f"/studies/{other}",
        f"/patients/{other}/studies",
        f"/instances/{other}/file",
        f"/studies/{other}/module",
    )
    for method in ("POST", "PUT", "DELETE"):
        for path in ("/", "/system", "/statistics", "/tools", "/tools/now", "/nonsense", "/tools/nonsense"):
            session.ask(method, path)
        session.ask(method, f"/studies/{UNKNOWN}/nonsense")
        session.ask(method, f"/instances/{stored['ID']}/tags")
        session.ask(method, f"/studies/{stored['ParentStudy']}/instances")
    base = f"/instances/{stored['ID']}"
    for path in (
        "0010-0010",
        "0010-0011",
        "nonsense",
        "PatientName",
        "0010,0010",
        "00100010",
        "0010-0010/0",
        "0008-1140/0",
    ):
        session.get(f"{base}/content/{path}")
    for path in (
        "tags?ignore-length=Nonsense",
        "tags?simplify&short",
        "tags?short=false",
        "simplified-tags?short",
    ):
        session.get(f"{base}/{path}")
    session.get(
        f"{base}/tags?whole",
        f"{base}/header?short",
        f"{base}/tags?simplify=false",
        f"{base}/tags?ignore-length=",
    )


_BELOW = (
    "/patient", "/study", "/series", "/studies", "/instances", "/statistics", "/module", "/module-patient",
    "/shared-tags", "/instances-tags", "/file", "/tags", "/simplified-tags", "/header", "/content",
    "/content/0010-0010", "/preview",
)  # fmt: skip


def _zip(files: dict[str, bytes]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return written.getvalue()


TITLE = "The store"
SCENARIOS: dict[str, tuple[Callable[[Session], None], dict[str, object]]] = {
    "browse": (browse, {}),
    "requested tags": (requested_tags, {}),
    "paging": (paging, {}),
    "series status": (series_status, {}),
    "changes": (changes, {}),
    "stability": (stability, {"StableAge": 2}),
    "deletes": (deletes, {}),
    "uploads": (uploads, {}),
    "overwrite never": (overwrite, {"OverwriteInstances": False}),
    "overwrite always": (overwrite, {"OverwriteInstances": True}),
    "system": (system, {}),
    "errors": (errors, {}),
}
"""By name: the scenario and the options (Orthanc's) of the server it is played on."""
DIFFERENCES: list[Difference] = []
