"""Sound files, damaged in many ways by dice that always fall alike, and files made to be hostile."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Literal

import pydicom

from tests.conformance.corpus import corpus
from tests.conformance.raw import UNDEFINED
from tests.robustness.hostile import Mutant, hostile

SOURCES = (
    "CT_small.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm",
    "MR_small_RLE.dcm",
    "JPEG2000.dcm",
    "SC_rgb_small_odd.dcm",
    "image_dfl.dcm",
    "nested_priv_SQ.dcm",
    "no_meta.dcm",
    "reportsi.dcm",
)
EXTREMES = (0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, UNDEFINED)


def source(name: str) -> bytes:
    """A sound file that pydicom ships."""
    return corpus()[f"shipped/test_files/{name}"]


def families() -> dict[str, Callable[[], Iterator[Mutant]]]:
    """All mutants by family."""
    kinds = {"cut off": _cut, "flipped": _flipped, "lengths": _lengths, "spliced": _spliced}
    mutated = {
        f"{kind} {name}": lambda mutate=mutate, name=name: mutate(source(name), random.Random(name))
        for name in SOURCES
        for kind, mutate in kinds.items()
    }
    return {**mutated, **hostile()}


def _cut(data: bytes, dice: random.Random) -> Iterator[Mutant]:
    ends = [1, 131, 132, 133, 140, len(data) - 1, *(dice.randrange(144, len(data)) for _ in range(5))]
    for end in ends:
        yield f"cut off at {end}", data[:end]


def _flipped(data: bytes, dice: random.Random) -> Iterator[Mutant]:
    """Some bits the other way round, half of the times close to the beginning."""
    for turn in range(8):
        spoiled = bytearray(data)
        places = [
            dice.randrange(128, min(len(data), 1500 if turn % 2 else len(data)))
            for _ in range(1 << turn // 2)
        ]
        for place in places:
            spoiled[place] ^= 1 << dice.randrange(8)
        yield f"flipped in {places}", bytes(spoiled)


def _lengths(data: bytes, dice: random.Random) -> Iterator[Mutant]:
    """The lengths of some elements replaced, where they stand in the file."""
    dataset = pydicom.dcmread(BytesIO(data), force=True)
    values = [element.value_tell for element in dataset._dict.values() if hasattr(element, "value_tell")]
    order: Literal["little", "big"] = "little" if dataset.original_encoding[1] else "big"
    for place in dice.sample(values, min(len(values), 5)):
        for width, extreme in ((2, dice.choice(EXTREMES[:4])), (4, dice.choice(EXTREMES[4:]))):
            lying = extreme.to_bytes(width, order)
            yield f"length {extreme:#x} at {place}", data[: place - width] + lying + data[place:]


def _spliced(data: bytes, dice: random.Random) -> Iterator[Mutant]:
    """A piece left out, repeated, or replaced by noise."""
    for _ in range(3):
        start = dice.randrange(128, len(data))
        end = start + dice.choice((1, 2, 8, 64, 512))
        yield f"without {start} to {end}", data[:start] + data[end:]
        yield f"{start} to {end} again", data[:end] + data[start:]
        yield f"noise at {start} to {end}", data[:start] + dice.randbytes(end - start) + data[end:]
