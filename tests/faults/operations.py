"""Every operation that writes, each in a store that is ready for it, for the tests that spoil its AWS calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

from chalicelib.domain.errors import Unavailable, UnknownResource
from chalicelib.domain.levels import Level
from tests.support.checker import problems
from tests.support.faults import WRITES, Killed
from tests.support.local_world import local_world
from tests.support.world import World, described

KEPT = described("Kept")
ONE = described("P", "1", "1", "1")
MANY = 8


@dataclass(frozen=True)
class Operation:
    """What is done, in which store, and whether the instance `ONE` is there when it is done."""

    run: Callable[[World], Any]
    prepare: Callable[[World], Any] = lambda _world: None
    settings: dict[str, str] = field(default_factory=dict)
    leaves_one: bool = True

    @contextmanager
    def world(self) -> Iterator[World]:
        """A store in which the operation can run."""
        with local_world(**self.settings) as world:
            world.store(KEPT)
            self.prepare(world)
            world.calls.reset()
            yield world

    def calls(self) -> list[str]:
        """The AWS calls it makes when nothing goes wrong."""
        with self.world() as world:
            self.run(world)
            return list(world.calls.names)

    def calls_to_spoil(self) -> list[tuple[int, str]]:
        """Those calls with their positions. Of many alike in a row (one key after the other is read), both ends."""
        spoiled: list[tuple[int, str]] = []
        for _, alike in groupby(enumerate(self.calls()), key=itemgetter(1)):
            run = list(alike)
            spoiled += run if len(run) <= MANY or run[0][1] in WRITES else [*run[:2], *run[-2:]]
        return spoiled


def _store(world: World) -> None:
    world.store(ONE)


def _delete(level: Level) -> Callable[[World], Any]:
    return lambda world: world.services.delete.delete(level, ONE.identifiers[level])


def _tree(world: World) -> None:
    for study, series, instance in ("111", "112", "121", "211"):
        world.store(described("P", study, series, instance))


def _stable(world: World) -> None:
    world.store(described("P", "1", "1", "0"))
    world.settle()


def _stale(world: World) -> None:
    """A whole store whose resources are due to become stable, with a deleted series in the log."""
    _tree(world)
    world.services.delete.delete(Level.SERIES, described("P", "1", "2").identifiers[Level.SERIES])
    world.services.sweeper.tick()
    world.clock.advance(100)


def _half_deleted(level: Level) -> Callable[[World], None]:
    def prepare(world: World) -> None:
        _tree(world)
        _die(world, 2, _delete(level))
        world.clock.advance(100)

    return prepare


def _half_stored(world: World) -> None:
    """A file in the bucket that no index entry knows, and whose hour is the next to be checked."""
    world.services.sweeper.tick()
    _die(world, 2, lambda w: w.store(described("P", "9", "9", "9")))
    world.store(ONE)
    world.clock.advance(3600)
    world.services.sweeper.tick()
    world.clock.advance(3600)


def _die(world: World, position: int, run: Callable[[World], Any]) -> None:
    world.calls.reset()
    world.calls.kill_after(position)
    try:
        run(world)
    except Killed:
        world.calls.reset()
        return
    raise AssertionError("there was no such call")


def _tick(world: World) -> None:
    world.services.sweeper.tick()


def _other(study: str, series: str, instance: str = "1") -> Callable[[World], Any]:
    return lambda world: world.store(described("P", study, series, instance))


_ALWAYS = {"overwrite_instances": "Always"}
_LOGGED = {"keep_deleted_changes": "true"}

OPERATIONS: dict[str, Operation] = {
    "first of a patient": Operation(_store),
    "first of a series": Operation(_store, _other("1", "2")),
    "into a known series": Operation(_store, _other("1", "1", "2")),
    "into a stable series": Operation(_store, _stable),
    "duplicate": Operation(_store, _store),
    "overwrite": Operation(_store, _store, _ALWAYS),
    "delete last instance": Operation(_delete(Level.INSTANCE), _store, leaves_one=False),
    "delete an instance": Operation(_delete(Level.INSTANCE), _tree, leaves_one=False),
    "delete a series": Operation(_delete(Level.SERIES), _tree, leaves_one=False),
    "delete a study": Operation(_delete(Level.STUDY), _tree, leaves_one=False),
    "delete a patient": Operation(_delete(Level.PATIENT), _tree, leaves_one=False),
    "delete a series, logged": Operation(_delete(Level.SERIES), _tree, _LOGGED, leaves_one=False),
    "store after a delete that died": Operation(_store, _half_deleted(Level.STUDY)),
    "sweep": Operation(_tick, _tree),
    "sweep that finds stability": Operation(_tick, _stale),
    "sweep that finishes a delete": Operation(_tick, _half_deleted(Level.STUDY), leaves_one=False),
    "sweep that finds an orphan": Operation(_tick, _half_stored),
}


def is_visible(world: World) -> bool:
    """Whether `ONE` is in the index."""
    return world.services.reading._index.instance(ONE.identifiers[Level.INSTANCE]) is not None


def check(operation: Operation, world: World, where: str, *, done: bool) -> None:
    """The store mends itself, and the operation, done or repeated, ends as it should."""
    world.settle()
    assert problems(world) == [], where
    assert world.services.browse.get(Level.INSTANCE, KEPT.identifiers[Level.INSTANCE]), where
    if not done:
        try:
            operation.run(world)
        except UnknownResource:
            assert not operation.leaves_one, where
        world.settle(hours=0)
        assert problems(world) == [], f"repeated after {where}"
    assert is_visible(world) == operation.leaves_one, where


def spoiled(operation: Operation, world: World) -> bool:
    """Run the operation; says whether it was acknowledged."""
    try:
        operation.run(world)
    except Unavailable:
        return False
    return True
