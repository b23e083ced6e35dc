"""Names as Orthanc 1.12.7 gives them."""

import pytest

from chalicelib.dicom.dictionary import STANDARD, UNKNOWN, Dictionary, parse_tag
from chalicelib.domain.errors import UnknownDicomTag


@pytest.mark.parametrize(
    ("tag", "creator", "vr", "name"),
    [
        (0x00080018, "", "UI", "SOPInstanceUID"),
        (0x00324000, "", "LT", "RETIRED_StudyComments"),
        (0x00101000, "", "LO", "OtherPatientIDs"),
        (0x30040012, "", "DS", "DoseValue"),
        (0x003A0320, "", "SQ", "SummarizedFilterLookupTableSequence"),
        (0x00080000, "", "UL", "GenericGroupLength"),
        (0x00020000, "", "UL", "FileMetaInformationGroupLength"),
        (0x60020010, "", "US", "OverlayRows"),
        (0x50100005, "", "US", "RETIRED_CurveDimensions"),
        (0x00280020, "", "UN", UNKNOWN),
        (0x10100004, "", "UN", UNKNOWN),
        (0x00189003, "", "UN", UNKNOWN),
        (0x00090000, "", "UL", "PrivateGroupLength"),
        (0x00090010, "", "LO", "PrivateCreator"),
        (0x60010010, "", "LO", "PrivateCreator"),
        (0x00091001, "GEMS_IDEN_01", "LO", "FullFidelity"),
        (0x00091101, "GEMS_IDEN_01", "LO", "FullFidelity"),
        (0x00191014, "GEMS_ACQU_01", "SS", "EndNumberForBaseline"),
        (0x00091001, "", "UN", UNKNOWN),
        (0x00091001, "gems_iden_01", "UN", UNKNOWN),
        (0x70031004, "DLX_ANNOT_01", "ST", "TextAnnotation"),
        (0x70021004, "DLX_ANNOT_01", "UN", UNKNOWN),
        (0x00291010, "SIEMENS CSA HEADER", "OB", "CSAImageHeaderInfo"),
    ],
)
def test_vr_and_name(tag, creator, vr, name):
    found = STANDARD.find(tag, creator)
    assert (found.vr, found.name) == (vr, name)


def test_an_element_of_four_digits_is_valid_in_its_own_block_only():
    assert STANDARD.find(0x00191000, "PHILIPS MR R5.5/PART").vr == "DS"
    assert STANDARD.find(0x00191100, "PHILIPS MR R5.5/PART").name == UNKNOWN


def test_the_configuration_adds_tags():
    dictionary = Dictionary(
        {
            "0014,fff0": ["DA", "ValidationExpiryDate", 1, 1],
            "00e1,1002": ["LO", "Protocol", 1, 1, "ELSCINT1"],
        }
    )
    assert dictionary.find(0x0014FFF0, "") == ("DA", "ValidationExpiryDate")
    assert dictionary.find(0x00E11002, "ELSCINT1") == ("LO", "Protocol")
    assert dictionary.find(0x00E11002, "ACME").name == UNKNOWN
    assert dictionary.find(0x00100010, "").name == "PatientName"
    names = ("Protocol", "PatientName", "0010-0010")
    assert [dictionary.parse(name) for name in names] == [0x00E11002, 0x00100010, 0x00100010]


@pytest.mark.parametrize("text", ["0008-0018", "0008,0018", "00080018", "SOPInstanceUID"])
def test_ways_to_write_a_tag(text):
    assert parse_tag(text) == 0x00080018


def test_retired_tags_are_known_by_either_name():
    assert parse_tag("RETIRED_StudyComments") == parse_tag("StudyComments") == 0x00324000


@pytest.mark.parametrize(
    "text", ["", "foo", "8-18", "0008.0018", "0008-001g", "0008-00180", "0008-0018 ", "sopinstanceuid"]
)
def test_what_is_no_tag_is_refused(text):
    with pytest.raises(UnknownDicomTag):
        parse_tag(text)
