"""The check finds every drift, names it, and mends what can be mended without a loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chalicelib.domain.levels import Level
from chalicelib.services.check.files import YOUNG_SECONDS
from chalicelib.services.check.findings import Finding, Kind
from tests.maintenance.damage import items, remove
from tests.maintenance.test_rebuild import file, fill, shown
from tests.support.checker import problems
from tests.support.local_world import local_world
from tests.support.world import World

Damage = Callable[[World], None]


@pytest.fixture
def world() -> Iterator[World]:
    with local_world() as made:
        fill(made)
        study = made.services.ingest.store(file(0)).identifiers[Level.STUDY]
        made.services.labels.add(Level.STUDY, study, "urgent")
        made.services.sweeper.run(10)
        made.clock.advance(YOUNG_SECONDS + 1)
        yield made


def check(world: World, **options: Any) -> list[Finding]:
    return list(world.services.checker.run(**options))


def kinds(findings: list[Finding]) -> set[Kind]:
    return {finding.kind for finding in findings}


def kept(world: World) -> list[str]:
    """The index, but for what every sweep writes."""
    return sorted(str(item) for item in items(world) if not item["pk"]["S"].endswith(("#stats", "#orphans")))


def lose(kind: str, sort: str = "") -> Damage:
    """Lose the first item of a kind."""

    def damage(world: World) -> None:
        found = [
            item
            for item in items(world)
            if item["pk"]["S"].split("#")[1] == kind and item["sk"]["S"].startswith(sort)
        ]
        remove(world, found[0])

    return damage


def stray(kind: str) -> Damage:
    """An item that leads to nothing."""

    def damage(world: World) -> None:
        for item in items(world):
            if item["pk"]["S"].split("#")[1] == kind:
                nobody = "0" * 8 + "-" + "-".join(["1" * 8] * 4)
                separator = "\0" if kind == "x" else "#"
                head = item["sk"]["S"].rpartition(separator)[0]
                sort = f"{head}{separator}{nobody}" if head else nobody
                world.dynamodb.put_item(TableName=world.resources.index, Item={**item, "sk": {"S": sort}})
                return

    return damage


def wrong_edge(world: World) -> None:
    for item in items(world):
        if item["sk"]["S"].startswith("c#") and "f" in item:
            world.dynamodb.put_item(TableName=world.resources.index, Item={**item, "f": {"S": "elsewhere"}})
            return


def wrong_counts(world: World) -> None:
    for item in items(world):
        if item["pk"]["S"].endswith("#stats"):
            remove(world, item)
            document = {**item, "d": {"S": item["d"]["S"].replace("[1", "[7", 1).replace(", 1", ", 5", 1)}}
            document["d"]["S"] = document["d"]["S"].replace('"size":', '"size":9', 1)
            world.dynamodb.put_item(TableName=world.resources.index, Item=document)


MENDABLE: dict[str, tuple[Damage, Kind]] = {
    "an instance's row": (lose("i"), Kind.FILE_WITHOUT_ENTRY),
    "a row": (lose("r", "!"), Kind.WITHOUT_PARENT),
    "an edge": (lose("r", "c#"), Kind.MISSING_ITEM),
    "a listing": (lose("l"), Kind.MISSING_ITEM),
    "a UID": (lose("u"), Kind.MISSING_ITEM),
    "a text": (lose("x"), Kind.MISSING_ITEM),
    "a label": (lose("label"), Kind.MISSING_ITEM),
    "a stray listing": (stray("l"), Kind.STRAY_ITEM),
    "a stray UID": (stray("u"), Kind.STRAY_ITEM),
    "a stray text": (stray("x"), Kind.STRAY_ITEM),
    "a stray label": (stray("label"), Kind.STRAY_ITEM),
    "an edge to another file": (wrong_edge, Kind.MISSING_ITEM),
    "the statistics": (wrong_counts, Kind.STATISTICS),
}


def test_a_sound_store_has_no_findings(world: World) -> None:
    assert problems(world) == []
    assert check(world, verify=True) == []


@pytest.mark.parametrize("name", MENDABLE)
def test_drift_is_found_and_mended(world: World, name: str) -> None:
    damage, kind = MENDABLE[name]
    before = shown(world)
    damage(world)
    state = kept(world)
    assert kind in kinds(check(world))
    assert kept(world) == state
    check(world, mend=True)
    assert check(world) == []
    assert shown(world) == before


def test_what_is_lost_is_told_and_stays_as_it_is(world: World) -> None:
    stored = world.services.reading.instance(world.services.ingest.store(file(0)).identifiers[Level.INSTANCE])
    other = world.services.reading.instance(world.services.ingest.store(file(1)).identifiers[Level.INSTANCE])
    same_size = world.services.reading.instance(
        world.services.ingest.store(file(2)).identifiers[Level.INSTANCE]
    )
    bucket = world.resources.files
    world.s3.delete_object(Bucket=bucket, Key=stored.file.key)
    world.s3.put_object(Bucket=bucket, Key=other.file.key, Body=b"other")
    spoiled = b"?" * same_size.file.size
    world.s3.put_object(Bucket=bucket, Key=same_size.file.key, Body=spoiled)
    world.s3.put_object(Bucket=bucket, Key="default/files/notes.txt", Body=b"by a person")
    found = check(world, mend=True, verify=True)
    assert set(found) == {
        Finding(Kind.LOST_FILE, stored.file.key),
        Finding(Kind.OTHER_SIZE, other.file.key),
        Finding(Kind.OTHER_CONTENT, same_size.file.key),
        Finding(Kind.FOREIGN_FILE, "default/files/notes.txt"),
    }
    assert world.services.reading.instance(stored.id) == stored


def test_files_of_uploads_that_go_on_are_left_alone(world: World) -> None:
    name = world.services.files.name(
        "0" * 8 + "-" + "-".join(["1" * 8] * 4), "00000000-0000-0000-0000-000000000001", 0
    )
    world.s3.put_object(Bucket=world.resources.files, Key=name.key, Body=b"x")
    world.clock.now = world.s3.head_object(Bucket=world.resources.files, Key=name.key)[
        "LastModified"
    ].timestamp()
    assert check(world) == []
