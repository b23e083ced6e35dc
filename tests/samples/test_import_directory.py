"""The import of folders, against the running store and against a server that has no presigned uploads."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pydicom
import pytest
import requests
from pydicom.uid import generate_uid

from samples import import_directory
from tests.support.stack import ROOT, running_stack
from tests.upload.files import archive, ct, dicom, mr

SCRIPT = ROOT / "samples" / "import_directory.py"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_stack(tmp_path_factory.mktemp("data")) as stack:
        yield stack.url


def importing(folder: Path, url: str, *more: str) -> subprocess.CompletedProcess[str]:
    journal = folder.parent / "journal"
    command = [sys.executable, str(SCRIPT), str(folder), "--url", url, "--journal", str(journal), *more]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def made(folder: Path, name: str, padding: int = 0) -> str:
    """Write a file with a UID of its own; returns the UID."""
    dataset = pydicom.dcmread(folder / "template.dcm")
    uid = generate_uid(entropy_srcs=[name, str(folder)])
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid
    if padding:
        dataset.DataSetTrailingPadding = bytes(padding)
    dataset.save_as(folder / name)
    return str(uid)


def test_folders_archives_and_large_files_come_in_and_what_fails_is_told(tmp_path: Path, url: str) -> None:
    folder = tmp_path / "dicom"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "ct.dcm").write_bytes(ct())
    (folder / "a" / "both.zip").write_bytes(archive(("mr", mr()), ("again", ct())))
    (folder / "template.dcm").write_bytes(dicom("CT_small.dcm"))
    made(folder, "large.dcm", padding=5_000_000)
    (folder / "notes.txt").write_text("hello")
    first = importing(folder, url)
    assert first.returncode == 1
    assert first.stdout.startswith("5 files: 3 instances stored, 2 stored before, 1 files failed; 0 files")
    assert "notes.txt: Bad file format" in first.stderr
    assert len(requests.get(f"{url}/instances", timeout=10).json()) == 3
    (folder / "notes.txt").unlink()
    second = importing(folder, url)
    assert (second.returncode, second.stdout[:8]) == (0, "0 files:")
    assert "4 files of an earlier run skipped" in second.stdout


def test_an_import_that_was_killed_goes_on(tmp_path: Path, url: str) -> None:
    folder = tmp_path / "dicom"
    folder.mkdir()
    (folder / "template.dcm").write_bytes(mr())
    for n in range(60):
        made(folder, f"{n}.dcm")
    journal = tmp_path / "journal"
    command = [sys.executable, str(SCRIPT), str(folder), "--url", url, "--journal", str(journal)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not journal.exists() or journal.read_text().count("}") < 5:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = journal.read_text().count("}")
    assert 5 <= done < 61
    again = importing(folder, url)
    assert again.returncode == 0
    assert f"{done} files of an earlier run skipped" in again.stdout
    study = requests.post(f"{url}/instances", data=mr(), timeout=10).json()["ParentStudy"]
    assert len(requests.get(f"{url}/studies/{study}/instances", timeout=10).json()) == 61


class Plain(BaseHTTPRequestHandler):
    """Stands for a server without presigned uploads that refuses each file once."""

    seen: dict[bytes, int]
    paths: list[str]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.paths.append(self.path)
        if self.path != "/instances":
            self.answer(404, {})
            return
        key = body[:200] + body[-200:]
        self.seen[key] = self.seen.get(key, 0) + 1
        status = 503 if self.seen[key] == 1 else 200
        self.answer(status, {"ID": "1", "Status": "Success", "Length": len(body)})

    def answer(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_arguments: Any) -> None:
        """Stay silent."""


@contextmanager
def plain_server() -> Iterator[tuple[str, type[Plain]]]:
    handler = type("Handler", (Plain,), {"seen": {}, "paths": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", handler
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_server_without_presigned_uploads_gets_all_directly_and_again_after_503(tmp_path: Path) -> None:
    folder = tmp_path / "dicom"
    folder.mkdir()
    sizes = (10, import_directory.DIRECT_BYTES + 1, import_directory.DIRECT_BYTES + 2)
    for n, size in enumerate(sizes):
        (folder / f"{n}").write_bytes(bytes([n]) * size)
    with plain_server() as (url, handler):
        result = importing(folder, url, "--parallel", "1")
        assert result.returncode == 0, result.stderr
        assert sorted(handler.seen.values()) == [2, 2, 2]
        assert handler.paths.count("/nacre/uploads") == 1


def test_a_server_that_is_away_fails_each_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_directory, "RETRIES", 0)
    (tmp_path / "file").write_bytes(ct())
    uploader = import_directory.Uploader("http://127.0.0.1:9", None, 1, 1)
    assert len(uploader.upload(tmp_path / "file").problems) == 1


def test_a_journal_that_was_cut_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a", "b", "c")]
    for path in paths:
        path.write_bytes(b"x")
    journal = import_directory.Journal(tmp_path / "journal", "http://one")
    journal.add(paths[0])
    journal.add(paths[1])
    journal.close()
    text = (tmp_path / "journal").read_text()
    (tmp_path / "journal").write_text(text[:-20])
    again = import_directory.Journal(tmp_path / "journal", "http://one")
    assert [again.holds(path) for path in paths] == [True, False, False]
    again.add(paths[2])
    again.close()
    third = import_directory.Journal(tmp_path / "journal", "http://one")
    assert third.holds(paths[0])
    assert third.holds(paths[2])
    paths[0].write_bytes(b"changed")
    assert not third.holds(paths[0])
    third.close()
    other = import_directory.Journal(tmp_path / "journal", "http://two")
    assert not other.holds(paths[2])
    other.close()


@pytest.mark.parametrize("arguments", [["--help"], ["/no/such/folder"], [".", "--parallel", "0"]])
def test_the_command_line_explains_itself(arguments: list[str]) -> None:
    result = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False
    )
    assert result.returncode == (0 if arguments == ["--help"] else 2)
    assert "--journal" in result.stdout + result.stderr
