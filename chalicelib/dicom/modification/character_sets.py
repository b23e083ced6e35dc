"""Keep texts readable where new ones come in, or the character set changes (PS3.5 section 6.1).

Orthanc writes a new text in the character set of the file and leaves out what that does not have, and replaces the
character set without converting the texts. Both spoil names. Here a file gets another character set if it has to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from chalicelib.dicom.dictionary import STANDARD
from chalicelib.dicom.elements import Element, elements_of, find_element
from chalicelib.dicom.modification.paths import items_of
from chalicelib.dicom.raw_elements import put
from chalicelib.dicom.text import SPECIFIC_CHARACTER_SET, python_codec
from chalicelib.domain.errors import BadRequest

if TYPE_CHECKING:
    from pydicom import Dataset

UTF_8 = "ISO_IR 192"
_TEXTS = frozenset(("LO", "LT", "PN", "SH", "ST", "UC", "UT"))
"""The VRs that Specific Character Set applies to (PS3.5 6.1.2.3)."""
_ONE_ENCODING = ("ISO_IR ", "GB18030", "GBK")
_ESCAPE = b"\x1b"
_TEXT_DELIMITERS = set(b"\r\n\t\f\\")
_NAME_DELIMITERS = set(b"^=\\")
"""Behind each of these a text is in the first character set again (PS3.5 6.1.2.5.3)."""


def terms_of(dataset: Dataset) -> list[str]:
    """The defined terms of a dataset's Specific Character Set; none if it has no such element, or an empty one."""
    element = find_element(dataset, SPECIFIC_CHARACTER_SET, STANDARD)
    text = element.value.decode("ascii", "replace") if element is not None else ""
    terms = [term.strip(" \0") for term in text.split("\\")]
    return terms if any(terms) else []


def codec_for(terms: Sequence[str], texts: Iterable[str]) -> str | None:
    """Python's codec by which new texts can be written in a character set; None if they cannot."""
    whole = "".join(texts)
    if whole.isascii():
        return "ascii"
    if len(terms) != 1 or not terms[0].startswith(_ONE_ENCODING):
        return None
    codec = codecs_of(terms, "")[0]
    try:
        whole.encode(codec)
    except UnicodeEncodeError:
        return None
    return codec


def codecs_of(terms: Sequence[str], default_encoding: str) -> list[str]:
    """Python's codecs of a character set, the first for texts without escape sequences.

    Raises
    ------
    BadRequest
        A term is no character set.
    """
    from pydicom.charset import convert_encodings, python_encoding

    if not terms:
        return [python_codec(default_encoding)]
    if not all(term in python_encoding for term in terms):
        raise BadRequest("SpecificCharacterSet is no character set of DICOM")
    return list(convert_encodings(list(terms)))


def convert_texts(dataset: Dataset, codecs: Sequence[str], codec: str) -> None:
    """Write all texts of a dataset and of the items in it by another codec; items lose character sets of their own.

    Raises
    ------
    BadRequest
        A text cannot be read, or not be written so.
    """
    for element in list(elements_of(dataset, STANDARD)):
        if element.items is not None:
            for item in items_of(dataset, element.tag):
                own = terms_of(item)
                convert_texts(item, codecs_of(own, "") if own else codecs, codec)
                if SPECIFIC_CHARACTER_SET in item:
                    del item[SPECIFIC_CHARACTER_SET]
        elif element.vr in _TEXTS and (not element.value.isascii() or _ESCAPE in element.value):
            put(dataset, element.tag, element.vr, _converted(element, codecs, codec))


def _converted(element: Element, codecs: Sequence[str], codec: str) -> bytes:
    from pydicom.charset import decode_bytes

    delimiters = _NAME_DELIMITERS if element.vr == "PN" else _TEXT_DELIMITERS
    text = decode_bytes(element.value, list(codecs), delimiters)
    try:
        if "\N{REPLACEMENT CHARACTER}" in text:
            raise UnicodeError
        return text.encode(codec)
    except UnicodeError as error:
        raise BadRequest("The texts of the file cannot be written in that character set") from error
