"""What a delete is taking away stays away: neither a check that mends nor a rebuild brings it back."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.domain.levels import Level
from tests.maintenance.damage import objects
from tests.maintenance.test_rebuild import file, shown
from tests.support.checker import problems
from tests.support.faults import Killed
from tests.support.local_world import local_world
from tests.support.world import World

HOUR = 3600


def stored(world: World) -> dict[Level, str]:
    """Two patients; returns what the first file of the one to be deleted belongs to."""
    found = [world.services.ingest.store(file(number)).identifiers for number in range(8)]
    world.services.sweeper.run(10)
    return {level: found[0][level] for level in Level}


def left(world: World) -> tuple[set[str], Any, Any]:
    """What is in the store, by identifier, and what the statistics say."""
    found = shown(world)
    counts, size = found.pop("counts"), found.pop("size")
    return set(found), counts, size


def mend(world: World) -> None:
    list(world.services.checker.run(mend=True))


def rebuild(world: World) -> None:
    world.services.rebuild.run(anew=True)


@pytest.mark.parametrize("repair", [mend, rebuild])
@pytest.mark.parametrize("level", Level)
def test_wherever_a_delete_dies_nothing_of_it_comes_back(level: Level, repair: Any) -> None:
    with local_world() as world:
        identifiers = stored(world)
        world.services.delete.delete(level, identifiers[level])
        world.services.sweeper.run(10)
        expected = left(world)
    position, is_done = 0, False
    while not is_done:
        with local_world() as world:
            identifiers = stored(world)
            world.calls.reset()
            world.calls.kill_after(position)
            try:
                world.services.delete.delete(level, identifiers[level])
                is_done = True
            except Killed:
                is_done = False
            world.calls.reset()
            has_begun = not is_done and identifiers[level] not in shown(world)
            world.clock.advance(HOUR)
            world.services.rebuild._recount._sleep = world.clock.advance
            repair(world)
            for _ in range(3):  # numbers that nobody used are sealed as time passes
                world.services.sweeper.run(10)
                world.clock.advance(60)
            if is_done or has_begun:
                assert left(world) == expected, position
            assert problems(world) == []
        position += 1
    assert position > 5


def test_what_was_set_aside_can_be_brought_back() -> None:
    with local_world() as world:
        stored(world)
        before = shown(world)
        listing = world.services.rebuild._source.listing
        found = list(listing.walk())
        listing.set_aside(found, world.services.rebuild._pool)
        assert not [key for key in objects(world) if "/files/" in key]
        assert world.services.rebuild.bring_back() == len(found)
        assert world.services.rebuild.bring_back() == 0
        world.services.rebuild.run(anew=True)
        assert shown(world) == before
        assert problems(world) == []
