"""What is asked about the tree of resources: lists, relatives, requested tags, pages."""

from __future__ import annotations

from tests.conformance.hospital import LEVELS, PARENTS, fill
from tests.conformance.session import Session

COMPUTED = {
    "patients": "NumberOfPatientRelatedStudies;NumberOfPatientRelatedSeries;NumberOfPatientRelatedInstances",
    "studies": "ModalitiesInStudy;SOPClassesInStudy;NumberOfStudyRelatedSeries;NumberOfStudyRelatedInstances",
    "series": "NumberOfSeriesRelatedInstances",
    "instances": "InstanceAvailability",
}


def browse(session: Session) -> None:
    """Lists and relatives, in every form."""
    stored = fill(session)
    for level in LEVELS:
        session.get(f"/{level}", f"/{level}?expand", f"/{level}?expand=false", f"/{level}?expand=true")
        session.get(
            f"/{level}?expand&short=false", f"/{level}?expand&full=false", f"/{level}?expand&short&full"
        )
        session.get(f"/{level}?expand=0", f"/{level}?expand=nonsense", f"/{level}?expand=False")
        session.get(f"/{level}?expand&short", f"/{level}?expand&full", f"/{level}?expand&simplify")
        session.get(f"/{level}?expand&requestedTags={COMPUTED[level]}")
        session.get(f"/{level}?expand&requested-tags=PatientName;Rows", f"/{level}?requestedTags=PatientName")
        session.get(
            f"/{level}?expand&requestedTags=PatientName,PatientID&short", f"/{level}?requestedTags=Nonsense"
        )
    for level, key in zip(LEVELS, PARENTS, strict=True):
        resource = f"/{level}/{stored[0][key]}"
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


def requested_tags(session: Session) -> None:
    """Each computed tag at each level, tags of other levels, and names that are none."""
    first = fill(session)[0]
    computed = ";".join(COMPUTED.values())
    for level, key in zip(LEVELS, PARENTS, strict=True):
        resource = f"/{level}/{first[key]}"
        for name in computed.split(";"):
            session.get(f"{resource}?requestedTags={name}", f"/{level}?expand&requestedTags={name}")
        session.get(
            f"{resource}?full&requestedTags={COMPUTED[level]}",
            f"{resource}?short&requestedTags={COMPUTED[level]}",
        )
        session.get(
            f"{resource}?full&requestedTags=ModalitiesInStudy",
            f"{resource}?short&requestedTags=ModalitiesInStudy",
        )
        for names in (
            "PatientBirthDate", "StudyDate;SeriesNumber;InstanceNumber", "0010,0010;00100020;0010-0010", "PatientName;",
            ";", "PatientName;PatientName", "PatientName%3BPatientID", "patientname", "0009,1001",
            "AvailableTransferSyntaxUID", "TransferSyntaxUID", "TransferSyntaxUID;Rows", "PixelData",
            "ReferencedImageSequence", "Rows;Nonsense", "Rows;PatientBirthDate;ContentDate;SeriesTime;ImageComments",
            f"ContentDate;{computed.replace(';SOPClassesInStudy', '')}",
        ):  # fmt: skip
            session.get(f"{resource}?requestedTags={names}", f"{resource}?requestedTags={names}&full")
            session.get(f"{resource}?requestedTags={names}&short")
        session.get(
            f"{resource}?requestedTags=Rows&requested-tags=PatientID", f"{resource}/study?requestedTags=Rows"
        )


def paging(session: Session) -> None:
    """`since` and `limit`."""
    fill(session)
    for level in LEVELS:
        for query in (
            "since=0&limit=2", "since=2&limit=2", "since=1&limit=100", "since=100&limit=2", "since=0&limit=0",
            "since=2&limit=0", "since=1", "limit=1", "since=a&limit=1", "since=0&limit=b", "since=-1&limit=1",
            "since=0&limit=-1", "since=&limit=1", "since=1.5&limit=1", "since=0&limit=2&expand",
            "since=99999999999&limit=1", "since=%201&limit=1",
        ):  # fmt: skip
            session.get(f"/{level}?{query}")
