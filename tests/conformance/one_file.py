"""What is asked about each file: its upload, and every route of its instance, series, study and patient."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from tests.conformance.exchanges import Body
from tests.conformance.session import Session

CONTENT_REQUESTS = 20
"""How many elements of a file are read at most; which, is chosen evenly and the same each time."""

_LEVELS = {"patients": "ParentPatient", "studies": "ParentStudy", "series": "ParentSeries", "instances": "ID"}
_REQUESTED = "PatientName;StudyDescription;Modality;InstanceNumber;Rows;0008,0008;SOPClassUID"


def play(session: Session, name: str, data: bytes) -> None:
    """Upload a file and ask for all there is to know about it."""
    answer = session.ask("POST", "/instances", Body(f"{name} {hashlib.sha256(data).hexdigest()[:16]}", data))
    if not isinstance(answer, dict):
        return
    patient, study, series, instance = (f"/{level}/{answer[key]}" for level, key in _LEVELS.items())
    for resource in (patient, study, series, instance):
        session.get(resource, f"{resource}?short")
        session.get(f"{resource}/module")
    session.get(f"{study}?full&requestedTags={_REQUESTED}", f"{instance}?requestedTags={_REQUESTED}")
    session.get(f"{study}/module-patient", f"{series}/shared-tags", f"{series}/instances-tags?simplify")
    session.get(f"{instance}/file", f"{instance}/preview", f"{instance}/statistics")
    session.get(f"{instance}/simplified-tags", f"{instance}/tags?short")
    session.get(f"{instance}/header", f"{instance}/header?simplify")
    session.get(f"{instance}/tags?ignore-length=ImageComments,0040-a160")
    tags = session.get(f"{instance}/tags")
    for path in _chosen(tags, name):
        session.get(f"{instance}/content{path}")
    session.ask("DELETE", instance)


def _chosen(tags: dict[str, Any], name: str) -> list[str]:
    """The paths of the elements that are read, sequences and their items among them."""
    paths = sorted(_paths(tags), key=lambda path: hashlib.sha256(f"{name}{path}".encode()).digest())
    return ["", *sorted(paths[: CONTENT_REQUESTS - 1])]


def _paths(tags: dict[str, Any]) -> Iterator[str]:
    for tag, element in tags.items():
        path = "/" + tag.replace(",", "-")
        yield path
        if isinstance(element, dict) and element["Type"] == "Sequence":
            for number, item in enumerate(element["Value"]):
                yield f"{path}/{number}"
                yield from (f"{path}/{number}{below}" for below in _paths(item))
