"""The ZIP: complete, within Lambda's limits, the same of the same files, and never half built."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from infra.package import build as package_build
from infra.package.build import (
    RUNTIME,
    NotPackaged,
    Package,
    add_bytecode,
    install,
    unzipped_bytes,
    write_archive,
)
from infra.package.interpreters import running_version

MAX_UNZIPPED_BYTES = 160_000_000  # Lambda's limit is 250 MB


def test_the_package_is_within_the_limit(package: Package) -> None:
    assert 50_000_000 < unzipped_bytes(package.archive) < MAX_UNZIPPED_BYTES


def test_the_package_holds_the_product_and_nothing_beside_it(package: Package) -> None:
    with ZipFile(package.archive) as zipped:
        names = zipped.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {"app.py", "chalice", "chalicelib", "boto3", "numpy", "pydicom", "PIL"} <= tops
    assert not tops & {"infra", "tests", "samples", "pip", "click", "bin", "ministack", "moto", "sam.json"}
    assert not [name for name in names if "/tests/" in name and "__pycache__" in name]
    source = Path("chalicelib")
    expected = {path.as_posix() for path in source.rglob("*.py")}
    assert {name for name in names if name.startswith("chalicelib/") and name.endswith(".py")} == expected


def test_a_dependency_without_a_wheel_for_the_runtime_stops_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    (source / "unwheeled").mkdir(parents=True)
    (source / "setup.py").write_text("from setuptools import setup\nsetup(name='unwheeled', version='1')\n")
    (tmp_path / "requirements.txt").write_text("unwheeled==1\n")
    (tmp_path / "constraints.txt").touch()
    monkeypatch.setattr(package_build, "ROOT", tmp_path)
    monkeypatch.setitem(os.environ, "PIP_NO_INDEX", "1")
    with pytest.raises(NotPackaged, match="unwheeled"):
        install(tmp_path / "target", RUNTIME)


def test_bytecode_is_used_whatever_the_dates_of_the_files(tmp_path: Path) -> None:
    source = tmp_path / "module.py"
    source.write_text("print('compiled')")
    assert add_bytecode(tmp_path, running_version())
    source.write_text("print('source')")
    script = "import sys; sys.path.insert(0, sys.argv[1]); import module"
    command = [sys.executable, "-I", "-c", script, str(tmp_path)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "compiled\n"


def test_a_machine_without_the_runtime_packages_without_bytecode(tmp_path: Path) -> None:
    assert not add_bytecode(tmp_path, "3.99")


def test_the_same_files_give_the_same_archive(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    digests = set()
    for stamp in (1_000_000_000, 1_700_000_000):
        (folder / "inner").mkdir(parents=True, exist_ok=True)
        for name in ("b", "a", "inner/c"):
            (folder / name).write_text(name)
            os.utime(folder / name, (stamp, stamp))
        write_archive(tmp_path / "archive.zip", [folder])
        digests.add(hashlib.sha256((tmp_path / "archive.zip").read_bytes()).hexdigest())
    assert len(digests) == 1
