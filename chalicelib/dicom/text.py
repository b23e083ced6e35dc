"""Text of DICOM elements as Orthanc understands it (PS3.5, section 6.1; Orthanc Book, "Configuration").

Of several character sets Orthanc takes the first and leaves the escape sequences to the others out, except for
ISO 2022 IR 87, which is nothing without them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom import Dataset

SPECIFIC_CHARACTER_SET = 0x00080005
SPACES = " \0\t\n\r\f\v"
"""What Orthanc takes off both ends where it takes off anything."""

_CODECS = {
    "Ascii": "ascii", "Utf8": "utf-8", "Latin1": "latin-1", "Latin2": "iso8859-2", "Latin3": "iso8859-3",
    "Latin4": "iso8859-4", "Latin5": "iso8859-9", "Cyrillic": "iso8859-5", "Windows1251": "cp1251",
    "Arabic": "iso8859-6", "Greek": "iso8859-7", "Hebrew": "iso8859-8", "Thai": "tis-620",
    "Japanese": "shift_jis", "Chinese": "gb18030", "JapaneseKanji": "iso2022_jp_2", "Korean": "cp949",
    "SimplifiedChinese": "gb2312",
}  # fmt: skip
"""Orthanc's names of encodings, which its option `DefaultEncoding` has, and Python's."""

_ENCODINGS = {
    "ISO_IR 192": "Utf8", "GB18030": "Chinese", "GBK": "Chinese", "ISO 2022 IR 87": "JapaneseKanji",
    "ISO 2022 IR 149": "Korean", "ISO 2022 IR 58": "SimplifiedChinese",
    **{
        f"{prefix} {number}": encoding
        for prefix in ("ISO_IR", "ISO 2022 IR")
        for number, encoding in {
            100: "Latin1", 101: "Latin2", 109: "Latin3", 110: "Latin4", 148: "Latin5", 144: "Cyrillic",
            127: "Arabic", 126: "Greek", 138: "Hebrew", 166: "Thai", 13: "Japanese",
        }.items()
    },
}  # fmt: skip
"""The defined terms of Specific Character Set (PS3.3, section C.12.1.1.2); all others are ASCII to Orthanc."""

_ESCAPE_SEQUENCE = re.compile(rb"\x1b[\x20-\x2f]+[\x30-\x7e]")
_TRAIL = rb"[\x80-\xbf]"
_BROKEN_UTF8 = re.compile(
    rb"[\xc2-\xf4][^\x80-\xbf]|[\xe0-\xf4]%b[^\x80-\xbf]|[\xf0-\xf4]%b{2}[^\x80-\xbf]" % (_TRAIL, _TRAIL)
)
"""A sequence that breaks off, with the byte that breaks it, which Orthanc leaves out too."""
_NOT_ASCII_TEXT = re.compile(rb"[^\n\x20-\x7e]")
_JIS_ROMAN = str.maketrans("\\~", "¥‾")
"""Where ISO 646 of Japan differs from ASCII (PS3.5, table 6.1-1): Python's codec does not know, Orthanc's does."""


@dataclass(frozen=True, slots=True)
class TextDecoder:
    """Decodes the texts of one dataset.

    Parameters
    ----------
    encoding
        Orthanc's name of it.
    has_escapes
        Whether escape sequences are left out.
    """

    encoding: str
    has_escapes: bool

    @classmethod
    def of(cls, dataset: Dataset, default: str = "Latin1") -> TextDecoder:
        """The decoder that Specific Character Set asks for; without one, that of the option `DefaultEncoding`."""
        element = dataset.get_item(SPECIFIC_CHARACTER_SET) if SPECIFIC_CHARACTER_SET in dataset else None
        value = getattr(element, "value", None) or b""
        if not isinstance(value, bytes):  # pydicom has converted it
            value = (value if isinstance(value, str) else "\\".join(value)).encode("ascii", "replace")
        return _decoder(value, default)

    def convert(self, value: bytes) -> str:
        """The text of some bytes; what cannot be decoded is left out."""
        if self.encoding == "Ascii":
            return _NOT_ASCII_TEXT.sub(b"", value).decode("ascii")
        if self.has_escapes:
            value = _ESCAPE_SEQUENCE.sub(b"", value)
        if self.encoding == "Utf8":
            value = _BROKEN_UTF8.sub(b"", value)
        text = value.decode(_CODECS[self.encoding], "ignore")
        return text.translate(_JIS_ROMAN) if self.encoding == "Japanese" else text


def python_codec(encoding: str) -> str:
    """Python's codec of one of Orthanc's encodings."""
    return _CODECS[encoding]


@lru_cache(maxsize=64)
def _decoder(character_sets: bytes, default: str) -> TextDecoder:
    terms = [term.strip(SPACES).upper() for term in character_sets.decode("ascii", "replace").split("\\")]
    first = next((term for term in terms if term), None)
    encoding = default if first is None else _ENCODINGS.get(first, "Ascii")
    return TextDecoder(encoding, len(terms) > 1 and encoding != "JapaneseKanji")
