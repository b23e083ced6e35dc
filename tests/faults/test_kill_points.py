"""A process that dies between any two AWS calls of an ingest or a delete leaves a store that mends itself.

The points are enumerated: each operation is run once to count its calls, then killed before and after each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chalicelib.domain.levels import Level
from tests.support.checker import problems
from tests.support.faults import Killed
from tests.support.moto_world import moto_world
from tests.support.world import World, described

KEPT = described("Kept")
ONE = described("P", "1", "1", "1")


def _tree(world: World) -> None:
    for study, series, instance in ("111", "112", "121", "211"):
        world.store(described("P", study, series, instance))


def _stable(world: World) -> None:
    world.store(described("P", "1", "1", "0"))
    world.settle()


OPERATIONS: dict[str, tuple[Callable[[World], Any], Callable[[World], Any], dict[str, Any]]] = {
    "first of a patient": (lambda w: None, lambda w: w.store(ONE), {}),
    "first of a series": (lambda w: w.store(described("P", "1", "2")), lambda w: w.store(ONE), {}),
    "into a known series": (lambda w: w.store(described("P", "1", "1", "2")), lambda w: w.store(ONE), {}),
    "into a stable series": (_stable, lambda w: w.store(ONE), {}),
    "duplicate": (lambda w: w.store(ONE), lambda w: w.store(ONE), {}),
    "overwrite": (lambda w: w.store(ONE), lambda w: w.store(ONE), {"overwrite_instances": "Always"}),
    "delete last instance": (lambda w: w.store(ONE), lambda w: _delete(w, Level.INSTANCE), {}),
    "delete an instance": (_tree, lambda w: _delete(w, Level.INSTANCE), {}),
    "delete a series": (_tree, lambda w: _delete(w, Level.SERIES), {}),
    "delete a study": (_tree, lambda w: _delete(w, Level.STUDY), {}),
    "delete a patient": (_tree, lambda w: _delete(w, Level.PATIENT), {}),
    "delete a patient, logged": (_tree, lambda w: _delete(w, Level.PATIENT), {"keep_deleted_changes": True}),
    "sweep": (_tree, lambda w: w.services.sweeper.tick(), {}),
}


def _delete(world: World, level: Level) -> Any:
    return world.services.delete.delete(level, ONE.identifiers[level])


@contextmanager
def _prepared(name: str) -> Iterator[World]:
    prepare, _, settings = OPERATIONS[name]
    with moto_world(**settings) as world:
        world.store(KEPT)
        prepare(world)
        world.calls.reset()
        yield world


def _is_visible(world: World) -> bool:
    return world.services.reading._index.instance(ONE.identifiers[Level.INSTANCE]) is not None


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_killed_process_leaves_nothing_or_everything(name: str) -> None:
    operation = OPERATIONS[name][1]
    with _prepared(name) as world:
        operation(world)
        count = len(world.calls.names)
    assert count >= 1
    for position in range(count):
        for kill in ("kill_before", "kill_after"):
            with _prepared(name) as world:
                getattr(world.calls, kill)(position)
                with pytest.raises(Killed):
                    operation(world)
                world.settle()
                where = f"{kill} call {position} of {name}"
                assert problems(world) == [], where
                assert world.services.browse.get(Level.INSTANCE, KEPT.identifiers[3]), where
                visible = _is_visible(world)
                if "delete" in name and visible:
                    operation(world)
                elif "delete" not in name and not visible and name != "sweep":
                    operation(world)
                world.settle()
                assert problems(world) == [], f"repeated after {where}"
                assert _is_visible(world) == ("delete" not in name), where


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name != "sweep"])
def test_a_lost_answer_is_not_a_failure(name: str) -> None:
    operation = OPERATIONS[name][1]
    with _prepared(name) as world:
        operation(world)
        count = len(world.calls.names)
    for position in range(count):
        with _prepared(name) as world:
            world.calls.lose_answer(position)
            operation(world)
            world.settle()
            assert problems(world) == [], f"answer {position} of {name} lost"
            assert _is_visible(world) == ("delete" not in name)
