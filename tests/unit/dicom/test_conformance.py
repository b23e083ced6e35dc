"""Files of every kind against how Orthanc 1.12.7 indexes them, or refuses to."""

import json
import lzma
from functools import cache

import pytest

from chalicelib.dicom.tags_json import in_format
from chalicelib.domain.errors import BadFileFormat, BadParameterType, InexistentTag, NacreError
from chalicelib.domain.levels import Level
from chalicelib.domain.main_dicom_tags import SEQUENCES
from chalicelib.domain.tag_format import TagFormat
from chalicelib.services.description import describe
from tests.unit.dicom.record_orthanc import RECORDED, all_files

pytestmark = pytest.mark.filterwarnings("ignore:::pydicom")

ORTHANC = json.loads(lzma.decompress(RECORDED.read_bytes()))
STATUSES = {BadFileFormat: 400, BadParameterType: 400, InexistentTag: 404}
TRANSFER_SYNTAX_NOT_SAID = [
    f"encoding: {encoding}, {what}"
    for encoding in ("implicit", "explicit", "big endian")
    for what in (
        "no transfer syntax",
        "empty transfer syntax",
        "said to be 1.2.3.4.5",
        "said to be 1.2.840.10008.1.2.1\\1.2.840.10008.1.2",
    )
] + [f"encoding: explicit, meta of length {length}" for length in (0, 2, 60)]
DIFFERENT = {
    "Orthanc guesses the transfer syntax as we do, and does not tell": TRANSFER_SYNTAX_NOT_SAID,
    "refused by both, with other numbers": [
        "encoding: implicit, no meta",
        "encoding: implicit, implicit meta",
        "encoding: explicit, implicit meta",
        "encoding: big endian, implicit meta",
        "deflated: nothing",
        "cut: at 308",
        "shipped/test_files/dicomdirtests/DICOMDIR-nooffset",
    ],
    "Orthanc takes a sequence or deflated data that the end of the file cuts off": [
        "encoding: implicit, 8 of b'\\xff' behind",
        "deflated: cut off by a byte",
        "VR: b'SQ' long False",
    ],
    "Orthanc does not see encapsulated pixel data where PS3.5 A.4 forbids it": [
        "implicit: encapsulated pixel data"
    ],
    "glibc and Python skip malformed characters by different lengths": [
        "charset: ISO_IR 166, UTF-8",
        "charset: ISO 2022 IR 149, A0",
        "charset: ISO 2022 IR 149, UTF-8",
        "charset: \\ISO 2022 IR 149, A0",
        "charset: \\ISO 2022 IR 149, UTF-8",
    ],
}
DIFFERENT_NAMES = frozenset(name for names in DIFFERENT.values() for name in names)


@cache
def files():
    return dict(all_files())


def ours(data):
    """What `ask` asks Orthanc."""
    try:
        found = describe(data, len(data), "", "Latin1")
    except NacreError as error:
        return {"refused": [STATUSES[type(error)], error.orthanc_status]}
    return {
        "ids": list(found.identifiers),
        "tags": [shown(found.tags[level]) for level in Level],
        "index": found.index_in_series,
        "expected": found.expected_instances,
        "metadata": found.metadata,
    }


def shown(tags):
    return {name: items(value) if name in SEQUENCES else value for name, value in tags.items()}


def items(value):
    return [in_format(item, TagFormat.HUMAN) for item in json.loads(value)]


def group_of(name):
    return name.rpartition("/")[0] or name.partition(":")[0]


def test_all_that_orthanc_was_asked_are_still_there():
    assert ORTHANC.keys() <= files().keys()
    assert ORTHANC.keys() >= DIFFERENT_NAMES


@pytest.mark.parametrize("group", sorted({group_of(name) for name in ORTHANC}))
def test_indexes_or_refuses_as_orthanc_does(group):
    names = [name for name in ORTHANC if group_of(name) == group and name not in DIFFERENT_NAMES]
    answers = {name: ours(files()[name]) for name in names}
    assert answers == {name: ORTHANC[name] for name in names}


@pytest.mark.parametrize("name", sorted(DIFFERENT_NAMES))
def test_differs_only_where_said(name):
    answer = ours(files()[name])
    assert answer != ORTHANC[name]
    assert "refused" in answer or "refused" not in ORTHANC[name]
