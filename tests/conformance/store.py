"""What is asked about a store with several patients, its log, and requests that are wrong."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable, Iterator

from tests.conformance.corpus import corpus
from tests.conformance.exchanges import Body
from tests.conformance.raw import dicom, numbers, text
from tests.conformance.session import Session

UNKNOWN = "00000000-11111111-22222222-33333333-44444444"
LEVELS = ("patients", "studies", "series", "instances")
COMPUTED = {
    "patients": "NumberOfPatientRelatedStudies;NumberOfPatientRelatedSeries;NumberOfPatientRelatedInstances",
    "studies": "ModalitiesInStudy;SOPClassesInStudy;NumberOfStudyRelatedSeries;NumberOfStudyRelatedInstances",
    "series": "NumberOfSeriesRelatedInstances",
    "instances": "InstanceAvailability",
}


def instance(
    patient: str, study: int, series: int, number: int, *more: object, modality: str = "CT"
) -> bytes:
    """A file of the made-up hospital."""
    uid = f"1.9.{sum(patient.encode())}.{study}"
    elements = [
        text(0x00080018, "UI", f"{uid}.{series}.{number}"),
        text(0x00080020, "DA", f"2020010{study}"),
        text(0x00080050, "SH", f"A{study}"),
        text(0x00080060, "CS", modality),
        text(0x0008103E, "LO", f"Series {series}"),
        text(0x00100010, "PN", f"{patient}^Pat"),
        text(0x00100020, "LO", patient),
        text(0x0020000D, "UI", uid),
        text(0x0020000E, "UI", f"{uid}.{series}"),
        text(0x00200011, "IS", str(series)),
        text(0x00200013, "IS", str(number)),
        numbers(0x00280010, "US", [4]),
    ]
    return dicom([*elements, *more])  # type: ignore[list-item]


def hospital() -> Iterator[Body]:
    """Two patients; three studies; series of one to three instances."""
    for patient, study, series, count, modality in (
        ("Ada", 1, 1, 3, "CT"),
        ("Ada", 1, 2, 1, "SR"),
        ("Ada", 2, 1, 2, "MR"),
        ("Bob", 1, 1, 1, "CT"),
    ):
        for number in range(1, count + 1):
            data = instance(patient, study, series, number, modality=modality)
            yield Body(f"{patient} {study} {series} {number}", data)


def _fill(session: Session) -> list[dict[str, str]]:
    return [session.ask("POST", "/instances", body) for body in hospital()]


def browse(session: Session) -> None:
    """Lists and relatives, in every form."""
    stored = _fill(session)
    for level in LEVELS:
        session.get(f"/{level}", f"/{level}?expand", f"/{level}?expand=false", f"/{level}?expand=true")
        session.get(f"/{level}?expand&short", f"/{level}?expand&full", f"/{level}?expand&simplify")
        session.get(f"/{level}?expand&requestedTags={COMPUTED[level]}")
        session.get(f"/{level}?expand&requested-tags=PatientName;Rows", f"/{level}?requestedTags=PatientName")
        session.get(
            f"/{level}?expand&requestedTags=PatientName,PatientID&short", f"/{level}?requestedTags=Nonsense"
        )
    first = stored[0]
    ids = (first["ParentPatient"], first["ParentStudy"], first["ParentSeries"], first["ID"])
    for level, identifier in zip(LEVELS, ids, strict=True):
        resource = f"/{level}/{identifier}"
        session.get(resource, f"{resource}?full", f"{resource}?short", f"{resource}/statistics")
        session.get(f"{resource}?requestedTags={';'.join(COMPUTED.values())};PatientID;0010,0010;Rows")
        session.get(
            f"{resource}?full&requestedTags=PatientID;Rows;OtherPatientIDs", f"{resource}?requestedTags="
        )
        session.get(f"{resource}?short&requestedTags=PatientName;SeriesDescription;StudyDate")
        for relation in ("patient", "study", "series", "studies", "series?expand=false", "instances"):
            session.get(f"{resource}/{relation}")
        for query in (
            "expand",
            "expand=false",
            "expand=true",
            "full",
            "short",
            "requestedTags=Rows",
            "since=0&limit=1",
        ):
            session.get(f"{resource}/instances?{query}")
        session.get(
            f"{resource}/study?full", f"{resource}/patient?requestedTags=NumberOfPatientRelatedStudies"
        )
        session.get(
            f"{resource}/instances-tags", f"{resource}/instances-tags?short", f"{resource}/shared-tags"
        )
        session.get(f"{resource}/instances-tags?simplify", f"{resource}/shared-tags?simplify")
        session.get(
            f"{resource}/shared-tags?short", f"{resource}/module?simplify", f"{resource}/module?short"
        )
        session.get(
            f"{resource}/module?ignore-length=PatientName",
            f"{resource}/shared-tags?ignore-length=PatientName",
        )
        session.get(f"{resource}/module-patient?simplify")
    session.get("/statistics")


def paging(session: Session) -> None:
    """`since` and `limit`."""
    _fill(session)
    for level in LEVELS:
        for query in (
            "since=0&limit=2", "since=2&limit=2", "since=1&limit=100", "since=100&limit=2", "since=0&limit=0",
            "since=2&limit=0", "since=1", "limit=1", "since=a&limit=1", "since=0&limit=b", "since=-1&limit=1",
            "since=0&limit=-1", "since=&limit=1", "since=1.5&limit=1", "since=0&limit=2&expand",
            "since=99999999999&limit=1", "since=%201&limit=1",
        ):  # fmt: skip
            session.get(f"/{level}?{query}")


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
    index = instance("Eve", 1, 10, 1, numbers(0x00541330, "US", [7]), text(0x00200100, "IS", "3"))
    stored = session.ask("POST", "/instances", Body("Eve with ImageIndex", index))
    session.get(f"/instances/{stored['ID']}", "/changes?type=CompletedSeries")


def changes(session: Session) -> None:
    """The log as instances come, become stable, and go."""
    session.get("/changes", "/changes?last")
    stored = _fill(session)
    for query in (
        "", "limit=3", "since=3&limit=3", "since=1000", "last", "limit=0", "since=abc", "limit=abc", "since=-5",
        "limit=-1", "since=2&to=7", "to=7", "to=7&limit=2", "to=0", "type=NewStudy", "type=NewStudy;NewPatient",
        "type=NewSeries&limit=1", "type=NewSeries&limit=2&since=4", "type=Nonsense", "type=",
        "type=NewInstance&to=9&limit=2", "last=false", "since=0&limit=2&last", "type=StableStudy",
    ):  # fmt: skip
        session.get(f"/changes?{query}")
    session.wait_until_stable()
    for level in LEVELS:
        session.get(f"/changes?type=Stable{level.rstrip('s').replace('studie', 'study').capitalize()}")
    session.get(f"/studies/{stored[0]['ParentStudy']}", f"/series/{stored[0]['ParentSeries']}")
    session.get("/patients?expand", "/changes?last", "/changes?limit=1000")
    again = instance("Bob", 1, 1, 9)
    bob = session.ask("POST", "/instances", Body("Bob 1 1 9", again))
    session.get(f"/patients/{bob['ParentPatient']}", f"/studies/{bob['ParentStudy']}", "/changes?last")
    session.ask("POST", "/instances", Body("Bob 1 1 9", again))
    session.get("/changes?last")
    session.ask("DELETE", f"/studies/{stored[0]['ParentStudy']}")
    session.get("/changes?type=NewInstance", "/changes?type=NewStudy", "/changes?last")
    session.ask("DELETE", "/changes")
    session.get("/changes", "/changes?last", "/changes?since=2", "/statistics")
    session.ask("POST", "/changes")
    session.ask("PUT", "/changes")


def deletes(session: Session) -> None:
    """What remains when resources of each level go."""
    stored = _fill(session)
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
    _fill(session)
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
    stored = _fill(session)[0]
    session.get(
        "/nonsense", "/nonsense/deeper", "/tools/nonsense", "/studies/nonsense/nonsense", "/studies//series"
    )
    for level, key in zip(LEVELS, ("ParentPatient", "ParentStudy", "ParentSeries", "ID"), strict=True):
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
    for path in ("/system", "/statistics", "/tools", "/tools/now"):
        session.ask("POST", path)
        session.ask("DELETE", path)
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


SCENARIOS: dict[str, tuple[Callable[[Session], None], dict[str, object]]] = {
    "browse": (browse, {}),
    "paging": (paging, {}),
    "series status": (series_status, {}),
    "changes": (changes, {"StableAge": 2}),
    "deletes": (deletes, {}),
    "uploads": (uploads, {}),
    "overwrite never": (overwrite, {"OverwriteInstances": False}),
    "overwrite always": (overwrite, {"OverwriteInstances": True}),
    "system": (system, {}),
    "errors": (errors, {}),
}
"""By name: the scenario and the options (Orthanc's) of the server it is played on."""
