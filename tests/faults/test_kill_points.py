"""A process that dies between any two AWS calls of an operation leaves a store that mends itself.

The points are enumerated: each operation is run once to count its calls, then killed after each of them. To die
before a call is to die after the one before; to die before the first is to do nothing.
"""

from __future__ import annotations

import pytest

from tests.faults.operations import OPERATIONS, check
from tests.support.faults import Killed


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_killed_process_leaves_nothing_or_everything(name: str) -> None:
    operation = OPERATIONS[name]
    calls = operation.calls()
    assert calls
    for position, call in enumerate(calls):
        with operation.world() as world:
            world.calls.kill_after(position)
            with pytest.raises(Killed):
                operation.run(world)
            check(operation, world, f"killed after {call} ({position}) of {name}", done=False)
