"""What is asked for the order of slices."""

from __future__ import annotations

from tests.conformance.difference import Difference, Kind
from tests.conformance.exchanges import Body
from tests.conformance.raw import dicom, text
from tests.conformance.session import Session

FLAT, UPRIGHT, TURNED = "1\\0\\0\\0\\1\\0", "1\\0\\0\\0\\0\\-1", "0\\1\\0\\1\\0\\0"
Row = tuple[str | None, str | None, str | None]
"""Position along the third axis, orientation, number."""
SERIES: dict[str, list[Row]] = {
    "a volume": [("3", FLAT, "1"), ("1", FLAT, "2"), ("2", FLAT, "3")],
    "a volume without numbers": [("3.5", FLAT, None), ("-1", FLAT, None), ("2e0", FLAT, None)],
    "a volume of frames": [("3", FLAT, "2"), ("2", FLAT, "1")],
    "close slices": [("1", FLAT, "2"), ("1.0001", FLAT, "1")],
    "numbers": [(None, None, "3"), (None, None, "1"), (None, None, "20")],
    "one place": [("1", FLAT, "2"), ("1", FLAT, "1")],
    "not parallel": [("3", FLAT, "2"), ("1", UPRIGHT, "1")],
    "one without a place": [("3", FLAT, "2"), (None, None, "1")],
    "no plane": [("3", "0\\0\\0\\0\\0\\0", "2"), ("2", "0\\0\\0\\0\\0\\0", "1")],
    "places that are none": [("x", FLAT, "2"), ("2", "1\\0", "1")],
    "one": [("1", FLAT, "1")],
    "one with nothing": [(None, None, None)],
    "nothing": [(None, None, None), (None, None, None)],
    "no number, one place": [("1", FLAT, None), ("1", FLAT, None)],
    "a number missing": [(None, None, "2"), (None, None, None), (None, None, "1")],
}


def slices(session: Session) -> None:
    """Series of all kinds."""
    for number, (name, rows) in enumerate(SERIES.items()):
        for position, row in enumerate(rows):
            stored = session.ask("POST", "/instances", _instance(f"1.7.{number}", position, row, name))
        session.get(f"/series/{stored['ParentSeries']}/ordered-slices")
    session.get(
        "/series/unknown/ordered-slices",
        "/studies/unknown/ordered-slices",
        f"/studies/{stored['ParentStudy']}/ordered-slices",
        f"/instances/{stored['ID']}/ordered-slices",
    )


def _instance(uid: str, number: int, row: Row, name: str) -> Body:
    position, orientation, in_series = row
    elements = [
        text(0x00080018, "UI", f"{uid}.1.{number}"),
        text(0x00100020, "LO", "P"),
        text(0x0020000D, "UI", uid),
        text(0x0020000E, "UI", f"{uid}.1"),
    ]
    if in_series is not None:
        elements.append(text(0x00200013, "IS", in_series))
    if position is not None:
        elements.append(text(0x00200032, "DS", f"0\\0\\{position}"))
    if orientation is not None:
        elements.append(text(0x00200037, "DS", orientation))
    if "frames" in name:
        elements.append(text(0x00280008, "IS", "2"))
    return Body(f"{name} {number}", dicom(elements))


TITLE = "Ordered slices"
SCENARIOS = {"slices": (slices, {})}
DIFFERENCES = [
    Difference(
        Kind.CHOSEN,
        "A series whose order nothing tells is no fault of the server (500).",
        ["GET /series/{id}/ordered-slices"],
        ["status"],
        lambda e: e.status == 500,
    ),
]
