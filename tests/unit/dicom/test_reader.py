"""Where the parts of a file are, read from the whole of it or from its beginning."""

import struct
import zlib
from io import BytesIO

import pytest

from chalicelib.dicom import reader
from chalicelib.dicom.reader import read_header
from chalicelib.domain.errors import BadFileFormat, Unavailable
from tests.conformance import raw
from tests.conformance.raw import BIG, DEFLATED, IMPLICIT, LITTLE, UNDEFINED, Element, encode, numbers, text
from tests.unit.dicom.build import (
    PIXELS,
    PLAIN,
    PREAMBLE,
    RLE,
    SEQUENCE,
    SEQUENCE_END,
    dicom,
    fragments,
    head,
    mark,
    meta,
)

ROWS = [numbers(0x00280010, "US", [2]), numbers(0x00280011, "US", [3]), numbers(0x00280100, "US", [16])]
FRAMES = text(0x00280008, "IS", "2")
SEQUENCES = [
    Element(SEQUENCE, "SQ", [[text(0x00081150, "UI", "1.2")], []], undefined_length=True),
    Element(0x00081115, "SQ", [[text(0x00081150, "UI", "1.2")]]),
]


def encapsulated(*parts, table=b"", elements=()):
    value = mark(0xFFFEE000, len(table), table) + fragments(*parts)[8:] + mark(SEQUENCE_END)
    return dicom(*elements, syntax=RLE, tail=head(PIXELS, "OB", UNDEFINED, value))


def native(*elements, syntax=LITTLE, pixels=bytes(24)):
    order = ">" if syntax == BIG else "<"
    rows = [Element(e.tag, "US", struct.pack(f"{order}H", *struct.unpack("<H", e.value))) for e in ROWS]
    return dicom(*rows, *elements, Element(PIXELS, "OW", pixels), syntax=syntax)


@pytest.mark.parametrize("syntax", [IMPLICIT, LITTLE, BIG])
def test_the_offsets_of_native_pixel_data(syntax):
    data = native(*SEQUENCES, FRAMES, syntax=syntax)
    header = read_header(data, len(data))
    assert header.transfer_syntax == syntax
    assert header.pixel_data_offset_bytes == header.header_length_bytes == len(data) - 24
    assert header.pixel_data_tag_bytes == len(data) - 24 - (8 if syntax == IMPLICIT else 12)
    assert header.first_frame_end_bytes == len(data) - 12
    assert (header.pixel_data_vr, header.pixel_data_tag) == ("OW", PIXELS)
    assert header.pixel_data_length_bytes == 24
    assert header.pixel_data == b""


@pytest.mark.parametrize(
    "data",
    [
        native(*SEQUENCES),
        native(*SEQUENCES, syntax=IMPLICIT),
        encapsulated(b"abcd", b"ef", elements=SEQUENCES),
        dicom(*SEQUENCES),
        raw.dicom(SEQUENCES, DEFLATED),
    ],
)
def test_the_beginning_of_a_file_is_enough(data):
    whole = read_header(data, len(data))
    part = read_header(BytesIO(data[: whole.header_length_bytes]), len(data))
    assert list(part.dataset.values()) == list(whole.dataset.values())
    assert part.header_length_bytes == whole.header_length_bytes
    assert part.pixel_data_offset_bytes == whole.pixel_data_offset_bytes
    with pytest.raises(BadFileFormat):
        read_header(data[: whole.header_length_bytes - 1], len(data))


def test_elements_are_left_as_they_are_in_the_file():
    data = native(*SEQUENCES)
    assert all(element.is_raw for element in read_header(data, len(data)).dataset.values())


@pytest.mark.parametrize(
    ("elements", "pixels", "length"),
    [([], 24, 24), ([FRAMES], 24, 12), ([FRAMES], 10, 10), ([text(0x00280008, "IS", "x")], 24, 12)],
)
def test_the_end_of_the_first_native_frame(elements, pixels, length):
    data = native(*elements, pixels=bytes(pixels))
    assert read_header(data, len(data)).first_frame_end_bytes == len(data) - pixels + length


@pytest.mark.parametrize(
    ("table", "end"),
    [
        (b"", 8 + 12),
        (struct.pack("<I", 0), 8 + 4 + 12),
        (struct.pack("<II", 0, 22), 8 + 8 + 22),
        (struct.pack("<II", 0, 1000), None),
        (struct.pack("<II", 0, 0), None),
    ],
)
def test_the_end_of_the_first_encapsulated_frame(table, end):
    data = encapsulated(b"abcd", b"ef", b"ghij", table=table, elements=[FRAMES])
    header = read_header(data, len(data))
    assert header.first_frame_end_bytes == (end and header.pixel_data_offset_bytes + end)
    assert header.pixel_data_length_bytes is None


def test_a_single_encapsulated_frame_ends_with_the_file():
    data = encapsulated(b"abcd", b"ef")
    assert read_header(data, len(data)).first_frame_end_bytes is None


def test_a_deflated_file_is_all_header():
    data = raw.dicom([*ROWS, Element(PIXELS, "OW", b"abcdefgh")], DEFLATED)
    header = read_header(data, len(data))
    assert header.header_length_bytes == len(data)
    assert header.pixel_data_offset_bytes is None
    assert header.pixel_data == b"abcdefgh"
    assert header.dataset.Rows == 2


def test_a_deflated_file_does_not_inflate_without_bound(monkeypatch):
    monkeypatch.setattr(reader, "MAX_INFLATED_BYTES", 10_000)
    for length in (5_000, 20_000):
        deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        body = encode([*PLAIN, Element(0x00420011, "OB", bytes(length))])
        data = PREAMBLE + meta(DEFLATED) + deflate.compress(body) + deflate.flush()
        if length < 10_000:
            assert read_header(data, len(data)).dataset
        else:
            with pytest.raises(BadFileFormat):
                read_header(data, len(data))


@pytest.mark.parametrize("syntax", [LITTLE, BIG])
def test_the_first_of_two_elements_with_one_tag_counts(syntax):
    late = encode([text(0x00100010, "PN", "late")], syntax)
    data = dicom(text(0x00100010, "PN", "early"), syntax=syntax, tail=late)
    assert read_header(data, len(data)).dataset.PatientName == "early"


def test_the_position_of_the_source_does_not_matter():
    data = native()
    stream = BytesIO(data)
    stream.seek(77)
    assert read_header(stream, len(data)).header_length_bytes == len(data) - 24


class Failing(BytesIO):
    def read(self, size=-1):
        if self.tell() > 200:
            raise Unavailable
        return super().read(size)


def test_a_source_that_fails_is_not_taken_for_a_bad_file():
    data = native()
    with pytest.raises(Unavailable):
        read_header(Failing(data), len(data))


def test_pixel_data_is_not_read():
    class Counting(BytesIO):
        total = 0

        def read(self, size=-1):
            data = super().read(size)
            Counting.total += len(data)
            return data

    data = native(pixels=bytes(1_000_000))
    read_header(Counting(data), len(data))
    assert Counting.total < 1000
