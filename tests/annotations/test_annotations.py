"""Annotations against a plain model, under races and faults, and what deletes and overwrites leave of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from chalicelib.domain.annotations import MAXIMUM_LABELS
from chalicelib.domain.errors import (
    BadRevision,
    NacreError,
    ParameterOutOfRange,
    PayloadTooLarge,
    UnknownResource,
)
from chalicelib.domain.levels import Level
from tests.maintenance.damage import objects
from tests.support.checker import problems
from tests.support.faults import ALWAYS, Killed
from tests.support.local_world import local_world
from tests.support.world import World, described

LEVELS = list(Level)


@pytest.fixture
def world() -> Iterator[World]:
    with local_world() as made:
        yield made


def stored(world: World) -> tuple[str, ...]:
    """The identifiers of an instance and its ancestors."""
    world.store(described())
    return described().identifiers


class Model(RuleBasedStateMachine):
    """Any changes to the annotations of the four levels, and to the tree."""

    labels = st.sampled_from(["a", "b", "c"])
    names = st.sampled_from(["1024", "1025", "2000"])
    levels = st.sampled_from(LEVELS)

    @initialize()
    def begin(self) -> None:
        self._context = local_world()
        self.world = self._context.__enter__()
        self.services = self.world.services
        self.create()

    def create(self) -> None:
        self.ids = stored(self.world)
        self.expected: dict[Level, tuple[set[str], dict[str, str], dict[str, bytes]]] = {
            level: (set(), {}, {}) for level in LEVELS
        }

    @rule(level=levels, label=labels)
    def label(self, level: Level, label: str) -> None:
        self.services.labels.add(level, self.ids[level], label)
        self.expected[level][0].add(label)

    @rule(level=levels, label=labels)
    def unlabel(self, level: Level, label: str) -> None:
        self.services.labels.remove(level, self.ids[level], label)
        self.expected[level][0].discard(label)

    @rule(level=levels, name=names, value=st.binary(max_size=20))
    def set_metadata(self, level: Level, name: str, value: bytes) -> None:
        self.services.metadata.put(level, self.ids[level], name, value, None)
        self.expected[level][1][name] = value

    @rule(level=levels, name=names)
    def delete_metadata(self, level: Level, name: str) -> None:
        self._remove(self.expected[level][1], name, self.services.metadata.delete, level)

    @rule(level=levels, name=names, data=st.binary(max_size=50))
    def attach(self, level: Level, name: str, data: bytes) -> None:
        self.services.attachments.put(level, self.ids[level], name, data, None)
        self.expected[level][2][name] = data

    @rule(level=levels, name=names)
    def detach(self, level: Level, name: str) -> None:
        self._remove(self.expected[level][2], name, self.services.attachments.delete, level)

    def _remove(self, there: dict[str, Any], name: str, remove: Callable[..., None], level: Level) -> None:
        if name in there:
            remove(level, self.ids[level], name, None)
            del there[name]
        else:
            with pytest.raises(UnknownResource):
                remove(level, self.ids[level], name, None)

    @rule(level=levels)
    def delete_and_store_again(self, level: Level) -> None:
        self.services.delete.delete(level, self.ids[level])
        self.create()

    @rule()
    def let_time_pass(self) -> None:
        self.world.settle()

    @invariant()
    def it_is_as_the_model_says(self) -> None:
        for level, (labels, values, files) in self.expected.items():
            id_ = self.ids[level]
            assert set(self.services.labels.of(level, id_)) == labels
            found = self.services.metadata.all(level, id_)
            shown = {name: value.decode(errors="replace") for name, value in values.items()}
            assert {name: text for name, text in found.items() if name.isdigit()} == shown
            for name, value in values.items():
                assert self.services.metadata.get(level, id_, name)[0] == value
            attached = self.services.attachments.all(level, id_).keys() - {"dicom"}
            assert attached == files.keys()
            for name, data in files.items():
                _, attachment = self.services.attachments.get(level, id_, name)
                assert self.services.attachments.data(attachment) == data
        in_use = {label for labels, _, _ in self.expected.values() for label in labels}
        assert self.services.labels.all() == sorted(in_use)

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.settle()
            found = problems(self.world)
            self._context.__exit__(None, None, None)
            assert found == []


Model.TestCase.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
TestModel = Model.TestCase


@pytest.mark.parametrize("level", LEVELS)
def test_of_two_writers_who_know_one_revision_one_wins(level: Level) -> None:
    with ThreadPoolExecutor(8) as pool, local_world(pool) as world:
        id_ = stored(world)[level]
        metadata = world.services.metadata
        known = metadata.put(level, id_, "1024", b"0", None)
        world.calls.contend()

        def write(number: int) -> bool:
            try:
                metadata.put(level, id_, "1024", b"%d" % number, known)
            except BadRevision:
                return False
            return True

        with ThreadPoolExecutor(4) as writers:
            assert sum(writers.map(write, range(1, 5))) == 1
        data, revision = metadata.get(level, id_, "1024")
        assert (revision.number, data) in {(1, b"%d" % number) for number in range(1, 5)}


def test_writers_of_different_things_all_win() -> None:
    with ThreadPoolExecutor(8) as pool, local_world(pool) as world:
        id_ = stored(world)[Level.STUDY]
        world.calls.contend()
        with ThreadPoolExecutor(4) as writers:
            list(writers.map(lambda n: world.services.labels.add(Level.STUDY, id_, f"l{n}"), range(8)))
        world.calls.reset()
        assert len(world.services.labels.of(Level.STUDY, id_)) == 8
        assert problems(world) == []


def annotate_all(world: World, ids: tuple[str, ...]) -> None:
    for level in LEVELS:
        world.services.labels.add(level, ids[level], "kept")
        world.services.metadata.put(level, ids[level], "1024", b"value", None)
        world.services.attachments.put(level, ids[level], "1024", b"body", None)


@pytest.mark.parametrize("level", LEVELS)
def test_a_delete_takes_everything_along_wherever_it_is_killed(level: Level) -> None:
    position = 0
    while True:
        with local_world() as world:
            ids = stored(world)
            annotate_all(world, ids)
            world.calls.reset()
            world.calls.kill_after(position)
            try:
                world.services.delete.delete(level, ids[level])
                is_done = True
            except Killed:
                is_done = False
            world.calls.reset()
            world.settle()
            world.settle()
            assert problems(world) == []
        if is_done:
            break
        position += 1
    assert position > 3


@pytest.mark.parametrize("position", range(8))
def test_a_killed_change_leaves_the_old_or_the_new(world: World, position: int) -> None:
    ids = stored(world)
    annotate_all(world, ids)
    world.calls.reset()
    world.calls.kill_after(position)
    with pytest.raises(Killed):
        world.services.attachments.put(Level.SERIES, ids[Level.SERIES], "1024", b"other", None)
    world.calls.reset()
    world.settle()
    _, attachment = world.services.attachments.get(Level.SERIES, ids[Level.SERIES], "1024")
    assert world.services.attachments.data(attachment) in (b"body", b"other")
    assert problems(world) == []


@pytest.mark.parametrize("position", [1, 2, 3])
def test_a_lost_answer_is_no_failure(world: World, position: int) -> None:
    id_ = stored(world)[Level.STUDY]
    world.calls.reset()
    world.calls.lose_answer(position, times=10)
    try:
        revision = world.services.metadata.put(Level.STUDY, id_, "1024", b"v", None)
        assert revision.number == 0
    except NacreError:
        pass
    world.calls.reset()
    world.settle()
    assert problems(world) == []


def test_an_overwritten_instance_loses_its_annotations() -> None:
    with local_world(overwrite_instances="Always") as world:
        ids = stored(world)
        annotate_all(world, ids)
        world.store(described())
        row = world.services.annotate.row(Level.INSTANCE, ids[Level.INSTANCE])
        assert row.annotations.version == 0
        assert world.services.labels.of(Level.SERIES, ids[Level.SERIES]) == ("kept",)
        world.settle()
        assert problems(world) == []


def test_bounds(world: World) -> None:
    id_ = stored(world)[Level.PATIENT]
    for number in range(MAXIMUM_LABELS):
        world.services.labels.add(Level.PATIENT, id_, f"l{number}")
    with pytest.raises(ParameterOutOfRange):
        world.services.labels.add(Level.PATIENT, id_, "more")
    with pytest.raises(PayloadTooLarge):
        world.services.metadata.put(Level.PATIENT, id_, "1024", b"x" * 200_000, None)
    for number in range(30):
        world.services.metadata.put(Level.PATIENT, id_, "1024", b"%d" % number, None)
    data, revision = world.services.metadata.get(Level.PATIENT, id_, "1024")
    assert (data, revision.number) == (b"29", 29)
    world.services.delete.delete(Level.PATIENT, id_)
    world.settle()
    assert problems(world) == []


def test_a_first_annotation_costs_four_calls_the_next_two_more_and_an_upload_none(world: World) -> None:
    id_ = stored(world)[Level.INSTANCE]
    world.calls.reset()
    world.services.metadata.put(Level.INSTANCE, id_, "1024", b"v", None)
    assert world.calls.names == ["GetItem", "UpdateItem", "PutObject", "TransactWriteItems"]
    world.calls.reset()
    world.services.labels.add(Level.INSTANCE, id_, "a")
    removal = ["DeleteObjects", "DeleteItem"]
    assert world.calls.names == ["GetItem", "PutObject", "TransactWriteItems", *removal]
    world.calls.reset()
    world.services.labels.add(Level.INSTANCE, id_, "a")
    assert world.calls.names == ["GetItem"]
    world.calls.reset()
    world.services.attachments.put(Level.INSTANCE, id_, "1024", b"x", None)
    assert world.calls.names == [
        *("GetItem", "PutObject"),
        *("GetItem", "UpdateItem", "PutObject", "TransactWriteItems"),
        *removal,
    ]
    world.calls.reset()
    world.store(described(instance="2"))
    assert len(world.calls.names) == 4


def test_a_removal_that_fails_fails_no_change_and_is_made_up_for(world: World) -> None:
    id_ = stored(world)[Level.STUDY]
    world.services.attachments.put(Level.STUDY, id_, "1024", b"secret", None)
    body = world.services.attachments.get(Level.STUDY, id_, "1024")[1].key

    world.calls.reset()
    world.calls.throttle(4, times=ALWAYS)
    world.services.attachments.delete(Level.STUDY, id_, "1024", None)
    assert world.calls.names[-1] == "DeleteObjects"
    world.calls.reset()
    assert world.services.attachments.all(Level.STUDY, id_) == {}
    assert body in objects(world)
    world.settle()
    assert body not in objects(world)
    assert problems(world) == []


def test_a_copy_that_cannot_be_stored_holds_no_reader_of_the_changes_up(world: World) -> None:
    id_ = stored(world)[Level.STUDY]
    world.calls.reset()
    world.calls.throttle(2, times=ALWAYS)
    with pytest.raises(NacreError):
        world.services.metadata.put(Level.STUDY, id_, "1024", b"v", None)
    assert "PutObject" in world.calls.names
    world.calls.reset()
    world.services.metadata.put(Level.STUDY, id_, "1024", b"v", None)
    changes = world.services.changes.page(0, 100).changes
    assert changes[-1].type == "UpdatedMetadata"
    assert problems(world) == []
