"""Malformed input: a refusal or an answer, never another exception, never much time or memory."""

import time
import tracemalloc
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.dicom.dictionary import STANDARD
from chalicelib.dicom.reader import read_header
from chalicelib.dicom.scanner import MAXIMUM_DEPTH, Scanner
from chalicelib.dicom.tags_json import read_tags, tags_reader
from chalicelib.domain.errors import BadFileFormat, BadParameterType, InexistentTag
from chalicelib.services.description import describe
from tests.conformance.raw import BIG, DEFLATED, IMPLICIT, LITTLE, UNDEFINED, Element, numbers, text
from tests.conformance.raw import dicom as sound
from tests.unit.dicom.build import ITEM, PIXELS, RLE, SEQUENCE, dicom, fragments, head, mark, nested

pytestmark = pytest.mark.filterwarnings("ignore:::pydicom")

REFUSALS = (BadFileFormat, BadParameterType, InexistentTag)
SEQUENCES = [
    Element(SEQUENCE, "SQ", [[text(0x00081150, "UI", "1.2"), Element(0x00081199, "SQ", [[]], True)]], True),
    Element(0x00400275, "SQ", [[text(0x00400009, "SH", "a"), Element(0x00081199, "SQ", [[]])], []]),
    text(0x00090010, "LO", "ACME"),
    Element(0x00091002, "UN", b"text or bytes?"),
]
IMAGE = [Element(PIXELS, "OW", bytes(16)), text(0x00280008, "IS", "2")]
FILES = [
    *(
        sound([*SEQUENCES, numbers(0x00280010, "US", [2], syntax), *IMAGE], syntax)
        for syntax in (LITTLE, BIG)
    ),
    sound([*SEQUENCES, *IMAGE], IMPLICIT),
    sound([*SEQUENCES, *IMAGE], DEFLATED),
    sound(SEQUENCES, LITTLE, preamble=False),
    dicom(*SEQUENCES, syntax=RLE, tail=head(PIXELS, "OB", UNDEFINED, fragments(b"abcd") + mark(0xFFFEE0DD))),
    (Path(pydicom.__file__).parent / "data" / "test_files" / "reportsi.dcm").read_bytes(),
]
LENGTHS = (
    b"\xff\xff\xff\xff",
    b"\xfe\xff\xff\xff",
    b"\0\0\0\x80",
    b"\0\0\0\0",
    b"\1\0\0\0",
    b"\xff\xff",
    b"\xff\x7f",
)
MARKS = (mark(ITEM), mark(ITEM, UNDEFINED), mark(0xFFFEE00D), mark(0xFFFEE0DD))
PIECES = st.sampled_from([*MARKS, *LENGTHS, b"SQ", b"UN"])


def try_to_index(data):
    """Index a file, and what was taken in, show."""
    try:
        describe(data, len(data), "", "Latin1")
    except REFUSALS:
        return False
    header = read_header(data, len(data))
    part = read_header(BytesIO(data[: header.header_length_bytes]), len(data))
    assert part.dataset.keys() == header.dataset.keys()
    with suppress(BadFileFormat):
        read_tags(header, tags_reader(header, "Latin1", STANDARD))
    return True


@st.composite
def mutated(draw):
    """A sound file, cut off, or with some bytes changed, left out or put in."""
    data = bytearray(draw(st.sampled_from(FILES)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        change = draw(st.sampled_from(["flip", "length", "insert", "leave out", "repeat", "cut"]))
        if change == "flip" and at < len(data):
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif change == "length":
            piece = draw(st.sampled_from(LENGTHS))
            data[at : at + len(piece)] = piece
        elif change == "insert":
            data[at:at] = draw(PIECES | st.binary(max_size=8))
        elif change == "leave out":
            del data[at : at + draw(st.integers(1, 16))]
        elif change == "repeat":
            data[at:at] = data[at : at + draw(st.integers(1, 64))]
        elif change == "cut":
            del data[at:]
    return bytes(data)


@settings(max_examples=400, deadline=2000)
@given(mutated())
def test_mutated_files_are_indexed_or_refused(data):
    try_to_index(data)


@settings(max_examples=200, deadline=1000)
@given(
    st.binary(max_size=400), st.sampled_from([b"", bytes(128) + b"DICM", bytes(128) + b"DICM\2\0\0\0UL\4\0"])
)
def test_random_bytes_are_indexed_or_refused(data, start):
    try_to_index(start + data)


@pytest.mark.parametrize("data", FILES)
def test_every_cut_is_indexed_or_refused(data):
    taken = [length for length in range(min(len(data), 2000)) if try_to_index(data[:length])]
    assert len(taken) < 40  # only those between two elements behind the UIDs


@pytest.mark.parametrize("undefined", [True, False])
def test_nesting_is_bounded(undefined):
    deepest = dicom(tail=nested(MAXIMUM_DEPTH, undefined=undefined))
    header = read_header(deepest, len(deepest))
    assert read_tags(header, tags_reader(header, "Latin1", STANDARD))
    for depth in (MAXIMUM_DEPTH + 1, 1000, 5000):
        data = dicom(tail=nested(depth, undefined=undefined))
        started = time.process_time()
        with pytest.raises(BadFileFormat):
            read_header(data, len(data))
        assert time.process_time() - started < 0.5


@pytest.mark.parametrize("vr", ["OB", "UT", "SQ", "UN"])
@pytest.mark.parametrize("length", [0x7FFFFFFF, 0xFFFFFFFE])
def test_absurd_lengths_allocate_nothing(vr, length):
    for data in (
        dicom(tail=head(0x00091001, vr, length, b"abcd")),
        dicom(tail=head(PIXELS, vr, length, b"abcd")),
    ):
        tracemalloc.start()
        try:
            with pytest.raises(BadFileFormat):
                read_header(data, len(data))
            assert tracemalloc.get_traced_memory()[1] < 200_000
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize(
    "tail",
    [
        head(SEQUENCE, "SQ", UNDEFINED, mark(ITEM) * 100_000 + mark(0xFFFEE0DD)),
        head(SEQUENCE, "SQ", UNDEFINED, mark(ITEM, UNDEFINED) * 100_000),
        head(PIXELS, "OB", UNDEFINED, mark(ITEM) * 100_000 + mark(0xFFFEE0DD)),
        head(0x00091001, "LO", 0) * 100_000,
        mark(0xFFFEE00D) * 100_000,
    ],
)
def test_many_small_parts_take_time_in_proportion(tail):
    started = time.process_time()
    try_to_index(dicom(tail=tail))
    assert time.process_time() - started < 5


def test_elements_without_end_are_not_gone_through() -> None:
    """A file of zeros is one of empty elements, eight bytes each: two gigabytes would take all of Lambda's time."""
    data = bytes(8 * 100)
    for maximum, refused in ((99, True), (100, False)):
        scanner = Scanner(
            BytesIO(data), len(data), is_implicit=True, is_little_endian=True, maximum_elements=maximum
        )
        with pytest.raises(BadFileFormat, match="too many") if refused else suppress(BadFileFormat):
            assert len(list(scanner.elements())) == 100


def test_elements_in_sequences_count_as_well() -> None:
    data = sound(
        [Element(SEQUENCE, "SQ", [[text(0x00081150, "UI", "1.2")] for _ in range(100)], True)], LITTLE
    )
    start = data.index(b"\x08\x00\x50\x11") - 20
    scanner = Scanner(
        BytesIO(data[start:]),
        len(data) - start,
        is_implicit=False,
        is_little_endian=True,
        maximum_elements=99,
    )
    with pytest.raises(BadFileFormat, match="too many"):
        list(scanner.elements())
