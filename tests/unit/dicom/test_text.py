"""Texts of files that do not say their character set, by the option `DefaultEncoding`."""

from typing import get_args

import pytest
from pydicom import Dataset

from chalicelib.dicom.text import TextDecoder
from chalicelib.settings import Encoding

SAMPLES = {
    "Ascii": (b"a\xe9b", "ab"),
    "Utf8": ("é王".encode(), "é王"),
    "Latin1": (b"\xe9", "é"),
    "Latin2": (b"\xb1", "ą"),
    "Latin3": (b"\xa1", "Ħ"),
    "Latin4": (b"\xa2", "ĸ"),
    "Latin5": (b"\xf0", "ğ"),
    "Cyrillic": (b"\xe4", "ф"),
    "Windows1251": (b"\xe4", "д"),
    "Arabic": (b"\xc8", "ب"),
    "Greek": (b"\xf9", "ω"),
    "Hebrew": (b"\xe0", "א"),
    "Thai": (b"\xa1", "ก"),
    "Japanese": (b"\xb1\\", "ｱ¥"),
    "Chinese": (b"\xcd\xf5", "王"),
    "JapaneseKanji": (b"\x1b$B;3\x1b(B", "山"),
    "Korean": (b"\xb1\xe8", "김"),
    "SimplifiedChinese": (b"\xcd\xf5", "王"),
}


def test_there_is_a_sample_of_each_encoding():
    assert SAMPLES.keys() == set(get_args(Encoding))


@pytest.mark.parametrize("encoding", SAMPLES)
def test_the_default_encoding(encoding):
    data, text = SAMPLES[encoding]
    assert TextDecoder.of(Dataset(), encoding).convert(data) == text


def test_the_files_own_character_set_wins():
    dataset = Dataset()
    dataset.SpecificCharacterSet = ["", "ISO_IR 144"]
    assert TextDecoder.of(dataset, "Greek").convert(b"\xe4") == "ф"
