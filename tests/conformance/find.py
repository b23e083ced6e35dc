"""What is asked of `/tools/find` and what goes with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.conformance.difference import Difference, Kind, asks, fails
from tests.conformance.exchanges import Body
from tests.conformance.raw import Element, dicom, numbers, text
from tests.conformance.session import Session

UTF8 = "ISO_IR 192"

PATIENTS = (
    ("P1", "Doe^John", "19700101", "M"),
    ("P2", "doe^jane", "19800215", "F"),
    ("P3", "Müller^Jürgen", "19700101", "M"),
    ("p3", "Muller^Jurgen", "", "O"),
    ("P5", "", "20000229", ""),
    ("P6*", "Under_score^50%", "1990", "M"),
    ("P 7", " Doe ^ Space ", "19701231", "F"),
    ("P8", "Yamada^Tarou=山田^太郎=やまだ^たろう", "19850615", "M"),
    ("P9", "Łukasz^Ångström", "19991231", "M"),
)
STUDIES = (
    ("20200101", "101500", "ACC1", "Brain CT", ("CT", "CT", "SR")),
    ("20200615", "235959", "acc2", "brain mr", ("MR",)),
    ("20201231", "", "", "Thorax", ("CR", "MR")),
    ("", "080000.123", "ACC-4", "", ("US",)),
)


def files() -> Iterator[Body]:
    """Every patient has one of the studies, the first two have all."""
    for number, (patient, name, birth, sex) in enumerate(PATIENTS):
        studies = range(len(STUDIES)) if number < 2 else [number % len(STUDIES)]
        for study in studies:
            date, time, accession, description, modalities = STUDIES[study]
            uid = f"1.7.{number}.{study}"
            for series, modality in enumerate(modalities):
                elements = [
                    text(0x00080005, "CS", UTF8),
                    text(0x00080018, "UI", f"{uid}.{series}.1"),
                    text(0x00080020, "DA", date),
                    text(0x00080030, "TM", time),
                    text(0x00080050, "SH", accession),
                    text(0x00080060, "CS", modality),
                    text(0x00080080, "LO", "Saint Ève"),
                    text(0x00081030, "LO", description),
                    text(0x0008103E, "LO", f"Series\\{series}"),
                    text(0x00100010, "PN", name.encode()),
                    text(0x00100020, "LO", patient),
                    text(0x00100030, "DA", birth),
                    text(0x00100040, "CS", sex),
                    text(0x0020000D, "UI", uid),
                    text(0x0020000E, "UI", f"{uid}.{series}"),
                    text(0x00200011, "IS", str(series)),
                    text(0x00200013, "IS", str(series + 10)),
                    numbers(0x00280010, "US", [4 + series]),
                ]
                yield Body(f"{patient} {study} {series}", dicom(_encoded(elements)))


def _encoded(elements: list[Element]) -> list[Element]:
    """The elements with their texts in UTF-8."""
    return [
        text(e.tag, e.vr, e.value.decode("latin-1").encode())
        if isinstance(e.value, bytes) and e.vr == "LO"
        else e
        for e in elements
    ]


def fill(session: Session) -> list[dict[str, str]]:
    """Upload them; returns the answers."""
    return [session.ask("POST", "/instances", body) for body in files()]


LEVELS = ("Patient", "Study", "Series", "Instance")


def find(session: Session, level: str, query: dict[str, Any], **more: Any) -> Any:
    """Ask for the resources that a query finds."""
    asked = {"Level": level, "Query": query, **more}
    return session.post("/tools/find", asked, is_ordered="OrderBy" in more)


def matching(session: Session) -> None:
    """Each kind of matching on each kind of tag."""
    fill(session)
    _texts(session)
    _dates(session)
    _identifiers(session)


def _texts(session: Session) -> None:
    for value in (
        "", "*", "?", "P1", "p1", "P*", "p?", "P?", "P6*", "P6\\*", "P1\\P2", "P1\\p3\\nothing", "P1\\", "\\",
        "P 7", " P1 ", "P1-P3", "nothing", "*1", "*7*", "P**",
    ):  # fmt: skip
        find(session, "Patient", {"PatientID": value})
        find(session, "Patient", {"PatientID": value}, CaseSensitive=True)
    for value in (
        "", "*", "Doe^John", "DOE^JOHN", "doe*", "Doe*", "*jane", "*^J*", "Müller^Jürgen", "Muller^Jurgen", "MÜLLER*",
        "muller*", "Doe^Space", " Doe ^ Space ", "Doe ^ Space", "Doe?John", "Doe%", "Under_score*", "UnderXscore*",
        "*50%", "Yamada^Tarou", "Yamada*", "*山田*", "山田^太郎", "Łukasz^Ångström", "lukasz*", "*ANGSTROM",
        "*ångström", "Doe^John\\doe^jane", "Doe^John\\Mul*", "Doe", "Doe^", "*e*", "D?e^*", "Doe^John*", "Doe^John?",
    ):  # fmt: skip
        find(session, "Patient", {"PatientName": value})
        find(session, "Patient", {"PatientName": value}, CaseSensitive=True)
        find(session, "Study", {"PatientName": value})


def _dates(session: Session) -> None:
    for value in (
        "", "*", "19700101", "1970*", "19700101-19801231", "-19800101", "19800101-", "-", "19700101-19700101",
        "20000101-19000101", "1990", "1990-1991", "abc", "19700101\\19800215", "19700101-19701231\\2000", "1970-01-01",
        "19700101 - 19800215", "????????",
    ):  # fmt: skip
        find(session, "Patient", {"PatientBirthDate": value})
    for value in (
        "20200101",
        "20200101-20200615",
        "20200102-",
        "-20200614",
        "-",
        "2020*",
        "",
        "20200101-20200615\\2",
    ):
        find(session, "Study", {"StudyDate": value})
        find(session, "Series", {"StudyDate": value})
        find(session, "Instance", {"StudyDate": value, "PatientID": "P1"})
    for value in (
        "101500",
        "100000-120000",
        "10-12",
        "-1015",
        "2359*",
        "080000.123",
        "080000-",
        "080000.1-080001",
        "",
    ):
        find(session, "Study", {"StudyTime": value})


def _identifiers(session: Session) -> None:
    for value in ("ACC1", "acc1", "ACC*", "acc2", "", "*", "ACC-4", "ACC1-ACC4"):
        find(session, "Study", {"AccessionNumber": value})
    for value in ("Brain*", "brain ct", "Brain CT", "*r*", "Thorax\\brain mr", ""):
        find(session, "Study", {"StudyDescription": value})
        find(session, "Study", {"StudyDescription": value}, CaseSensitive=True)
    for value in ("Saint Ève", "saint eve", "SAINT ÈVE", "Saint*", "*ève"):
        find(session, "Study", {"InstitutionName": value})
    for value in ("CT", "ct", "C?", "CT\\MR", "*", "", "CT*"):
        find(session, "Series", {"Modality": value})
        find(session, "Study", {"ModalitiesInStudy": value})
        find(session, "Series", {"ModalitiesInStudy": value})
    for value in ("1.7.0.0", "1.7.0.0\\1.7.1.1", "1.7.0.*", "1.7.0.0 ", "1.7", "*", ""):
        find(session, "Study", {"StudyInstanceUID": value})
        find(session, "Series", {"StudyInstanceUID": value})
        find(session, "Instance", {"StudyInstanceUID": value, "PatientID": "P1"})
    for value in ("1.7.0.0.1", "1.7.0.0.1\\1.7.1.0.1", "1.7.0.0.*"):
        find(session, "Series", {"SeriesInstanceUID": value})
        find(session, "Instance", {"SeriesInstanceUID": value})
    for value in ("1.7.0.0.1.1", "1.7.0.0.1.1\\1.7.1.0.1.1", "1.7.0.0.*"):
        find(session, "Instance", {"SOPInstanceUID": value})
    for value in ("Series\\1", "Series\\0", "Series*", "1", "0"):
        find(session, "Series", {"SeriesDescription": value})


def other_tags(session: Session) -> None:
    """Tags that the index lacks, of other levels, computed, and names that are none."""
    fill(session)
    for value in ("4", "5", "4\\5", "*", "", "04", "4-6"):
        find(session, "Series", {"Rows": value, "PatientID": "P1"})
        find(session, "Instance", {"Rows": value, "PatientID": "P1"})
        find(session, "Study", {"Rows": value, "PatientID": "P1"})
    for value in ("10", "10\\11", "1*", "10-11", ""):
        find(session, "Instance", {"InstanceNumber": value, "PatientID": "P1"})
        find(session, "Series", {"SeriesNumber": value, "PatientID": "P1"})
        find(session, "Study", {"SeriesNumber": value, "PatientID": "P1"})
    for level in LEVELS:
        for query in (
            {"PatientID": "P1", "Modality": "MR"},
            {"PatientID": "P1", "StudyDate": "20200101", "Modality": "CT"},
            {"PatientID": "P1", "SOPInstanceUID": "1.7.0.0.1.1"},
            {"PatientSex": "M"},
            {"PatientSex": "m", "PatientID": "P*"},
            {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7", "PatientID": "P1"},
            {"NumberOfStudyRelatedInstances": "3"},
            {"NumberOfStudyRelatedSeries": "*"},
            {"0010,0020": "P1"},
            {"00100020": "P1"},
            {"0010-0020": "P1"},
            {"PatientID": "P1", "Nonsense": "1"},
            {"0009,0010": "x", "PatientID": "P1"},
            {"SpecificCharacterSet": UTF8, "PatientID": "P1"},
            {"QueryRetrieveLevel": "STUDY", "PatientID": "P1"},
            {"PatientID": "P1", "ReferencedImageSequence": "x"},
            {},
        ):
            find(session, level, query)


def answers(session: Session) -> None:
    """The forms in which resources are answered."""
    stored = fill(session)[0]
    for level in LEVELS:
        query = {"PatientID": "P1", "StudyDate": "20200101"} if level != "Patient" else {"PatientID": "P1"}
        for more in (
            {"Expand": True},
            {"Expand": True, "Short": True},
            {"Expand": True, "Full": True},
            {"Expand": False},
            {"Expand": True, "RequestedTags": ["PatientName", "StudyDate", "Rows"]},
            {"Expand": True, "RequestedTags": ["ModalitiesInStudy", "NumberOfStudyRelatedInstances"]},
            {"Expand": True, "RequestedTags": ["NumberOfSeriesRelatedInstances", "0010,0020"], "Short": True},
            {"RequestedTags": ["PatientName"]},
            {"RequestedTags": ["Nonsense"], "Expand": True},
            {"RequestedTags": "PatientName", "Expand": True},
            {"ResponseContent": []},
            {"ResponseContent": ["MainDicomTags"]},
            {
                "ResponseContent": [
                    "MainDicomTags",
                    "Metadata",
                    "Children",
                    "Parent",
                    "Labels",
                    "Status",
                    "IsStable",
                ]
            },
            {"ResponseContent": ["Attachments", "RequestedTags"], "RequestedTags": ["PatientName"]},
            {"ResponseContent": ["Metadata"], "Expand": True},
            {"ResponseContent": ["Nonsense"]},
            {"ResponseContent": "MainDicomTags"},
        ):
            find(session, level, query, **more)
    for order in (
        [{"Type": "DicomTag", "Key": "StudyDate", "Direction": "ASC"}],
        [{"Type": "DicomTag", "Key": "StudyDate", "Direction": "DESC"},
         {"Type": "DicomTag", "Key": "PatientID", "Direction": "ASC"}],
        [{"Type": "DicomTag", "Key": "PatientName", "Direction": "ASC"},
         {"Type": "DicomTag", "Key": "StudyInstanceUID", "Direction": "DESC"}],
        [{"Type": "Nonsense", "Key": "StudyDate", "Direction": "ASC"}],
        [{"Type": "DicomTag", "Key": "Nonsense", "Direction": "ASC"}],
        [{"Type": "DicomTag", "Key": "StudyDate", "Direction": "UP"}],
        [{"Type": "DicomTag", "Key": "StudyDate"}],
        [{"Key": "StudyDate", "Direction": "ASC"}],
        {},
    ):  # fmt: skip
        find(session, "Study", {"PatientID": "P1\\P2"}, OrderBy=order)
    for kind in ("MetadataAsInt", "Metadata", "MetadataAsFloat"):
        order = [{"Type": kind, "Key": "IndexInSeries", "Direction": "DESC"}]
        find(session, "Instance", {"PatientID": "P1", "StudyDate": "20200101"}, OrderBy=order)
    by_number = [{"Type": "DicomTagAsInt", "Key": "SeriesNumber", "Direction": "DESC"}]
    find(session, "Series", {"PatientID": "P1", "StudyDate": "20200101"}, OrderBy=by_number)
    by_uid = [{"Type": "DicomTag", "Key": "StudyInstanceUID", "Direction": "ASC"}]
    for more in (
        {"Limit": 2},
        {"Since": 2},
        {"Since": 2, "Limit": 3},
        {"Limit": 0},
        {"Since": 100},
        {"Since": -1},
        {"Limit": "a"},
    ):
        find(session, "Study", {"PatientID": "P1"}, OrderBy=by_uid, **more)
        find(session, "Study", {}, OrderBy=by_uid, **more)
    for key in ("ParentPatient", "ParentStudy", "ParentSeries"):
        for level in LEVELS:
            find(session, level, {}, **{key: stored[key]})
            find(session, level, {"PatientName": "doe*"}, **{key: stored[key]})
            find(session, level, {}, **{key: "nonsense"})
    for query in (
        {"TransferSyntax": "1.2.840.10008.1.2.1"},
        {"Origin": "RestApi"},
        {"Origin": "rest*"},
        {"Nonsense": "1"},
        {"ReceptionDate": "2*"},
    ):
        find(session, "Instance", {"PatientID": "P1", "StudyDate": "20200101"}, MetadataQuery=query)
        find(session, "Study", {"PatientID": "P1"}, MetadataQuery=query)


def others(session: Session) -> None:
    """Counts, bulk content and look-ups, and bodies that are wrong."""
    first = fill(session)[0]
    for level in LEVELS:
        for query in (
            {},
            {"PatientID": "P*"},
            {"PatientName": "nobody"},
            {"StudyDate": "2020*"},
            {"Rows": "4"},
        ):
            session.post("/tools/count-resources", {"Level": level, "Query": query})
    identifiers = [first[key] for key in ("ParentPatient", "ParentStudy", "ParentSeries", "ID")]
    for more in ({}, {"Level": "Study"}, {"Level": "Series"}, {"Level": "Nonsense"}, {"Full": True}, {"Short": True},
                 {"MainDicomTags": False}, {"Metadata": True}, {"MainDicomTags": False, "Metadata": True}):  # fmt: skip
        session.post("/tools/bulk-content", {"Resources": identifiers, **more}, is_ordered=False)
        session.post("/tools/bulk-content", {"Resources": identifiers[1:2], **more}, is_ordered=False)
    session.post("/tools/bulk-content", {"Resources": ["nonsense", identifiers[0]]})
    session.post("/tools/bulk-content", {"Resources": []})
    for wrong in (
        "", "{", "[]", "null", "1", {}, {"Level": "Study"}, {"Query": {}}, {"Level": "Nonsense", "Query": {}},
        {"Level": "study", "Query": {}}, {"Level": "Studies", "Query": {}}, {"Level": 1, "Query": {}},
        {"Level": "Study", "Query": []}, {"Level": "Study", "Query": {"PatientID": 1}},
        {"Level": "Study", "Query": {"PatientID": None}}, {"Level": "Study", "Query": {"PatientID": ["P1"]}},
        {"Level": "Study", "Query": {}, "Expand": 1}, {"Level": "Study", "Query": {}, "CaseSensitive": "yes"},
        {"Level": "Study", "Query": {}, "Labels": "x"}, {"Level": "Study", "Query": {}, "Labels": [1]},
        {"Level": "Study", "Query": {}, "LabelsConstraint": "Some"},
        {"Level": "Study", "Query": {}, "ParentPatient": 1},
        {"Level": "Study", "Query": {}, "MetadataQuery": []}, {"Level": "Study", "Query": {}, "Unknown": 1},
    ):  # fmt: skip
        session.post("/tools/find", wrong, is_ordered=False)
        session.post("/tools/count-resources", wrong)
        session.post("/tools/bulk-content", wrong)
    session.get("/tools/find", "/tools/count-resources", "/tools/bulk-content")


FIND = ["POST /tools/find"]
TITLE = "Search"
SCENARIOS = {
    "matching": (matching, {}),
    "other tags": (other_tags, {}),
    "answers": (answers, {}),
    "others": (others, {}),
}
DIFFERENCES = [
    Difference(
        Kind.CHOSEN,
        "The case of letters with accents is ignored as well. Orthanc does so where its system has a locale.",
        FIND,
        ["json"],
        asks('"MÜLLER*"}}', '"*ångström"}}', '"*ève"}}'),
        ["find/matching"],
    ),
    Difference(
        Kind.CHOSEN,
        "Wildcards match the modalities of a study; Orthanc finds none.",
        FIND,
        ["json"],
        asks(*(f'"Study", "Query": {{"ModalitiesInStudy": "{value}"' for value in ("C?", "CT*", "*"))),
    ),
    Difference(
        Kind.CHOSEN,
        "Tags of lower levels are looked for in the file of an instance; Orthanc fails, or finds nothing.",
        FIND,
        ["status"],
        lambda e: fails(e) and not asks("Nonsense", "Parent", '"Query": []', "OrderBy")(e),
    ),
    Difference(
        Kind.CHOSEN,
        "Tags of lower levels are looked for in the file of an instance; Orthanc fails, or finds nothing.",
        FIND,
        ["json"],
        asks(
            '"Study", "Query": {"PatientID": "P1", "Modality"',
            '"Study", "Query": {"PatientID": "P1", "StudyDate": "20200101", "Modality"',
            '"Series", "Query": {"PatientID": "P1", "SOPInstanceUID"',
        ),
    ),
    Difference(
        Kind.CHOSEN,
        "A tag that the index lacks is read from one instance, not always the one that Orthanc takes.",
        FIND,
        ["json"],
        asks('"Study", "Query": {"Rows": "4", "P', '"Study", "Query": {"Rows": "5", "P'),
    ),
    Difference(
        Kind.CHOSEN,
        "A tag that the index lacks is read from one instance, not always the one that Orthanc takes.",
        FIND,
        ["json[].RequestedTags.Rows"],
        lambda e: asks('"StudyDate", "Rows"]')(e) and asks('"Level": "Patient"', '"Level": "Study"')(e),
    ),
    Difference(
        Kind.CHOSEN,
        "What is wrong with the request is a 400; Orthanc answers 500.",
        ["POST /tools/find", "POST /tools/count-resources"],
        ["status"],
        lambda e: fails(e) and asks("Nonsense", "Parent", '"Query": []')(e),
    ),
]
