"""What a search costs, and where it is refused."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.domain.levels import Level
from chalicelib.services.find.find import FIRST_ROWS
from chalicelib.services.find.sources import FIRST_ENTRIES, TooBroad
from tests.benchmarks.capacity import usage
from tests.find.store import fill, find
from tests.support.local_world import local_world
from tests.support.world import World


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with local_world(maximum_find_scan="100") as made:
        fill(made, 160)
        yield made


def calls_of(world: World, level: Level, values: dict[str, str], **more: Any) -> list[str]:
    world.calls.reset()
    find(world, level, values, **more)
    return list(world.calls.names)


@pytest.mark.parametrize(
    ("level", "values", "calls"),
    [
        (Level.PATIENT, {"PatientID": "P7"}, ["Query", "BatchGetItem"]),
        (Level.STUDY, {"AccessionNumber": "ACC9"}, ["Query", "BatchGetItem"]),
        (Level.STUDY, {"StudyDate": "20211230-20220101"}, ["Query", "BatchGetItem"]),
        (Level.STUDY, {"StudyInstanceUID": "1.2.5"}, ["Query", "BatchGetItem"]),
        (Level.INSTANCE, {"SOPInstanceUID": "1.2.5.1.1"}, ["Query", "BatchGetItem"]),
        (Level.STUDY, {"AccessionNumber": "ACC9", "PatientName": "*"}, ["Query", "BatchGetItem"]),
    ],
)
def test_an_indexed_tag_costs_a_query_and_a_batch_read(
    world: World, level: Level, values: dict[str, str], calls: list[str]
) -> None:
    assert calls_of(world, level, values) == calls


def test_a_page_stops_reading_when_it_is_full(world: World) -> None:
    assert calls_of(world, Level.STUDY, {}, limit=10).count("BatchGetItem") == 1


def test_a_query_without_an_index_is_refused_past_the_limit_and_never_cut(world: World) -> None:
    with pytest.raises(TooBroad, match="100 entries"):
        find(world, Level.STUDY, {"InstitutionName": "nobody"})
    with pytest.raises(TooBroad, match="100 entries"):
        find(world, Level.INSTANCE, {"Modality": "XX"})
    assert len(find(world, Level.STUDY, {"AccessionNumber": "*"})) == 160
    assert len(find(world, Level.STUDY, {})) == 160


def test_the_log_says_which_index_was_chosen_and_no_value(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "nacre"):
        find(world, Level.STUDY, {"PatientName": "SECRET", "StudyDate": "20200101-20200102"})
    assert [record.getMessage() for record in caplog.records] == ["find Study by PatientName"]


@pytest.mark.parametrize(
    ("values", "calls"),
    [({"PatientName": "Doe^J*"}, 10), ({"StudyDate": "20200101-"}, 2), ({"PatientName": "*e*"}, 10), ({}, 2)],
)
def test_a_page_costs_a_page_however_many_match(world: World, values: dict[str, str], calls: int) -> None:
    world.calls.reset()
    assert len(find(world, Level.STUDY, values, limit=5)) == 5
    used = usage(list(world.calls.requests), list(world.calls.answers))
    assert used.calls == calls
    assert used.items_read <= FIRST_ENTRIES + 4 * FIRST_ROWS
