"""How a partition is read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import pytest

from chalicelib.storage.dynamodb.table import GROWTH, Table
from tests.support.local_world import local_world
from tests.support.world import World

ITEMS = 30


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with local_world() as made:
        for number in range(ITEMS):
            _table(made).put({"pk": {"S": "p"}, "sk": {"S": f"{number:03d}"}})
        yield made


def _table(world: World) -> Table:
    return Table(world.dynamodb, world.resources.index)


def _keys(world: World, count: int | None = None, **options: int) -> list[str]:
    world.calls.reset()
    return [item["sk"]["S"] for item in islice(_table(world).query("p", **options), count)]


@pytest.mark.parametrize("first", [1, 2, 3, ITEMS, ITEMS + 1])
@pytest.mark.parametrize("limit", [1, 5, ITEMS, 2 * ITEMS])
def test_the_first_page_changes_nothing_but_the_calls(world: World, first: int, limit: int) -> None:
    expected = [f"{number:03d}" for number in range(ITEMS)]
    assert _keys(world, first=first) == expected
    assert _keys(world, first=first, limit=limit) == expected[:limit]


def test_pages_grow_and_are_read_when_they_are_needed(world: World) -> None:
    for wanted, calls in ((2, 1), (3, 2), (2 + 2 * GROWTH, 2), (3 + 2 * GROWTH, 3)):
        assert len(_keys(world, wanted, first=2)) == wanted
        assert len(world.calls.names) == calls
