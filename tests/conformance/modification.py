"""What is asked of modifications."""

from __future__ import annotations

import io
import json
from typing import Any

from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from tests.conformance.difference import Difference, Kind, asks, says
from tests.conformance.exchanges import Body
from tests.conformance.hospital import LEVELS, PARENTS, fill
from tests.conformance.images import data
from tests.conformance.session import Session

BASE = "1.2.840.10008.1.2"
ALL_UIDS = ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"]
STEP, STEPS = "ScheduledProcedureStepID", "RequestAttributesSequence"


def with_sequences() -> Body:
    """A file with sequences, references and private elements."""
    path = get_testdata_file("CT_small.dcm")
    assert path is not None
    file = dcmread(path)
    file.RequestAttributesSequence = [
        _item(ScheduledProcedureStepID="A"),
        _item(ScheduledProcedureStepID="B"),
    ]
    file.SourceImageSequence = [
        _item(ReferencedSOPClassUID="1.2", ReferencedSOPInstanceUID=file.SOPInstanceUID),
        _item(ReferencedSOPClassUID="1.2", ReferencedSOPInstanceUID="1.2.3"),
    ]
    file.FrameOfReferenceUID = "1.2.3.4"
    file.ImageComments = "caf\N{LATIN SMALL LETTER E WITH ACUTE}"
    written = io.BytesIO()
    file.save_as(written)
    return Body("with sequences", written.getvalue())


def _item(**elements: str) -> Dataset:
    item = Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    return item


ELEMENTS: list[Any] = [
    {}, {"Foo": 1}, {"Level": "Patient"}, {"Permissive": "x", "KeepSource": "x", "Synchronous": "x"},
    {"Replace": {"PatientName": "X^Y", "0010,1030": "33.5", "0028-0010": "12", "PatientBirthDate": "no date"}},
    {"Replace": {"PatientName": "A\\B", "StudyDate": "20200101", "0008-103e": "new"}},
    {"Replace": {"PatientName": None}}, {"Replace": {"PatientName": ""}}, {"Replace": {"Rows": ""}},
    {"Replace": {"0018-9306": "2.5", "0018-6020": "-3", "FrameIncrementPointer": "0018,1063", "0018-1310": "1\\2"}},
    {"Replace": {"0008-0016": "1.2.3", "0009-1001": "hello", "0028-1052": "5"}},
    {"Replace": {"0002-0010": "1.2"}}, {"Remove": ["0002-0010"]}, {"Replace": {"PatientComments": "data:nonsense"}},
    {"Replace": {"PixelData": "data:application/octet-stream;base64,AAAA"}}, {"Remove": ["PixelData"]},
    {"Remove": ["PatientName", "0009-1001", "(0008,103e)"]}, {"Remove": ["SOPClassUID", "Rows"]},
    {"RemovePrivateTags": True}, {"RemovePrivateTags": False}, {"Keep": ["PatientName"]}, {"Keep": []},
    {"Replace": {"PatientName": "X"}, "Remove": ["PatientName"]},
    {"Replace": {"PatientName": "X"}, "Keep": ["PatientName"]}, {"Remove": ["PatientName"], "Keep": ["PatientName"]},
    {"Replace": {"7053-0010": "Philips PET Private Group", "7053-1000": "1.5"}},
]  # fmt: skip
SEQUENCES: list[Any] = [
    {"Remove": [STEPS]}, {"Remove": [f"{STEPS}[*].{STEP}"]}, {"Remove": [f"{STEPS}[0].{STEP}"]},
    {"Remove": [f"{STEPS}[5].{STEP}"]}, {"Replace": {f"{STEPS}[0].{STEP}": "Z"}},
    {"Replace": {f"{STEPS}[*].{STEP}": "Z"}}, {"Replace": {f"{STEPS}[3].{STEP}": "Z"}},
    {"Replace": {f"{STEPS}[1].ScheduledProcedureStepDescription": "new"}},
    {"Replace": {STEPS: [{STEP: "Q", "0040-0007": "w"}]}}, {"Replace": {STEPS: []}},
    {"Replace": {STEPS: [{STEP: None, "0040-0008": [{"CodeValue": "1"}]}]}},
    {"Replace": {"OtherPatientIDsSequence[0].PatientID": "new"}}, {"Keep": [f"{STEPS}[0].{STEP}"]},
    {"Replace": {"PatientName[0].PatientID": "x"}},
]  # fmt: skip
IDENTIFIERS: list[Any] = [
    *({**fields, **force}
      for fields in (
          {"Replace": {"PatientID": "N"}}, {"Replace": {"StudyInstanceUID": "1.2.3"}},
          {"Replace": {"SeriesInstanceUID": "1.2.3"}}, {"Replace": {"SOPInstanceUID": "1.2.3"}},
          {"Remove": ["PatientID"]}, {"Remove": ["SOPInstanceUID"]}, {"Keep": ["SOPInstanceUID"]},
          {"Keep": ["StudyInstanceUID"]}, {"Keep": ["PatientID"]}, {"Keep": ALL_UIDS, "Replace": {"PatientID": "N"}},
          {"Keep": ALL_UIDS[::2], "Replace": {"PatientID": "N"}},
      ) for force in ({}, {"Force": True})),
]  # fmt: skip
ODD: list[Any] = [
    [], "x", "", None, {"Replace": []}, {"Remove": {}}, {"Remove": "x"}, {"Remove": [1]}, {"Keep": "x"},
    {"Replace": {"PatientName": 3}}, {"Replace": {"PatientName": ["a"]}}, {"Replace": {"PatientName": True}},
    {"Replace": {"PatientName": {"a": 1}}}, {"Replace": {"Nope": "x"}}, {"Remove": ["Nope"]}, {"Remove": [""]},
    {"Replace": {"Rows": "x"}}, {"Replace": {"Rows": "99999999"}}, {"Replace": {"Rows": " 12 "}},
    {"Replace": {"Rows": "1.5"}}, {"Replace": {"Rows": "-1"}}, {"Replace": {"0018-9306": "x"}},
    {"Replace": {STEPS: "x"}}, {"Replace": {STEPS: {}}}, {"Replace": {STEPS: [1]}}, {"Replace": {STEPS: None}},
    {"Replace": {STEPS: [{"Nope": "x"}]}}, {"Remove": [f"{STEPS}[0]"]}, {"Remove": [f"{STEPS}."]},
    {"Remove": ["PatientName.PatientID"]}, {"Replace": {f"{STEPS}[x].PatientID": "x"}},
    {"Replace": {f"{STEPS}.PatientID": "x"}}, {"Replace": {f"{STEPS}[-1].PatientID": "x"}}, {"Remove": ["50xx-xxxx"]},
    {"Force": "x"}, {"RemovePrivateTags": 1}, {"PrivateCreator": 5}, {"Transcode": 5}, {"Transcode": "x"},
    {"Transcode": ""}, {"Transcode": f"{BASE}.4.70", "LossyQuality": "x"}, {"LossyQuality": 5},
]  # fmt: skip
BETTER: list[Any] = [
    {"Replace": {"SpecificCharacterSet": "ISO_IR 192"}}, {"Replace": {"SpecificCharacterSet": "nonsense"}},
    {"Remove": ["SpecificCharacterSet"]}, {"Replace": {"PatientName": "\N{CYRILLIC CAPITAL LETTER DE}a"}},
    {"Replace": {"PatientName": "\N{LATIN SMALL LETTER E WITH ACUTE}"}},
    {"RemovePrivateTags": True, "Replace": {"0009-1001": "x"}}, {"RemovePrivateTags": True, "Keep": ["0009-1001"]},
    {"Replace": {"7053-1000": "1.5"}, "PrivateCreator": "Philips PET Private Group"},
    {"Replace": {"0011-1001": "hello"}},
]  # fmt: skip


def instances(session: Session) -> None:
    """Single instances, whose modified files are answered."""
    stored = session.ask("POST", "/instances", with_sequences())
    for fields in (*ELEMENTS, *SEQUENCES, *IDENTIFIERS, *ODD, *BETTER):
        session.post(f"/instances/{stored['ID']}/modify", json.dumps(fields))
    for body in ({}, [], {"Replace": 5}):
        session.post("/instances/unknown/modify", json.dumps(body))
    session.get(f"/instances/{stored['ID']}/modify")


def transcoded(session: Session) -> None:
    """Single instances in another transfer syntax."""
    for name in ("CT_small.dcm", "examples_rgb_color.dcm", "MR_small_RLE.dcm"):
        stored = session.ask("POST", "/instances", data(name))
        for target in (
            BASE,
            f"{BASE}.1",
            f"{BASE}.1.99",
            f"{BASE}.2",
            f"{BASE}.4.50",
            f"{BASE}.4.70",
            "1.2.3",
        ):
            fields = {"Transcode": target, "Replace": {"PatientName": "T"}}
            session.post(f"/instances/{stored['ID']}/modify", json.dumps(fields))
        fields = {"Transcode": f"{BASE}.4.50", "LossyQuality": 20, "Keep": ["SOPInstanceUID"], "Force": True}
        session.post(f"/instances/{stored['ID']}/modify", json.dumps(fields))


WHOLE: list[Any] = [
    {}, {"Replace": {"SeriesDescription": "x"}}, {"Replace": {"PatientName": "X"}}, {"Remove": ["PatientName"]},
    {"Replace": {"PatientID": "N"}}, {"Replace": {"PatientID": "N"}, "Force": True},
    {"Replace": {"PatientID": "Bob"}, "Force": True},
    {"Replace": {"PatientID": "Bob", "PatientName": "Bob^Pat"}, "Force": True},
    {"Replace": {"PatientID": "Ada", "PatientName": "Other"}, "Force": True},
    {"Replace": {"StudyInstanceUID": "1.5"}, "Force": True}, {"Replace": {"SeriesInstanceUID": "1.7"}, "Force": True},
    {"Replace": {"SOPInstanceUID": "1.7"}, "Force": True}, {"Keep": ["StudyInstanceUID"], "Force": True},
    {"Keep": ["SeriesInstanceUID"], "Force": True}, {"Keep": ["SOPInstanceUID"], "Force": True},
    {"Keep": ALL_UIDS, "Force": True}, {"Keep": ALL_UIDS, "Force": True, "KeepSource": False},
    {"Keep": ALL_UIDS, "Force": True, "Replace": {"PatientID": "N"}}, {"KeepSource": False},
    {"Transcode": f"{BASE}.2"}, {"Transcode": f"{BASE}.4.50"}, {"Transcode": "nope"}, {"Transcode": 5},
    {"KeepSource": 1}, {"Permissive": 1}, {"Priority": "x"}, {"Synchronous": "x"}, {"Asynchronous": "x"},
    {"UserData": 5}, {"Remove": ["StudyInstanceUID"]}, {"Remove": ["StudyInstanceUID"], "Force": True},
    {"Replace": {"Rows": "x"}}, {"Replace": {"Rows": "x"}, "Permissive": True}, {"Replace": {"Nope": "x"}},
    [], {"Replace": 5},
]  # fmt: skip


LOST = {"Keep": ALL_UIDS, "Force": True, "KeepSource": False}


def count(session: Session) -> None:
    """How many resources there are."""
    for level in ("Patient", "Study", "Series", "Instance"):
        session.post("/tools/count-resources", {"Level": level, "Query": {}})


def kept_series(session: Session) -> None:
    """A series that would be its own copy, and be deleted as the source."""
    stored = fill(session)[0]
    session.post(f"/series/{stored['ParentSeries']}/modify", json.dumps(LOST))
    for level in ("Series", "Instance"):
        session.post("/tools/count-resources", {"Level": level, "Query": {}})


def resources(session: Session) -> None:
    """Patients, studies and series, each time of a fresh store."""
    for level, key in list(zip(LEVELS, PARENTS, strict=True))[:3]:
        for fields in WHOLE:
            if level == "series" and fields == LOST:
                continue
            stored = fill(session)[0]
            session.post(f"/{level}/{stored[key]}/modify", json.dumps(fields))
            count(session)
            for patient in session.ask("GET", "/patients"):
                session.ask("DELETE", f"/patients/{patient}")
        session.post(f"/{level}/unknown/modify", "{}")
    session.post("/nonsense/unknown/modify", "{}")


def by_jobs(session: Session) -> None:
    """Asynchronously; and what results tell of where they come from."""
    stored = fill(session)[0]
    study = f"/studies/{stored['ParentStudy']}"
    session.post(
        f"{study}/modify",
        {"Asynchronous": True, "Priority": 3, "Replace": {"StudyInstanceUID": "1.5"}, "Force": True},
    )
    session.work()
    session.get("/jobs/{job}")
    count(session)
    session.post(f"{study}/modify", {"Synchronous": False, "Replace": {"Rows": "x"}})
    session.work()
    session.get("/jobs/{job}")
    fields = {
        "Replace": {
            "PatientID": "N",
            "StudyInstanceUID": "1.6",
            "SeriesInstanceUID": "1.6.1",
            "SOPInstanceUID": "1.6.2",
        },
        "Force": True,
    }
    session.post(f"/series/{stored['ParentSeries']}/modify", fields)
    session.post("/tools/lookup", "1.6.2")
    found = session.post("/tools/find", {"Level": "Instance", "Query": {"SOPInstanceUID": "1.6.2"}})
    for level, target in zip(LEVELS, ("patient", "study", "series", ""), strict=True):
        resource = session.ask("GET", f"/instances/{found[0]}/{target}".rstrip("/"))
        session.get(f"/{level}/{resource['ID']}/metadata?expand")


TITLE = "Modification"
SCENARIOS = {
    "instances": (instances, {}),
    "transcoded": (transcoded, {}),
    "resources": (resources, {}),
    "kept_series": (kept_series, {}),
    "by_jobs": (by_jobs, {}),
}
_INSTANCES = ["POST /instances/{id}/modify"]
_RESOURCES = [f"POST /{level}/{{id}}/modify" for level in LEVELS[:3]]
DIFFERENCES = [
    Difference(
        Kind.CHOSEN,
        "A wrong tag is the client's fault, not the server's (500).",
        [*_INSTANCES, *_RESOURCES],
        ["status"],
        lambda e: e.status == 500 and not asks("Transcode")(e),
    ),
    Difference(
        Kind.CHOSEN,
        "What cannot be transcoded is the client's fault, not the server's (500).",
        _INSTANCES,
        ["status"],
        lambda e: e.status == 500 and asks("Transcode")(e),
    ),
    Difference(
        Kind.CHOSEN,
        "The details name the tag and not the value, which may be a patient's.",
        _INSTANCES,
        ["json.Details"],
        says("While creating a DICOM instance"),
    ),
    Difference(
        Kind.CHOSEN,
        "A job that fails says why.",
        _RESOURCES,
        ["json.Details"],
        lambda e: e.status == 400 and "Details" not in e.body and asks('"Rows"', '"Remove"')(e),
    ),
    Difference(
        Kind.CHOSEN,
        "A job that fails says why.",
        ["GET /jobs/{job}"],
        ["json.ErrorDetails"],
        lambda e: e.body["State"] == "Failure",
        ["modification/by_jobs"],
    ),
    Difference(
        Kind.CHOSEN,
        "Orthanc writes 65535 for -1.",
        _INSTANCES,
        ["status"],
        asks('"Rows": "-1"'),
    ),
    Difference(
        Kind.CHOSEN,
        "Texts are converted to a new character set; Orthanc leaves them unreadable.",
        _INSTANCES,
        ["dicom.elements.00204000[]"],
        asks('"SpecificCharacterSet": "ISO_IR 192"'),
    ),
    Difference(
        Kind.CHOSEN,
        "A character set that is none, or that the texts do not have, is refused; Orthanc leaves them unreadable.",
        _INSTANCES,
        ["status"],
        asks('"SpecificCharacterSet": "nonsense"', '["SpecificCharacterSet"]'),
    ),
    Difference(
        Kind.CHOSEN,
        "A text that the file's character set does not have makes it ISO_IR 192; Orthanc leaves the letters out.",
        _INSTANCES,
        ["dicom.elements.00080005[]", "dicom.elements.00100010[]"],
        asks("\\u0414"),
    ),
    *(
        Difference(
            Kind.CHOSEN,
            "Private elements that stay or are new keep, or get, their private creator.",
            _INSTANCES,
            [f"dicom.elements.{element}" for element in elements],
            asks(request),
        )
        for request, elements in (
            ('"RemovePrivateTags": true, "Keep"', ["00090010"]),
            ('"RemovePrivateTags": true, "Replace"', ["00090010", "00091001[]"]),
            ('"PrivateCreator": "Philips', ["70530010", "70531000[]"]),
        )
    ),
    Difference(
        Kind.CHOSEN,
        "JPEG lossless loses nothing: DerivationDescription is left as it is.",
        _INSTANCES,
        ["dicom.elements.00082111"],
        lambda e: e.status == 200 and asks(f"{BASE}.4.70")(e),
    ),
    Difference(
        Kind.CHOSEN,
        "A series that would be its own copy is refused. Orthanc changes nothing.",
        ["POST /series/{id}/modify"],
        ["status"],
        lambda e: e.status == 200 and asks(json.dumps(ALL_UIDS))(e) and not asks("PatientID")(e),
    ),
    Difference(
        Kind.CHOSEN,
        "With KeepSource false, Orthanc deletes a series that is its own copy.",
        ["POST /tools/count-resources"],
        ["json.Count"],
        scenarios=["modification/kept_series"],
    ),
    Difference(
        Kind.CHOSEN,
        "The file meta information tells of another implementation.",
        ["GET /instances/{id}"],
        ["json.FileSize"],
        scenarios=["modification/by_jobs"],
    ),
]
