"""Paths into files; the expected answers are Orthanc 1.12.7's."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.dicom import pixel_data as module
from chalicelib.dicom.content import native_value
from chalicelib.dicom.dictionary import STANDARD
from chalicelib.dicom.file_content import find_file_content
from chalicelib.dicom.pixel_data import PixelData
from chalicelib.dicom.reader import read_header
from chalicelib.domain.errors import (
    AbsentElement,
    BadFileFormat,
    NacreError,
    PayloadTooLarge,
    UnknownDicomTag,
)
from tests.conformance.raw import BIG, DEFLATED, IMPLICIT, LITTLE, Element, dicom, numbers, text

DELIMITER = struct.pack("<II", 0xE0DDFFFE, 0)
JPEG = "1.2.840.10008.1.2.4.50"
ITEM = [text(0x00081150, "UI", "1.2"), text(0x00090010, "LO", "ACME"), text(0x00091001, "LO", "hi")]
TREE = [
    Element(0x00081115, "SQ", [ITEM, [], [Element(0x00081140, "SQ", [ITEM], undefined_length=True)]]),
    Element(0x00081140, "SQ", []),
    Element(0x7FE00010, "OW", b"abcdefgh"),
]


class Bytes:
    """A file that remembers what was read of it."""

    def __init__(self, data):
        self.data = data
        self.reads = []

    def __call__(self, start, end):
        self.reads.append((start, end))
        return self.data[start:end]


def find(data, path="", maximum=1000, file=None):
    header = read_header(data, len(data))
    pixels = PixelData(header, len(data), file or Bytes(data), maximum) if header.pixel_data_tag else None
    return find_file_content(header, pixels, [part for part in path.split("/") if part], STANDARD)


def encapsulated(*fragments, after=b""):
    """A JPEG file with an empty offset table and fragments."""
    value = b"".join(struct.pack("<II", 0xE000FFFE, len(part)) + part for part in (b"", *fragments))
    head = struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OB", 0, 0xFFFFFFFF)
    return dicom([], JPEG) + head + value + DELIMITER + after


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("0008-1115", ["0", "1", "2"]),
        ("ReferencedSeriesSequence", ["0", "1", "2"]),
        ("0008-1115/0", ["0008-1150", "0009-0010", "0009-1001"]),
        ("0008-1115/1", []),
        ("0008-1115/2", ["0008-1140"]),
        ("0008-1115/2/0008-1140/0/0009-1001", b"hi"),
        ("0008-1115/00/00081150", b"1.2\0"),
        ("0008-1140", []),
        ("7fe0-0010", ["0"]),
        ("7fe0-0010/0", b"abcdefgh"),
    ],
)
def test_what_lies_at_a_path(path, expected):
    assert find(dicom(TREE), path) == expected


def test_the_tags_of_the_dataset():
    expected = ["0008-0016", "0008-0018", "0008-0060", "0008-1115", "0008-1140"]
    expected += ["0010-0010", "0010-0020", "0020-000d", "0020-000e", "7fe0-0010"]
    assert find(dicom(TREE)) == expected
    assert find(dicom([]))[-1] == "0020-000e"


@pytest.mark.parametrize(
    "path",
    [
        "0010-4000", "0010-4000/x", "0010-0020/0", "0008-1115/3", "0008-1115/-1", "0008-1115/x", "0008-1115/²",
        "0008-1115/99999999999", "0008-1115/1/0008-1150", "0008-1140/0", "7fe0-0010/1", "7fe0-0010/0/0",
        "0002-0010",
    ],
)  # fmt: skip
def test_what_is_not_there(path):
    with pytest.raises(AbsentElement):
        find(dicom(TREE), path)


@pytest.mark.parametrize("path", ["foo", "foo/0", "0008-1115/0/foo", "8-18"])
def test_what_is_no_tag(path):
    with pytest.raises(UnknownDicomTag):
        find(dicom(TREE), path)


@pytest.mark.parametrize(
    ("vr", "value", "expected"),
    [
        ("LO", b"a b ", b"a b "),
        ("LO", b"a   ", b"a "),
        ("LO", b"    ", b""),
        ("LO", b"a  \0", b"a  \0"),
        ("LO", b"abc", b"abc\0"),
        ("LO", b"ab ", b"ab \0"),
        ("UI", b"1.2.3 ", b"1.2.3\0"),
        ("UI", b" 1.2", b"1.2\0"),
        ("UI", b"1.\0", b"1."),
        ("OB", b"abc", b"abc\0"),
        ("UN", b"a  ", b"a  \0"),
    ],
)
def test_values_as_orthanc_pads_them(vr, value, expected):
    assert native_value(vr, value, True) == expected


@pytest.mark.parametrize(
    ("vr", "expected"),
    [("US", b"badcfehg"), ("OW", b"badcfehg"), ("AT", b"badcfehg"), ("FL", b"dcbahgfe"), ("FD", b"hgfedcba"),
     ("OB", b"abcdefgh"), ("UN", b"abcdefgh"), ("LO", b"abcdefgh")],
)  # fmt: skip
def test_words_of_big_endian_files_are_turned(vr, expected):
    assert native_value(vr, b"abcdefgh", False) == expected
    assert native_value(vr, expected, True) == expected


def test_big_endian_pixels_are_turned():
    assert find(dicom([Element(0x7FE00010, "OW", b"abcd")], BIG), "7fe0-0010/0") == b"badc"


def test_a_private_sequence_of_implicit_vr_is_known_by_its_creator():
    item = [text(0x00080060, "CS", "MR")]
    creator = text(0x20010010, "LO", "Philips Imaging DD 001")
    data = dicom([creator, Element(0x2001105F, "SQ", [item])], IMPLICIT)
    assert find(data, "2001-105f/0/0008-0060") == b"MR"
    assert isinstance(find(dicom([Element(0x2001105F, "SQ", [item])], IMPLICIT), "2001-105f"), bytes)


def test_floating_point_pixel_data_is_a_value():
    data = dicom([numbers(0x7FE00008, "FL", [1.5])])
    data = data.replace(b"\x08\0FL\4\0", b"\x08\0OF\0\0\4\0\0\0")
    assert find(data, "7fe0-0008") == struct.pack("<f", 1.5)
    with pytest.raises(AbsentElement):
        find(data, "7fe0-0008/0")
    with pytest.raises(AbsentElement):
        find(data, "7fe0-0010")


@pytest.mark.parametrize("syntax", [LITTLE, BIG, IMPLICIT])
def test_what_follows_the_pixel_data(syntax):
    following = [text(0x7FE10010, "LO", "ACME"), Element(0xFFFCFFFC, "OB", b"\0\0")]
    data = dicom([*TREE, *following], syntax)
    assert find(data)[-3:] == ["7fe0-0010", "7fe1-0010", "fffc-fffc"]
    assert find(data, "7fe1-0010") == b"ACME"


def test_a_deflated_file_is_read_from_what_it_inflates_to():
    data = dicom([*TREE, text(0x7FE10010, "LO", "ACME")], DEFLATED)
    assert find(data, "7fe0-0010/0") == b"abcdefgh"
    assert find(data)[-1] == "7fe1-0010"


def test_fragments(monkeypatch):
    monkeypatch.setattr(module, "WINDOW_BYTES", 40)
    data = encapsulated(b"ab", b"c" * 100, b"de", after=b"\xe1\x7f\x10\0LO\4\0ACME")
    assert find(data, "7fe0-0010") == ["0", "1", "2", "3"]
    found = [find(data, f"7fe0-0010/{n}") for n in range(4)]
    assert found == [b"", b"ab", b"c" * 100, b"de"]
    assert find(data)[-2:] == ["7fe0-0010", "7fe1-0010"]
    assert find(data, "7fe1-0010") == b"ACME"


def test_the_tags_of_an_encapsulated_file_take_one_small_read():
    data = encapsulated(b"x" * 10_000)
    file = Bytes(data)
    assert find(data, file=file)[-1] == "7fe0-0010"
    assert file.reads == [(len(data) - 8, len(data))]


def test_pixel_data_is_not_read_for_other_elements():
    data = dicom(TREE)
    file = Bytes(data)
    assert find(data, "0008-1115/0/0009-1001", file=file) == b"hi"
    assert find(data, "7fe0-0010", file=file) == ["0"]
    assert file.reads == []


def test_large_values_are_refused_before_they_are_read():
    data = dicom([Element(0x7FE00010, "OW", b"x" * 1002)])
    file = Bytes(data)
    with pytest.raises(PayloadTooLarge):
        find(data, "7fe0-0010/0", file=file)
    assert file.reads == []


def _pixels(fragments: bytes):
    data = encapsulated(b"")
    header = read_header(data, len(data))
    start = header.pixel_data_offset_bytes
    return PixelData(header, start + len(fragments), Bytes(bytes(start) + fragments), 1000)


@pytest.mark.parametrize(
    "fragments",
    [
        b"",
        b"abc",
        struct.pack("<II", 0xE000FFFE, 10) + b"abc",
        struct.pack("<II", 0xE000FFFE, 0xFFFFFFFF),
        bytes(20),
    ],
)
def test_malformed_fragments_are_refused(fragments):
    with pytest.raises(BadFileFormat):
        assert _pixels(fragments).parts


def test_fragments_without_end_are_refused(monkeypatch):
    monkeypatch.setattr(module, "MAXIMUM_FRAGMENTS", 10)
    with pytest.raises(BadFileFormat):
        assert _pixels(struct.pack("<II", 0xE000FFFE, 0) * 11).parts


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=12), st.integers(8, 80))
def test_fragments_are_found_whatever_the_window(fragments, window):
    value = b"".join(struct.pack("<II", 0xE000FFFE, len(part)) + part for part in fragments)
    pixels = _pixels(value + DELIMITER)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "WINDOW_BYTES", window)
        found = [pixels.part(*part) for part in pixels.parts]
    assert found == [part + b"\0" * (len(part) % 2) for part in fragments]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(260, 700), st.binary(min_size=1, max_size=3)), min_size=1, max_size=4),
    st.sampled_from(["", "0008-1115/0", "0008-1115/2/0008-1140/0/0009-1001", "7fe0-0010/0", "7fe1-0010"]),
)
@pytest.mark.filterwarnings("ignore")
def test_mutated_files_are_answered_or_refused(changes, path):
    data = bytearray(dicom([*TREE, text(0x7FE10010, "LO", "ACME")]))
    for offset, value in changes:
        data[offset : offset + len(value)] = value
    try:
        found = find(bytes(data), path)
    except NacreError:
        return
    assert isinstance(found, list | bytes)
