"""Every file that conformance is judged by: those of pydicom's wheel, DICOM or not, and made ones."""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path

import pydicom

from tests.conformance.made import made

FOLDERS = ("charset_files", "test_files")


@cache
def corpus() -> dict[str, bytes]:
    """The files by name: ``shipped/test_files/CT_small.dcm``, ``made/charset/Korean``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's, of values that are wrong on purpose
        return {**_shipped(), **{f"made/{name}": data for name, data in made()}}


def group_of(name: str) -> str:
    """The group that a file belongs to in the table of results."""
    parts = name.split("/")
    if parts[0] == "made":
        return f"made: {parts[1]}"
    return f"pydicom: {parts[2]}" if parts[2] == "dicomdirtests" else f"pydicom: {parts[1]}"


def _shipped() -> dict[str, bytes]:
    root = Path(pydicom.__file__).parent / "data"
    paths = [path for folder in FOLDERS for path in sorted((root / folder).rglob("*")) if path.is_file()]
    named = {path.relative_to(root).as_posix(): path for path in paths if path.suffix not in (".py", ".pyc")}
    return {f"shipped/{name}": path.read_bytes() for name, path in named.items()}
