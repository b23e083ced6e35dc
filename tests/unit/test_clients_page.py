"""docs/clients.md has every call of the clients that are installed."""

from __future__ import annotations

from tests.e2e.clients import PACKAGES, PAGE, page


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(PACKAGES)


def test_every_reason_is_that_of_a_call() -> None:
    for package in PACKAGES:
        made = {call for call in package.calls() if package.reason(call) is None}
        assert package.problems(made) == []


def test_a_call_that_is_not_made_is_a_problem() -> None:
    (package, _) = PACKAGES
    assert "Orthanc.get_tools_find: no such call" not in package.problems(set())
    assert "Orthanc.post_tools_find: neither made nor listed" in package.problems(set())
    assert "Orthanc.post_tools_bulk_modify: listed, but made" in package.problems(
        {"Orthanc.post_tools_bulk_modify"}
    )
