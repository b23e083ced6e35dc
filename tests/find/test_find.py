"""Search agrees with a plain reading of the whole store."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.levels import Level
from chalicelib.services.find.query import constraints_of
from tests.find.store import fill, find
from tests.support.local_world import local_world
from tests.support.world import World

TEXTS = st.sampled_from(
    [
        "Doe*",
        "doe^JOHN",
        "MÜLLER*",
        "*",
        "*J*",
        "?",
        "Doe^John\\doe^jane",
        "",
        " Doe",
        "x*",
        "Zed*",
        "Zed\\Zack",
    ]
)
RANGES = st.sampled_from(["20200101", "-", "20200102-", "-20200101", "20200101-20201231", "", "2021-2020"])
PATIENTS = st.sampled_from(["P1", "p?", "P1*", "", "P1\\P2\\P3", "nobody"])


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with local_world() as made:
        fill(made, 40)
        yield made


@pytest.fixture(scope="module")
def everything(world: World) -> dict[Level, dict[str, dict[str, str]]]:
    return {level: _tags(world, level) for level in Level}


@settings(max_examples=100, deadline=None)
@given(
    level=st.sampled_from(list(Level)),
    name=TEXTS,
    date=RANGES,
    patient=PATIENTS,
    since=st.integers(0, 5),
    limit=st.integers(0, 9),
)
def test_every_source_gives_what_reading_the_whole_store_gives(
    world: World,
    everything: dict[Level, dict[str, dict[str, str]]],
    level: Level,
    name: str,
    date: str,
    patient: str,
    since: int,
    limit: int,
) -> None:
    values = {"PatientName": name, "PatientID": patient}
    if level is not Level.PATIENT:
        values["StudyDate"] = date
    constraints = constraints_of(values, case_sensitive=False)
    expected = [
        identifier
        for identifier, tags in everything[level].items()
        if all(c.condition.matches(tags.get(c.name)) for c in constraints)
    ]
    found = find(world, level, values)
    assert sorted(found) == sorted(expected)
    end = since + limit if limit else None
    assert find(world, level, values, since=since, limit=limit) == found[since:end]


def _tags(world: World, level: Level) -> dict[str, dict[str, str]]:
    """The tags of every resource of a level and of those above it."""
    browse = world.services.browse
    found = {}
    for identifier in world.services.listing.all(level):
        tags: dict[str, str] = {}
        for at in (a for a in Level if a <= level):
            node = browse.get(level, identifier) if at == level else browse.ancestor(level, identifier, at)
            tags |= node.tags if level is at is Level.INSTANCE else node.resource.tags
        found[identifier] = tags
    return found
