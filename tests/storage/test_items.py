"""Rows of the index: what is written comes back, from what older versions wrote too, and costs what it has to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.domain.levels import Level
from chalicelib.storage.dynamodb.index import Index
from chalicelib.storage.dynamodb.items import document, from_instance, packed, to_instance, unpacked
from chalicelib.storage.dynamodb.keys import Keys
from chalicelib.storage.dynamodb.table import Table
from infra.load.arrivals import KINDS, Kind, describe
from infra.load.simulation import ORIGIN
from infra.load.units import WRITE_UNIT_BYTES, item_size
from tests.support.local_world import local_world
from tests.support.world import World, described

VALUES = [
    {},
    {"PatientName": "Müller^Jörg\x00", "x": None, "at": 1.5},
    ["a" * 100_000],
    '\\"\n',
    {"d": "é" * 500},
]


def index_of(world: World) -> Index:
    return Index(Table(world.dynamodb, world.resources.index), Keys("default"))


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_what_is_packed_comes_back(value: object) -> None:
    assert unpacked(packed(value)) == unpacked(document(value)) == value


def test_a_row_as_older_versions_wrote_it_says_the_same_and_is_deleted_as_any() -> None:
    with local_world() as world:
        world.store(described())
        identifier = described().identifiers[Level.INSTANCE]
        index = index_of(world)
        instance = index.instance(identifier)
        assert instance is not None
        row = from_instance(index.keys, instance)
        old = row | {"d": document(unpacked(row["d"]))}
        assert "S" in old["d"]
        index.table.put(old)
        assert index.instance(identifier) == to_instance(old) == instance
        world.services.delete.delete(Level.INSTANCE, identifier)
        assert index.instance(identifier) is None


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.modality)
def test_an_instance_s_row_is_one_write_unit_with_room_for_more(kind: Kind) -> None:
    """With texts as scanners write them, and a hundred characters that say nothing twice."""
    description = describe("P1", "1.2.840.113619.2.55.3.604688119.1.7", 1, 1, kind)
    with local_world() as world:
        description = replace(description, md5="d41d8cd98f00b204e9800998ecf8427e")
        world.services.ingest.place(
            description, lambda key: world.services.files.put(key, b"", description.md5), ORIGIN
        )
        index = index_of(world)
        instance = index.instance(description.identifiers[Level.INSTANCE])
        assert instance is not None
        told = {"ImageComments": "".join(chr(33 + 37 * n % 94) for n in range(100))}
        row = from_instance(index.keys, replace(instance, tags=instance.tags | told))
        assert item_size(row) < WRITE_UNIT_BYTES
