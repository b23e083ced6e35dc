"""Matching against a plain definition of wildcards, lists and ranges."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.dicom.matching import Kind, condition_of, pattern_matcher
from chalicelib.domain.errors import ParameterOutOfRange
from chalicelib.storage.dynamodb.writes import normalise

LETTERS = st.text("ab*?^", max_size=8)
NAMES = st.text("abAB^äÄßé ", max_size=8)


def matches_by_definition(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(matches_by_definition(pattern[1:], text[n:]) for n in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and matches_by_definition(pattern[1:], text[1:])


@given(LETTERS, st.text("ab^\n", max_size=8))
def test_wildcards_match_what_they_are_defined_to(pattern: str, text: str) -> None:
    assert pattern_matcher(pattern)(text) == matches_by_definition(pattern, text)


def test_no_pattern_takes_long() -> None:
    started = time.perf_counter()
    assert not pattern_matcher("*a" * 30 + "b")("a" * 10_000)
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("vr", ["DA", "TM", "UI", "IS", "US"])
def test_wildcards_are_refused_where_the_vr_has_none(vr: str) -> None:
    with pytest.raises(ParameterOutOfRange, match="0010,0030"):
        condition_of(vr, "1*", tag="0010,0030")


def test_a_flood_of_wildcards_is_refused() -> None:
    with pytest.raises(ParameterOutOfRange):
        condition_of("LO", "*a" * 100)


@pytest.mark.parametrize(
    ("vr", "text", "kind"),
    [
        ("DA", "2020-2021", Kind.RANGE),
        ("DA", "2020-2021\\x", Kind.RANGE),
        ("LO", "2020-2021", Kind.LIST),
        ("LO", "a\\b*", Kind.LIST),
        ("PN", "a*", Kind.WILDCARD),
        ("DA", "1970-01-01", Kind.LIST),
    ],
)
def test_the_first_rule_that_applies_does(vr: str, text: str, kind: Kind) -> None:
    condition = condition_of(vr, text)
    assert condition is not None
    assert condition.kind is kind


@given(NAMES, NAMES)
def test_what_matches_in_any_case_has_one_normalised_form(one: str, other: str) -> None:
    condition = condition_of("PN", one)
    if condition is not None and condition.kind is Kind.LIST and condition.matches(other):
        assert normalise(one) == normalise(other)


@given(NAMES, NAMES)
def test_what_begins_with_a_prefix_does_so_when_normalised(prefix: str, rest: str) -> None:
    condition = condition_of("PN", f"{prefix}*")
    assert condition is not None
    assert condition.matches(prefix.swapcase() + rest) or len(prefix.swapcase().upper()) != len(
        prefix.upper()
    )
    assert normalise(prefix + rest).startswith(normalise(prefix)) or prefix.endswith(" ")
