"""The sequenced log where it is most easily wrong: late writers, truncation, and long runs of what is gone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from chalicelib.domain.changes import ChangeType
from chalicelib.storage.dynamodb.errors import ConditionFailed
from chalicelib.storage.dynamodb.log import FOLD, SequencedLog
from chalicelib.storage.dynamodb.table import Table
from tests.support.faults import Send
from tests.support.local_world import local_world
from tests.support.world import World

GRACE_SECONDS = 10


@pytest.fixture
def world() -> Iterator[World]:
    with local_world(gap_grace_seconds=str(GRACE_SECONDS)) as world:
        yield world


@pytest.fixture
def log(world: World) -> SequencedLog:
    log: SequencedLog = world.services.log
    return log


@pytest.fixture
def table(world: World) -> Table:
    return Table(world.dynamodb, world.resources.log)


def _put(log: SequencedLog, table: Table, *numbers: int) -> None:
    for number in numbers:
        table.transact([log.put_action(number, ChangeType.NEW_INSTANCE, {"id": f"{number:02x}"})])


def _kill(log: SequencedLog, table: Table, numbers: list[int]) -> None:
    for start in range(0, len(numbers), 100):
        table.transact(log.kill_actions(numbers[start : start + 100], 0))


def _shown(log: SequencedLog, since: int = 0) -> list[int]:
    return [entry.number for entry in log.walk(since) if entry.is_shown]


def test_a_reader_waits_at_a_gap_and_passes_it_after_the_grace_period(
    world: World, log: SequencedLog, table: Table
) -> None:
    log.reserve(3)
    _put(log, table, 1, 3)
    assert _shown(log) == [1]
    world.clock.advance(GRACE_SECONDS)
    assert _shown(log) == [1, 3]
    with pytest.raises(ConditionFailed):
        _put(log, table, 2)


def test_a_number_that_is_given_back_holds_nobody_up(log: SequencedLog, table: Table) -> None:
    log.reserve(3)
    _put(log, table, 1, 3)
    log.give_back([2])
    assert _shown(log) == [1, 3]


@pytest.mark.parametrize("tidied", ["folded", "trimmed"])
def test_a_writer_whose_number_was_sealed_finds_it_taken_however_late_it_is(
    world: World, log: SequencedLog, table: Table, tidied: str
) -> None:
    late = 50
    log.reserve(2 * FOLD)
    numbers = [n for n in range(1, 2 * FOLD + 1) if n != late]
    _put(log, table, *numbers)
    _kill(log, table, numbers)
    world.clock.advance(GRACE_SECONDS)
    assert [entry.number for entry in log.walk(0)] == list(range(1, 2 * FOLD + 1))
    if tidied == "folded":
        log.fold(0)
    else:
        log.truncate(2 * FOLD)
        assert log.trim(2 * FOLD) == 2 * FOLD
    assert len(_scan(world)) < FOLD + 5
    with pytest.raises(ConditionFailed):
        _put(log, table, late)


def test_what_a_writer_commits_after_a_truncation_is_seen(log: SequencedLog, table: Table) -> None:
    log.reserve(3)
    _put(log, table, 1, 3)
    log.truncate(0)
    assert _shown(log) == []
    with pytest.raises(ConditionFailed):
        _put(log, table, 2)
    _put(log, table, log.reserve(1).first)
    assert _shown(log) == [4]


def test_a_truncation_costs_what_is_new_and_not_what_is_hidden(
    world: World, log: SequencedLog, table: Table
) -> None:
    log.reserve(FOLD)
    _put(log, table, *range(1, FOLD + 1))
    world.calls.reset()
    log.truncate(FOLD)
    assert world.calls.names == ["GetItem", "UpdateItem"]


def test_blocks_fold_upward_and_an_interrupted_fold_is_finished(
    world: World, log: SequencedLog, table: Table
) -> None:
    """Block 0 of ten thousand: 99 folded blocks, and one whose fold stopped half-way."""
    table.put(_head(log, FOLD**2 - 1))
    for block in range(1, FOLD):
        table.put(_marker(log, FOLD, block))
    table.put(_marker(log, FOLD, 0))
    table.put(_marker(log, FOLD, 0) | {"pk": {"S": f"{log._prefix}#7"}, "n": {"N": "7"}, "at": {"N": "0"}})
    log.fold(7)
    assert [item["pk"]["S"] for item in _scan(world)] == [f"{log._prefix}#b10000#0", f"{log._prefix}#head"]
    assert list(log.walk(0)) == []
    assert log.fold(7) is None
    assert len(_scan(world)) == 2


def test_a_reader_from_zero_passes_a_million_tombstones_in_a_few_calls(
    world: World, log: SequencedLog, table: Table
) -> None:
    last = FOLD**3 + 1
    table.put(_head(log, last))
    table.put(_marker(log, FOLD**3, 0))
    _put(log, table, FOLD**3, last)
    world.calls.reset()
    assert _shown(log) == [FOLD**3, last]
    assert len(world.calls.names) <= 5
    world.calls.reset()
    assert [entry.number for entry in log.walk_back(last)] == [last, FOLD**3]
    assert len(world.calls.names) <= 5


def test_trimming_goes_on_where_it_stopped_and_never_backward(
    world: World, log: SequencedLog, table: Table
) -> None:
    log.reserve(1200)
    _put(log, table, *range(1, 1201))
    log.truncate(1200)
    assert log.trim(0) == 0
    assert [log.trim(1200) for _ in range(3)] == [1000, 200, 0]
    assert len(_scan(world)) == 1
    assert log.head().trimmed == 1200


def test_trimming_removes_the_markers_it_passes_and_no_other(
    world: World, log: SequencedLog, table: Table
) -> None:
    """Blocks 1 and 3 are folded; the second does not end where the trimming does."""
    last = 4 * FOLD - 1
    log.reserve(last)
    _put(log, table, *range(1, last + 1))
    for block in (1, 3):
        _kill(log, table, list(range(block * FOLD, (block + 1) * FOLD)))
        log.fold(block * FOLD)
    log.truncate(last)
    assert log.trim(3 * FOLD + 50) == 3 * FOLD + 50
    assert [item["pk"]["S"] for item in _scan(world)] == [f"{log._prefix}#b{FOLD}#3", f"{log._prefix}#head"]
    assert log.trim(last) == FOLD - 51
    assert [item["pk"]["S"] for item in _scan(world)] == [f"{log._prefix}#head"]


def test_trimming_removes_side_by_side() -> None:
    with ThreadPoolExecutor(2) as pool, local_world(pool) as world:
        log, table = world.services.log, world.services.tallies._table
        log.reserve(1000)
        _put(log, table, *range(1, 1001))
        log.truncate(1000)
        beside = threading.Barrier(2, timeout=20)

        def meet(_number: int, name: str, request: AWSPreparedRequest, send: Send) -> AWSResponse:
            if name == "BatchWriteItem":
                beside.wait()
            return send(request)

        world.calls.spoil(meet)
        assert log.trim(1000) == 1000
        world.calls.reset()
        assert len(_scan(world)) == 1


def _scan(world: World) -> list[dict[str, Any]]:
    items = world.dynamodb.scan(TableName=world.resources.log)["Items"]
    return sorted(items, key=lambda item: item["pk"]["S"])


def _head(log: SequencedLog, last: int) -> dict[str, Any]:
    return {"pk": {"S": f"{log._prefix}#head"}, "last": {"N": str(last)}}


def _marker(log: SequencedLog, size: int, block: int) -> dict[str, Any]:
    pk = {"S": f"{log._prefix}#b{size}#{block}"}
    return {"pk": pk, "size": {"N": str(size)}, "block": {"N": str(block)}}
