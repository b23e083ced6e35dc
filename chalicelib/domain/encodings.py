"""The encodings that Orthanc has names for."""

from __future__ import annotations

from typing import Literal, get_args

Encoding = Literal[
    "Ascii", "Utf8", "Latin1", "Latin2", "Latin3", "Latin4", "Latin5", "Cyrillic", "Windows1251", "Arabic",
    "Greek", "Hebrew", "Thai", "Japanese", "Chinese", "JapaneseKanji", "Korean", "SimplifiedChinese",
]  # fmt: skip

ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)
