"""What a schedule starts every minute: one part that fails holds no other up."""

from __future__ import annotations

import pytest

from chalicelib.services.orphans import AGE_HOURS, FEW, TooManyOrphans
from tests.storage.test_orphans import HOUR, keys, lose
from tests.support.local_world import local_world
from tests.support.world import described
from tests.upload.inbox_world import objects, put


def test_files_that_need_a_persons_look_keep_nothing_else_waiting() -> None:
    with local_world() as world:
        for n in range(FEW + 1):
            world.store(described(instance=str(n)))
        lose(world, all_but="#orphans")
        before = keys(world)
        put(world, "late", b"no DICOM")  # by the machine's clock, which is behind that of the test
        world.clock.advance((AGE_HOURS + 1) * HOUR)
        with pytest.raises(TooManyOrphans):
            world.services.schedule.run()
        assert keys(world) == before
        assert objects(world) == ["rejected/late", "rejected/late.reason.json"]
