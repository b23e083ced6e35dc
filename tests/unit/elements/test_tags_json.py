"""Tags as JSON; the expected values are Orthanc 1.12.7's."""

import struct
from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.dicom.dictionary import STANDARD, Dictionary
from chalicelib.dicom.modules import MODULES, shared_tags
from chalicelib.dicom.reader import read_header
from chalicelib.dicom.scanner import MAXIMUM_DEPTH
from chalicelib.dicom.tags_json import in_format, read_file_meta, read_tags, tags_reader
from chalicelib.domain.errors import BadFileFormat
from chalicelib.domain.levels import Level
from chalicelib.domain.tag_format import TagFormat
from tests.conformance.raw import BIG, IMPLICIT, LITTLE, Element, dicom, numbers, text

CT = (Path(pydicom.__file__).parent / "data/test_files/CT_small.dcm").read_bytes()


def full(data, unlimited=(), only=None, dictionary=STANDARD):
    header = read_header(data, len(data))
    return read_tags(header, tags_reader(header, "Latin1", dictionary, unlimited), only=only)


def shown(vr, value, tag=0x00091001, syntax=LITTLE):
    """Type and value of an element in a block of nobody."""
    creator = text(0x00090010, "LO", "ACME")
    element = full(dicom([creator, Element(tag, vr, value)], syntax))[f"{tag >> 16:04x},{tag & 0xFFFF:04x}"]
    return element["Type"], element["Value"]


@pytest.mark.parametrize(
    ("vr", "value", "expected"),
    [
        ("LO", b"text  ", "text"),
        ("LO", b" a b ", " a b "),
        ("LO", b"a\0b ", "a"),
        ("LO", b"", ""),
        ("UI", b" 1.2 \0", "1.2"),
        ("DS", b" 1.50 \\ 2 ", " 1.50 \\ 2"),
        ("UT", b" a\r\nb ", " a\r\nb"),
        ("PN", b"\xe9^B=C ", "é^B=C"),
        ("US", struct.pack("<3H", 1, 2, 65535), "1\\2\\65535"),
        ("US", b"a", "97"),
        ("SS", struct.pack("<2h", -1, 5), "-1\\5"),
        ("UL", struct.pack("<I", 2**32 - 1), "4294967295"),
        ("UL", b"abcdef", "1684234849"),
        ("SL", struct.pack("<i", -5), "-5"),
        ("FL", struct.pack("<2f", 0.1, 1e20), "0.10000000149011612\\1.0000000200408773e+20"),
        ("FD", struct.pack("<3d", 1 / 3, 1e16, 1e17), "0.33333333333333331\\10000000000000000\\1e+17"),
        ("FD", struct.pack("<3d", float("inf"), float("nan"), -0.0), "inf\\nan\\-0"),
        ("AT", struct.pack("<4H", 0x7FE0, 0xAB, 0x18, 0x63), "7fe0,00ab"),
    ],
)
def test_values(vr, value, expected):
    assert shown(vr, value) == ("String", expected)


@pytest.mark.parametrize(
    ("vr", "value"),
    [
        ("OB", b"ab"), ("OW", b"ab"), ("OF", b"abcd"), ("OD", b"abcdefgh"), ("UN", b"abcd"), ("UN", b""),
        ("SV", b"abcdefgh"), ("UV", b"abcdefgh"), ("US", b""), ("FL", b"ab"), ("AT", b"ab"), ("FD", b"abcd"),
    ],
)  # fmt: skip
def test_what_is_binary_or_too_short_is_null(vr, value):
    assert shown(vr, value) == ("Null", None)


def test_numbers_of_big_endian_files():
    assert shown("US", b"\1\2", syntax=BIG) == ("String", "258")
    assert shown("FD", struct.pack(">d", 1.5), syntax=BIG) == ("String", "1.5")
    assert shown("AT", b"\0\x10\0\x20", syntax=BIG) == ("String", "0010,0020")


@pytest.mark.parametrize(
    ("value", "kind"), [(b"x" * 256, "String"), (b"x" * 257, "TooLong"), (b"\xe9" * 129, "TooLong")]
)
def test_a_text_of_more_than_256_bytes_in_utf8_is_left_out(value, kind):
    assert shown("LT", value)[0] == kind
    assert shown("LT", b"\xe9" * 128)[0] == "String"


@pytest.mark.parametrize(("vr", "size"), [("US", 2), ("UL", 4), ("FD", 8)])
def test_128_numbers_of_one_digit_fit(vr, size):
    assert shown(vr, bytes(128 * size)) == ("String", "\\".join(["0"] * 128))
    assert shown(vr, bytes(129 * size)) == ("TooLong", None)
    data = dicom([Element(0x00186058, vr, bytes(129 * size))])
    assert len(full(data, unlimited={0x00186058})["0018,6058"]["Value"]) == 257


def test_long_values_are_shown_when_asked_for():
    data = dicom([text(0x00104000, "LT", "x" * 300), text(0x001021B0, "LT", "y" * 300)])
    found = full(data, unlimited={0x00104000})
    assert found["0010,4000"]["Value"] == "x" * 300
    assert found["0010,21b0"] == {"Name": "AdditionalPatientHistory", "Type": "TooLong", "Value": None}


@pytest.mark.parametrize(
    ("value", "public", "private"),
    [
        (b"abc\0", "abc", "abc"),
        (b"ab\0\0", "ab\0", None),
        (b"\xe9bcd", "ébcd", None),
        (b"a\nbc", "a\nbc", "a\nbc"),
        (b"", "", ""),
    ],
)
def test_a_text_of_unknown_vr_is_known_by_its_tag(value, public, private):
    creator = text(0x00090010, "LO", "GEMS_IDEN_01")
    data = dicom([creator, Element(0x00091001, "UN", value), Element(0x00101000, "UN", value)])
    found = in_format(full(data), TagFormat.SHORT)
    assert (found["0010,1000"], found["0009,1001"]) == (public, private)


def test_private_elements_carry_their_creator():
    items = [
        [text(0x00091001, "LO", "nobody's")],
        [text(0x00090010, "LO", "ACME"), text(0x00091001, "LO", "x")],
    ]
    elements = [
        text(0x00090010, "LO", "GEMS_IDEN_01"),
        text(0x00091002, "SH", "CT01"),
        text(0x00091101, "LO", "nobody's"),
        Element(0x00091003, "SQ", items),
    ]
    found = full(dicom(elements))
    assert found["0009,0010"] == {"Name": "PrivateCreator", "Type": "String", "Value": "GEMS_IDEN_01"}
    assert found["0009,1002"]["PrivateCreator"] == "GEMS_IDEN_01"
    assert found["0009,1002"]["Name"] == "SuiteId"
    assert "PrivateCreator" not in found["0009,1101"]
    assert "PrivateCreator" not in found["0009,1003"]
    first, second = found["0009,1003"]["Value"]
    assert "PrivateCreator" not in first["0009,1001"]
    assert second["0009,1001"]["PrivateCreator"] == "ACME"


def test_implicit_vr_is_the_dictionarys():
    elements = [
        text(0x00090010, "LO", "GEMS_IDEN_01"),
        numbers(0x00091027, "SL", [5]),
        text(0x000B0010, "LO", "ACME"),
        text(0x000B1001, "LO", "text"),
        Element(0x0028_0107, "US", b"\xff\xff"),
        Element(0x00283006, "US", b"\1\0"),
    ]
    found = in_format(full(dicom(elements, IMPLICIT)), TagFormat.SHORT)
    assert (found["0009,1027"], found["000b,1001"], found["0028,3006"]) == ("5", None, None)
    assert found["0028,0107"] is None
    for representation, expected in ((0, "65535"), (1, "-1")):
        more = [
            *elements,
            numbers(0x00280103, "US", [representation]),
            Element(0x00189810, "US", b"\xff\xff"),
        ]
        found = in_format(full(dicom(more, IMPLICIT)), TagFormat.SHORT)
        assert (found["0028,0107"], found["0018,9810"]) == (expected, None)


def test_the_character_set_is_the_files_also_in_items():
    item = [text(0x00080005, "CS", "ISO_IR 144"), text(0x00081080, "LO", "é".encode())]
    elements = [text(0x00080005, "CS", "ISO_IR 192"), Element(0x00081110, "SQ", [item])]
    assert full(dicom(elements))["0008,1110"]["Value"][0]["0008,1080"]["Value"] == "é"


def test_tags_added_by_the_configuration():
    dictionary = Dictionary({"0009,1001": ["LO", "Mine", 1, 1, "ACME"]})
    data = dicom([text(0x00090010, "LO", "ACME"), text(0x00091001, "LO", "hi")], IMPLICIT)
    assert full(data, dictionary=dictionary)["0009,1001"] == {
        "Name": "Mine",
        "PrivateCreator": "ACME",
        "Type": "String",
        "Value": "hi",
    }


def test_pixel_data_is_null_and_what_follows_is_left_out():
    found = full(CT)
    assert found["7fe0,0010"] == {"Name": "PixelData", "Type": "Null", "Value": None}
    assert "fffc,fffc" not in found
    assert "fffa,fffa" not in full(dicom([Element(0xFFFAFFFA, "SQ", [])]))


def test_formats():
    items = [[text(0x00081150, "UI", "1.2")]]
    data = dicom(
        [Element(0x00081115, "SQ", items), numbers(0x60000010, "US", [1]), numbers(0x60020010, "US", [2])]
    )
    found = full(data)
    short, human = in_format(found, TagFormat.SHORT), in_format(found, TagFormat.HUMAN)
    assert in_format(found, TagFormat.FULL) == found
    assert short["0008,1115"] == [{"0008,1150": "1.2"}]
    assert human["ReferencedSeriesSequence"] == [{"ReferencedSOPClassUID": "1.2"}]
    assert human["OverlayRows"] == "2"


def test_the_file_meta_information_without_what_is_binary():
    found = read_file_meta(read_header(CT, len(CT)))
    assert list(found) == [f"0002,{n}" for n in ("0000", "0002", "0003", "0010", "0012", "0013", "0016")]
    assert found["0002,0000"]["Value"] == "192"


def test_modules():
    found = {level: list(in_format(full(CT, only=MODULES[level]), TagFormat.HUMAN)) for level in Level}
    assert found[Level.PATIENT] == [
        "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "OtherPatientIDsSequence",
    ]  # fmt: skip
    assert found[Level.STUDY] == [
        "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyDescription",
        "StudyInstanceUID", "StudyID",
    ]  # fmt: skip
    assert "InstanceNumber" in found[Level.INSTANCE]
    assert "Modality" in found[Level.SERIES]


def test_shared_tags_are_the_texts_that_are_everywhere_the_same():
    common = [
        text(0x00081030, "LO", "d"),
        text(0x00104000, "LT", "x" * 300),
        Element(0x00283006, "OW", b"ab"),
    ]
    sequence = Element(0x00081115, "SQ", [[text(0x00081150, "UI", "1.2")]])
    tags = [full(dicom([*common, sequence, text(0x00200013, "IS", str(n))])) for n in range(3)]
    shared = shared_tags(tags)
    assert "0008,1030" in shared
    assert not shared.keys() & {"0010,4000", "0028,3006", "0008,1115", "0020,0013"}
    assert shared_tags([]) == {}


@pytest.mark.parametrize("undefined_length", [False, True])
@pytest.mark.parametrize("syntax", [LITTLE, BIG])
@pytest.mark.parametrize(("vr", "values"), [("US", [1]), ("US", [0, 1]), ("SS", [-1]), ("FD", [0.5])])
def test_items_with_a_pixel_representation(vr, values, syntax, undefined_length):
    inner = Element(0x00283010, "SQ", [[text(0x00080060, "CS", "CT")]], undefined_length)
    item = [numbers(0x00280103, vr, values, syntax), inner, text(0x00080005, "CS", "ISO_IR 100")]
    found = full(dicom([Element(0x00081115, "SQ", [item], undefined_length)], syntax))
    assert in_format(found, TagFormat.SHORT)["0008,1115"] == [
        {
            "0008,0005": "ISO_IR 100",
            "0028,0103": "\\".join(map(str, values)),
            "0028,3010": [{"0008,0060": "CT"}],
        }
    ]


def nested(depth):
    value = b""
    for _ in range(depth):
        item = struct.pack("<HHI", 0xFFFE, 0xE000, len(value)) + value
        value = struct.pack("<HH2sHI", 0x0008, 0x1115, b"SQ", 0, len(item)) + item
    return dicom([Element(0x00081115, "SQ", value[12:])])


def test_deep_nesting_is_shown_or_refused():
    found = full(nested(MAXIMUM_DEPTH))
    for _ in range(MAXIMUM_DEPTH - 1):
        found = found["0008,1115"]["Value"][0]
    with pytest.raises(BadFileFormat):
        full(nested(1000))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(400, 3000), st.binary(min_size=1, max_size=4)), min_size=1, max_size=5))
@pytest.mark.filterwarnings("ignore")
def test_mutated_headers_are_shown_or_refused(changes):
    data = bytearray(CT)
    for offset, value in changes:
        data[offset : offset + len(value)] = value
    try:
        found = full(bytes(data))
    except BadFileFormat:
        return
    assert all(element["Type"] in {"String", "Null", "TooLong", "Sequence"} for element in found.values())
