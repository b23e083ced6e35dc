"""`GET /changes` as Orthanc 1.12.7 answers it; the expected values are its own, for the same events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.domain.changes import ChangeType
from chalicelib.domain.levels import Level
from tests.support.local_world import local_world
from tests.support.world import World, described

STUDY, PATIENT, SERIES = ChangeType.NEW_STUDY, ChangeType.NEW_PATIENT, ChangeType.NEW_SERIES
ALL = 100


@pytest.fixture
def world() -> Iterator[World]:
    """Three patients of one instance each: changes 1 to 12."""
    with local_world() as world:
        for patient in "ABC":
            world.store(described(patient))
        yield world


def _page(world: World, *arguments: Any) -> tuple[list[int], bool, int]:
    page = world.services.changes.page(*arguments)
    return [change.number for change in page.changes], page.done, page.last


def test_what_comes_with_an_instance_is_logged_upward(world: World) -> None:
    types = [change.type for change in world.services.changes.page(8, ALL).changes]
    assert types == ["NewInstance", "NewSeries", "NewStudy", "NewPatient"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((0, ALL), (list(range(1, 13)), True, 12)),
        ((0, 0), ([], False, 12)),
        ((0, 4), ([1, 2, 3, 4], False, 4)),
        ((3, 4), ([4, 5, 6, 7], False, 7)),
        ((12, ALL), ([], True, 12)),
        ((11, ALL), ([12], True, 12)),
        ((500, ALL), ([], True, 12)),
        ((0, 12), (list(range(1, 13)), True, 12)),
        ((0, 11), (list(range(1, 12)), False, 11)),
        ((0, ALL, (), 7), (list(range(1, 8)), True, 7)),
        ((0, 3, (), 7), ([5, 6, 7], False, 7)),
        ((0, 3, (), 12), ([10, 11, 12], False, 12)),
        ((0, 3, (), 500), ([10, 11, 12], False, 12)),
        ((0, ALL, (), 500), (list(range(1, 13)), True, 12)),
        ((3, ALL, (), 7), ([4, 5, 6, 7], True, 7)),
        ((3, 2, (), 9), ([4, 5], False, 5)),
        ((0, ALL, (), 0), ([], True, 12)),
        ((9, ALL, (), 3), ([], True, 12)),
        ((3, ALL, (), 3), ([], True, 12)),
        ((0, 0, (), 7), ([], False, 12)),
        ((0, ALL, (STUDY,)), ([3, 7, 11], True, 11)),
        ((0, 1, (STUDY,)), ([3], False, 3)),
        ((0, 3, (STUDY,)), ([3, 7, 11], True, 11)),
        ((0, 2, (STUDY, PATIENT)), ([3, 4], False, 4)),
        ((0, ALL, (STUDY,), 7), ([3, 7], True, 7)),
        ((0, 1, (STUDY,), 7), ([7], False, 7)),
        ((0, 3, (STUDY, SERIES), 7), ([3, 6, 7], False, 7)),
        ((0, ALL, (ChangeType.STABLE_STUDY,)), ([], True, 12)),
        ((11, ALL, (STUDY,)), ([], True, 12)),
        ((500, ALL, (STUDY,)), ([], True, 12)),
        ((0, 0, (STUDY,)), ([], False, 12)),
    ],
)
def test_pages_are_those_of_orthanc(world: World, arguments: Any, expected: Any) -> None:
    assert _page(world, *arguments) == expected


def test_an_empty_log_ends_at_zero() -> None:
    with local_world() as world:
        for arguments in ((0, ALL), (5, ALL), (0, 0), (0, ALL, (), 5)):
            assert _page(world, *arguments) == ([], True, 0)
        assert world.services.changes.last().changes == ()


def test_the_changes_of_what_is_deleted_leave_the_log(world: World) -> None:
    """Our numbers go on where Orthanc's stand still: a delete takes some for the store's own records."""
    world.services.delete.delete(Level.INSTANCE, described("C").identifiers[Level.INSTANCE])
    assert _page(world, 0, ALL) == (list(range(1, 9)), True, 8)
    assert _page(world, 0, 8) == (list(range(1, 9)), True, 8)
    assert _page(world, 0, 2, (), 10) == ([7, 8], False, 8)
    changes, done, last = _page(world, 8, ALL)
    assert (changes, done) == ([], True)
    assert last >= 12
    assert [change.number for change in world.services.changes.last().changes] == [8]


def test_an_emptied_log_goes_on_with_its_numbers(world: World) -> None:
    world.services.changes.clear()
    for arguments in ((0, ALL), (3, ALL), (100, ALL), (0, 0), (0, ALL, (), 3)):
        assert _page(world, *arguments) == ([], True, 12)
    assert world.services.changes.last().last == 12
    world.store(described("D"))
    assert _page(world, 0, ALL) == ([13, 14, 15, 16], True, 16)
    assert _page(world, 3, 2) == ([13, 14], False, 14)


def test_deletes_are_logged_where_that_is_asked_for() -> None:
    with local_world(keep_deleted_changes="true") as world:
        world.store(described("A"))
        world.services.delete.delete(Level.PATIENT, described("A").identifiers[Level.PATIENT])
        changes = world.services.changes.page(0, ALL).changes
        assert [change.type for change in changes] == [
            *("NewInstance", "NewSeries", "NewStudy", "NewPatient"),
            *["Deleted"] * 4,
        ]
        assert {(c.level, c.id) for c in changes[:4]} == {(c.level, c.id) for c in changes[4:]}
