"""Whatever AWS answers to any one call of an operation, the store ends consistent and nothing acknowledged is lost."""

from __future__ import annotations

import pytest

from tests.faults.operations import OPERATIONS, check, spoiled
from tests.support.faults import ALWAYS, BATCHES, WRITES


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_lost_answer_that_the_sdk_asks_for_again_is_not_noticed(name: str) -> None:
    operation = OPERATIONS[name]
    for position, call in operation.calls_to_spoil():
        with operation.world() as world:
            world.calls.lose_answer(position)
            operation.run(world)
            check(operation, world, f"lost answer of {call} ({position}) of {name}", done=True)


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_the_sdk_gives_up_on_is_done_or_refused(name: str) -> None:
    operation = OPERATIONS[name]
    for position, call in operation.calls_to_spoil():
        for fault in ("lose_answer", "throttle"):
            with operation.world() as world:
                getattr(world.calls, fault)(position, ALWAYS)
                done = spoiled(operation, world)
                check(operation, world, f"endless {fault} at {call} ({position}) of {name}", done=done)


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_conflict_with_another_transaction_is_retried(name: str) -> None:
    operation = OPERATIONS[name]
    for position, call in operation.calls_to_spoil():
        if call in WRITES:
            with operation.world() as world:
                world.calls.conflict(position)
                operation.run(world)
                check(operation, world, f"conflict at {call} ({position}) of {name}", done=True)


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_rest_of_a_batch_is_asked_for_again(name: str) -> None:
    operation = OPERATIONS[name]
    for position, call in operation.calls_to_spoil():
        if call in BATCHES:
            with operation.world() as world:
                world.calls.process_partly(position)
                done = spoiled(operation, world)
                assert done or call == "DeleteObjects"
                check(operation, world, f"half of {call} ({position}) of {name}", done=done)
