"""A store to be searched."""

from __future__ import annotations

from typing import Any

from chalicelib.domain.levels import Level
from chalicelib.services.find.query import Query, constraints_of
from tests.conformance.raw import dicom, text
from tests.support.world import World

NAMES = ("Doe^John", "doe^jane", "Müller^Jürgen", "", " Doe", "Zed\\Zack", "x" * 1200)
DATES = ("20200101", "20200615", "", "20211231")


def fill(world: World, studies: int) -> None:
    for number in range(studies):
        uid = f"1.2.{number}"
        elements = [
            text(0x00080018, "UI", f"{uid}.1.1"),
            text(0x00080020, "DA", DATES[number % len(DATES)]),
            text(0x00080050, "SH", f"ACC{number}"),
            text(0x00080060, "CS", "CT" if number % 2 else "MR"),
            text(0x00100010, "PN", NAMES[number // 2 % len(NAMES)]),
            text(0x00100020, "LO", f"P{number // 2}"),
            text(0x0020000D, "UI", uid),
            text(0x0020000E, "UI", f"{uid}.1"),
        ]
        world.services.ingest.store(dicom(elements))


def find(world: World, level: Level, values: dict[str, str], **more: Any) -> list[str]:
    query = Query(level, constraints_of(values, case_sensitive=False), **more)
    return list(world.services.find.find(query))
