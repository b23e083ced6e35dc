"""Nacre's answers against Orthanc's, field by field: equal, or different exactly where and how the table says."""

from __future__ import annotations

import pytest

from tests.conformance.comparison import deviations
from tests.conformance.exchanges import RECORDINGS, Exchange, load, recording_path
from tests.conformance.nacre import replay, scenario_names
from tests.conformance.table import DOCUMENT, document
from tests.conformance.topics import DIFFERENCES, differences_in

pytestmark = pytest.mark.filterwarnings("ignore:::pydicom")


@pytest.mark.parametrize("name", scenario_names())
def test_answers_are_orthancs_but_for_the_differences(name: str) -> None:
    problems = []
    for orthanc, nacre in replay(name):
        allowed = {field for difference in differences_in(name, orthanc) for field in difference.fields}
        found = {deviation.field: deviation for deviation in deviations(orthanc, nacre)}
        problems += [(orthanc.request, found[field]) for field in found.keys() - allowed]
        problems += [(orthanc.request, f"{field} is equal now") for field in allowed - found.keys()]
    assert problems == []


def test_every_difference_is_found_in_some_recording() -> None:
    recorded = [(name, exchange) for name in scenario_names() for exchange in load(name)]
    unused = [d.reason for d in DIFFERENCES if not any(d.applies(name, e) for name, e in recorded)]
    assert unused == []


def test_there_is_one_recording_for_each_scenario() -> None:
    assert {recording_path(name) for name in scenario_names()} == set(RECORDINGS.rglob("*.json.xz"))


def test_the_document_is_up_to_date() -> None:
    assert DOCUMENT.read_text() == document(), "python -m tests.conformance.table"


@pytest.mark.parametrize(
    ("orthanc", "nacre", "field"),
    [
        ({"status": 200}, {"status": 404}, "status"),
        ({"status": 200, "json": {"a": "1"}}, {"status": 200, "json": {"a": 1}}, "json.a"),
        ({"status": 200, "json": {"a": 1}}, {"status": 200, "json": {"a": True}}, "json.a"),
        ({"status": 200, "json": {"a": None}}, {"status": 200, "json": {}}, "json.a"),
        ({"status": 200, "json": {}}, {"status": 200, "json": {"a": 1}}, "json.a"),
        ({"status": 200, "json": [1, 2]}, {"status": 200, "json": [2, 1]}, "json[]"),
        ({"status": 200, "json": [1]}, {"status": 200, "json": [1, 2]}, "json"),
        ({"status": 200, "hex": "00"}, {"status": 200, "hex": "0000"}, "hex"),
        ({"status": 200, "headers": {"allow": "GET"}}, {"status": 200, "headers": {}}, "headers.allow"),
    ],
)
def test_the_comparison_sees(orthanc: dict[str, object], nacre: dict[str, object], field: str) -> None:
    assert {d.field for d in deviations(Exchange("GET /", orthanc), Exchange("GET /", nacre))} == {field}
