"""A process that dies between any two AWS calls of the inbox, or an answer that is lost, loses and doubles nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from chalicelib.domain.outcomes import Intake, Stored
from tests.support.checker import problems
from tests.support.faults import Killed
from tests.support.local_world import local_world
from tests.support.world import World
from tests.upload.files import archive, ct, mr
from tests.upload.inbox_world import changes, objects, put, put_in_parts

KEY = "inbox/object"


@dataclass(frozen=True)
class Case:
    """An object in the inbox, what becomes of it, and how many instances are new then."""

    prepare: Callable[[World], object]
    outcomes: list[str]
    new: int
    left: list[str] = field(default_factory=list)
    rule: str = "Never"

    @contextmanager
    def world(self) -> Iterator[World]:
        with local_world(overwrite_instances=self.rule) as world:
            self.prepare(world)
            world.calls.reset()
            yield world

    def check(self, world: World, where: str) -> None:
        """The event comes again, and all ends as if nothing had happened."""
        world.calls.reset()
        world.services.inbox.take(KEY)
        assert told(world.services.inbox.lookup(KEY)) == self.outcomes, where
        assert objects(world) == self.left, where
        assert changes(world).count("NewInstance") == self.new, where
        world.settle()
        assert problems(world) == [], where


def told(intake: Intake) -> list[str]:
    if intake.refusal:
        return [intake.refusal.message]
    return [o.status if isinstance(o, Stored) else o.message for o in intake.outcomes]


def prepare_duplicate(world: World) -> None:
    world.services.ingest.store(ct())
    put(world, "object", ct())


FILES = archive(("ct", ct()), ("text", b"no"), ("mr", mr()))
CASES = {
    "file": Case(lambda world: put(world, "object", ct()), ["Success"], 1),
    "file, overwriting": Case(lambda world: put(world, "object", ct()), ["Success"], 1, rule="Always"),
    "file in parts": Case(lambda w: put_in_parts(w, "object", ct()), ["Success"], 1, rule="IfChanged"),
    "duplicate": Case(prepare_duplicate, ["AlreadyStored"], 1),
    "rejected": Case(
        lambda world: put(world, "object", b"no"),
        ["Bad file format"],
        0,
        ["rejected/object", "rejected/object.reason.json"],
    ),
    "archive": Case(lambda world: put(world, "object", FILES), ["Success", "Bad file format", "Success"], 2),
    "archive of nothing": Case(
        lambda world: put(world, "object", archive(("text", b"no"), ("more", b"no"))),
        ["Bad file format"],
        0,
        ["rejected/object", "rejected/object.reason.json"],
    ),
    "archive, overwriting": Case(
        lambda world: put(world, "object", FILES), ["Success", "Bad file format", "Success"], 2, rule="Always"
    ),
}


def calls_of(case: Case) -> list[str]:
    with case.world() as world:
        world.services.inbox.take(KEY)
        return list(world.calls.names)


@pytest.mark.parametrize("name", CASES)
def test_a_killed_process_loses_and_doubles_nothing(name: str) -> None:
    case = CASES[name]
    for position, call in enumerate(calls_of(case)):
        with case.world() as world:
            world.calls.kill_after(position)
            with pytest.raises(Killed):
                world.services.inbox.take(KEY)
            case.check(world, f"killed after {call} ({position}) of {name}")


@pytest.mark.parametrize("name", CASES)
def test_a_lost_answer_is_not_a_failure(name: str) -> None:
    case = CASES[name]
    for position, call in enumerate(calls_of(case)):
        with case.world() as world:
            world.calls.lose_answer(position)
            world.services.inbox.take(KEY)
            case.check(world, f"lost the answer to {call} ({position}) of {name}")
