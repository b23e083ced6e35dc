"""What operations ask of AWS, measured on the real code over the emulator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.costs.operations import ITEM_OVERHEAD_BYTES, Kept, Operation
from infra.load.units import item_size
from tests.benchmarks.capacity import usage
from tests.benchmarks.images import LARGE, SMALL, image
from tests.support.world import World
from tests.upload.inbox_world import put

S3_CALLS = {"PutObject", "CopyObject", "ListObjectsV2", "GetObject", "DeleteObject", "DeleteObjects"}


@dataclass(frozen=True)
class Measured:
    """What some calls used, all in all."""

    dynamodb_calls: int
    read_units: float
    write_units: float
    s3_puts: int
    s3_gets: int
    names: tuple[str, ...]


def measure(world: World, run: Callable[[], Any]) -> Measured:
    """Run something and count."""
    world.calls.reset()
    run()
    names = tuple(world.calls.names)
    used = usage(list(world.calls.requests), list(world.calls.answers))
    world.calls.reset()
    dynamodb = sum(name not in S3_CALLS for name in names)
    return Measured(dynamodb, used.read_units, used.write_units, used.s3_puts, used.s3_gets, names)


def upload(world: World, number: int, series: int = 0, study: int = 0, patient: int = 0) -> Measured:
    """Store an image as the API does."""
    return measure(world, lambda: world.services.ingest.store(image(LARGE, number, series, study, patient)))


def receive(world: World, number: int, folder: Path) -> Measured:
    """Store an image as the listener does."""
    path = folder / "image.dcm"
    path.write_bytes(image(LARGE, number))
    origin = {"RemoteIP": "10.0.0.1", "RemoteAET": "MODALITY", "CalledAET": "NACRE"}
    return measure(world, lambda: world.services.reception.store(path, origin))


def take(world: World, number: int) -> Measured:
    """Take an image in from the inbox."""
    key = put(world, "image.dcm", image(LARGE, number))
    return measure(world, lambda: world.services.inbox.take(key))


def fill(world: World, count: int, first: int, series: int = 0, study: int = 0, patient: int = 0) -> None:
    """Store small images of one series."""
    for number in range(first, first + count):
        world.services.ingest.store(image(SMALL, number, series, study, patient))


def kept(world: World) -> Counter[str]:
    """The bytes of each table's items, with their overhead."""
    found: Counter[str] = Counter()
    for table in ("index", "log"):
        for page in world.dynamodb.get_paginator("scan").paginate(TableName=getattr(world.resources, table)):
            found[table] += sum(item_size(item) + ITEM_OVERHEAD_BYTES for item in page["Items"])
    return found


def difference(after: Counter[str], before: Counter[str]) -> Kept:
    """What has come in between."""
    return Kept(after["index"] - before["index"], after["log"] - before["log"])


def of(found: Measured) -> Operation:
    """As the calculation has it, without times."""
    return Operation(found.dynamodb_calls, found.read_units, found.write_units, found.s3_puts, found.s3_gets)
