"""A modification changes what it is asked to, and nothing else; names stay readable in every character set."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_charset_files, get_testdata_files

from chalicelib.dicom.modification import Identity, modify, parse_modification
from chalicelib.dicom.reader import read_header
from chalicelib.domain.errors import BadRequest, NacreError
from chalicelib.domain.levels import Level

UIDS = ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")


def modified(file: bytes, fields: dict[str, Any], level: Level = Level.INSTANCE, seed: str = "seed") -> bytes:
    return modify(file, parse_modification(fields, level), Identity(seed), "Latin1")


def read(file: bytes) -> Dataset:
    return dcmread(io.BytesIO(file))


def files() -> list[str]:
    """The files that pydicom ships and that are DICOM files."""
    found = []
    for path in sorted(get_testdata_files()):
        try:
            modified(Path(path).read_bytes(), {})
        except (NacreError, OSError):
            continue
        found.append(path)
    return found


FILES = files()


def elements(dataset: Dataset) -> dict[str, Any]:
    """All elements but group lengths, which say nothing, and a group that is nobody's, which pydicom guesses at."""
    return {
        str(e.tag): [elements(item) for item in e.value] if e.VR == "SQ" else e.value
        for e in dataset
        if e.tag.element and e.tag.group != 1 and e.keyword != "SOPInstanceUID"
    }


def test_there_are_files() -> None:
    assert len(FILES) > 80


@pytest.mark.parametrize("path", FILES, ids=lambda path: Path(path).name)
def test_all_else_stays(path: str) -> None:
    file = Path(path).read_bytes()
    before, after = dcmread(path, force=True), read(modified(file, {}))
    assert elements(after) == elements(before)
    assert after.SOPInstanceUID != before.get("SOPInstanceUID")
    assert after.file_meta.TransferSyntaxUID == read_header(file, len(file)).transfer_syntax


@pytest.mark.parametrize("path", sorted(get_charset_files("*.dcm")), ids=lambda path: Path(path).name)
@pytest.mark.parametrize(
    "name", ["M\N{LATIN SMALL LETTER U WITH DIAERESIS}ller", "\N{HIRAGANA LETTER A}", "Smith"]
)
def test_a_new_name_spoils_no_text(path: str, name: str) -> None:
    before, after = (
        dcmread(path),
        read(modified(Path(path).read_bytes(), {"Replace": {"StudyDescription": name}})),
    )
    assert after.StudyDescription == name
    assert texts(after) == texts(before)


def texts(dataset: Dataset) -> list[Any]:
    """All texts, but for the new one and what tells of the character set."""
    others = ("SpecificCharacterSet", "StudyDescription", "SOPInstanceUID")
    return [
        [texts(item) for item in e.value] if e.VR == "SQ" else str(e.value)
        for e in dataset
        if e.tag.element and e.keyword not in others
    ]


def test_a_text_that_a_character_set_lacks_is_refused() -> None:
    path = next(path for path in get_charset_files("*.dcm") if "chrH32" in path)
    with pytest.raises(BadRequest, match="character set"):
        modified(Path(path).read_bytes(), {"Replace": {"SpecificCharacterSet": "ISO_IR 100"}})


def test_new_uids_follow_from_the_seed_and_the_old_ones() -> None:
    file = Path(FILES[0]).read_bytes()
    one, again = (read(modified(file, {}, Level.PATIENT)) for _ in range(2))
    other = read(modified(file, {}, Level.PATIENT, seed="other"))
    assert [one[uid] for uid in UIDS] == [again[uid] for uid in UIDS]
    assert not {one[uid].value for uid in UIDS} & {other[uid].value for uid in UIDS}
    assert len({one[uid].value for uid in UIDS}) == len(UIDS)


@pytest.mark.parametrize("level", list(Level))
def test_uids_above_the_level_stay(level: Level) -> None:
    file = Path(FILES[0]).read_bytes()
    before, after = read(file), read(modified(file, {}, level))
    changed = [uid for uid in reversed(UIDS) if before[uid] != after[uid]]
    assert changed == list(reversed(UIDS))[max(level - 1, 0) :]


def test_private_elements_go_at_every_depth() -> None:
    def private(dataset: Dataset) -> list[str]:
        below = [tag for e in dataset if e.VR == "SQ" for item in e.value for tag in private(item)]
        return [str(e.tag) for e in dataset if e.tag.is_private] + below

    paths = [path for path in FILES if private(dcmread(path, force=True))]
    assert len(paths) > 10
    for path in paths:
        assert private(read(modified(Path(path).read_bytes(), {"RemovePrivateTags": True}))) == []


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth - 1):
        value = [{"0040-0275": value}]
    return value


@pytest.mark.parametrize(
    "replaced",
    [
        *({"0040-0275": nested(depth)} for depth in (70, 400)),
        {"0000-0100": "1"},
        {"FFFE-E000": "1"},
        {"Rows": "\N{ARABIC-INDIC DIGIT ONE}"},
        {"Rows": "1_0"},
        {"PixelData": []},
        {"PatientName": [{}]},
    ],
)
def test_what_would_make_an_unreadable_file_is_refused(replaced: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        modified(Path(FILES[0]).read_bytes(), {"Replace": replaced})


@pytest.mark.parametrize("depth", [1, 30, 62])
def test_what_can_be_read_is_written(depth: int) -> None:
    file = modified(Path(FILES[0]).read_bytes(), {"Replace": {"0040-0275": nested(depth)}})
    assert modified(file, {})
