"""Text of DICOM elements in the store's form: UTF-8, without the padding around it (PS3.5, section 6.1 and 6.2)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom import Dataset

SPECIFIC_CHARACTER_SET = 0x00080005
_DELIMITERS = {0x5C, 0x5E, 0x3D}
"""Where code extensions end: backslash, ``^`` and ``=`` (PS3.5, section 6.1.2.5.3)."""
SPACES = " \0\t\n\r\f\v"
"""What Orthanc takes off both ends of a value."""

_DEFAULT_ENCODINGS = {
    "Ascii": "ascii", "Utf8": "utf-8", "Latin1": "latin-1", "Latin2": "iso8859-2", "Latin3": "iso8859-3",
    "Latin4": "iso8859-4", "Latin5": "iso8859-9", "Cyrillic": "iso8859-5", "Windows1251": "cp1251",
    "Arabic": "iso8859-6", "Greek": "iso8859-7", "Hebrew": "iso8859-8", "Thai": "iso8859-11",
    "Japanese": "shift_jis", "Chinese": "gb18030", "JapaneseKanji": "iso2022_jp", "Korean": "euc_kr",
    "SimplifiedChinese": "gb2312",
}  # fmt: skip
"""Orthanc's option `DefaultEncoding`."""


@dataclass(frozen=True, slots=True)
class TextDecoder:
    """Decodes the texts of one dataset; `encodings` are Python's names, the first being the initial one."""

    encodings: tuple[str, ...]

    @classmethod
    def of(cls, dataset: Dataset, default: str = "Latin1") -> TextDecoder:
        """The decoder that SpecificCharacterSet asks for, or the configured `DefaultEncoding` without one."""
        element = dataset.get_item(SPECIFIC_CHARACTER_SET) if SPECIFIC_CHARACTER_SET in dataset else None
        value = getattr(element, "value", None) or ""
        if isinstance(value, bytes):
            value = value.decode("ascii", "replace")
        terms = value.split("\\") if isinstance(value, str) else value
        return cls(_encodings(tuple(term.strip(SPACES) for term in terms), default))

    def decode(self, value: bytes) -> str:
        """As `convert`, without the spaces and nulls around the text."""
        return self.convert(value).strip(SPACES)

    def convert(self, value: bytes) -> str:
        """The text with its spaces; what cannot be decoded is left out, as Orthanc does."""
        if value.isascii() and b"\x1b" not in value:
            return value.decode("ascii")
        if len(self.encodings) == 1:
            return value.decode(self.encodings[0], "ignore")
        from pydicom.charset import decode_bytes

        return decode_bytes(value, list(self.encodings), _DELIMITERS)


@lru_cache(maxsize=64)
def _encodings(terms: tuple[str, ...], default: str) -> tuple[str, ...]:
    if not any(terms):
        return (_DEFAULT_ENCODINGS[default],)
    from pydicom.charset import convert_encodings

    with warnings.catch_warnings(action="ignore"):
        return tuple(convert_encodings(list(terms)))
