"""Identifiers are encoded as pydicom encodes them, byte for byte, in every transfer syntax of messages."""

from __future__ import annotations

from io import BytesIO

import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID
from pynetdicom.dsutils import decode, encode

from dicom_listener.contexts import MESSAGE_SYNTAXES
from dicom_listener.identifiers import LATIN, UNICODE, character_set_of, encoded

ELEMENTS = [
    (0x00081030, "LO", "odd"),
    (0x00080005, "CS", "ISO_IR 100"),
    (0x00080020, "DA", "20240101"),
    (0x00080030, "TM", ""),
    (0x00080060, "CS", "CT\\MR"),
    (0x00100010, "PN", "Müller^Jörg"),
    (0x0020000D, "UI", "1.2.3"),
    (0x00200013, "IS", "12"),
    (0x00180050, "DS", "1.25"),
    (0x00080018, "UI", ""),
]
NUMBERS = [(0x00280010, "US", 512), (0x00280030, "DS", ["0.5", "0.5"]), (0x00089459, "FL", 1.5)]


@pytest.mark.parametrize("syntax", sorted(MESSAGE_SYNTAXES))
def test_what_is_encoded_is_what_pydicom_encodes(syntax: str) -> None:
    expected = Dataset()
    for tag, vr, text in ELEMENTS:
        expected.add(DataElement(tag, vr, text, already_converted=False))
    for tag, vr, number in NUMBERS:
        expected.add(DataElement(tag, vr, number))
    expected.add(DataElement(0x00081110, "SQ", Sequence()))
    texts = [(tag, vr, "\\".join(n) if isinstance(n, list) else str(n)) for tag, vr, n in NUMBERS]
    made = encoded([*ELEMENTS, *texts, (0x00081110, "SQ", "")], LATIN, UID(syntax))
    kind = UID(syntax)
    assert made == encode(expected, kind.is_implicit_VR, kind.is_little_endian, kind.is_deflated)


@pytest.mark.parametrize(
    ("vr", "text"),
    [("IS", "one"), ("DS", "1,5"), ("US", "-"), ("FL", "x"), ("IS", "²"), ("US", "70000000000")],
)
def test_a_text_that_its_vr_does_not_allow_is_shown_empty(vr: str, text: str) -> None:
    assert encoded([(0x00280010, vr, text)], LATIN, UID("1.2.840.10008.1.2")) == b"\x28\0\x10\0\0\0\0\0"


def test_a_text_too_long_for_its_vr_keeps_its_length() -> None:
    syntax = UID("1.2.840.10008.1.2.1")
    made = encoded([(0x00104000, "LT", "山" * 30_001), (0x00200010, "SH", "1")], UNICODE, syntax)
    read = decode(BytesIO(made), False, True)
    assert read[0x00104000].value.rstrip() == b"\xe5\xb1\xb1" * 30_001
    assert read.StudyID == "1"


def test_texts_are_latin_as_long_as_they_can_be() -> None:
    assert character_set_of({1: "Müller", 2: None}) == LATIN
    assert character_set_of({1: "山田"}) == UNICODE
