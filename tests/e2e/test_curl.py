"""The README's examples and the manual's, by the real curl."""

from __future__ import annotations

import gzip
import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

from tests.support.stack import RunningStack

CT_ID = "f689ddd2-662f8fe1-8b18180d-ec2a2cee-937917af"


def curl(*arguments: str) -> bytes:
    done = subprocess.run(["curl", "-sS", "--max-time", "30", *arguments], capture_output=True, check=True)
    return done.stdout


def fetch(*arguments: str) -> Any:
    return json.loads(curl(*arguments))


def test_a_file_goes_in_and_comes_back_the_same(stack: RunningStack, ct: Path, tmp_path: Path) -> None:
    stored = fetch("-X", "POST", f"{stack.url}/instances", "--data-binary", f"@{ct}")
    assert stored["ID"] == CT_ID
    assert stored["Path"] == f"/instances/{CT_ID}"
    copy = tmp_path / "copy.dcm"
    curl("-o", str(copy), f"{stack.url}/instances/{CT_ID}/file")
    assert copy.read_bytes() == ct.read_bytes()


def test_every_way_to_send_a_body(stack: RunningStack, ct: Path, tmp_path: Path) -> None:
    zipped = tmp_path / "ct.dcm.gz"
    zipped.write_bytes(gzip.compress(ct.read_bytes()))
    ways = [
        ["--data-binary", f"@{ct}"],
        ["--data-binary", f"@{ct}", "-H", "Content-Type: application/dicom"],
        ["--data-binary", f"@{ct}", "-H", "Content-Type:"],
        ["--data-binary", f"@{ct}", "-H", "Expect: 100-continue"],
        ["--data-binary", f"@{ct}", "-H", "Transfer-Encoding: chunked"],
        ["--data-binary", f"@{zipped}", "-H", "Content-Encoding: gzip"],
        ["-T", str(ct), "-X", "POST"],
    ]
    for way in ways:
        assert fetch(f"{stack.url}/instances", *way)["ID"] == CT_ID, way


def test_an_archive_gives_an_answer_for_each_file(
    stack: RunningStack, ct: Path, mr: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "study.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(ct, "a/ct.dcm")
        file.write(mr, "b/mr.dcm")
    answers = fetch(f"{stack.url}/instances", "--data-binary", f"@{archive}")
    assert len(answers) == 2
    assert {answer["Status"] for answer in answers} <= {"Success", "AlreadyStored"}


def test_what_is_not_dicom_is_refused(stack: RunningStack, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("This is no image")
    answer = curl("-w", "\n%{http_code}", f"{stack.url}/instances", "--data-binary", f"@{text}")
    body, status = answer.rsplit(b"\n", 1)
    assert status == b"400"
    assert json.loads(body)["OrthancStatus"] == 15


def test_the_examples_of_the_readme(stack: RunningStack, ct: Path) -> None:
    fetch(f"{stack.url}/instances", "--data-binary", f"@{ct}")
    patients = fetch(f"{stack.url}/patients?expand")
    assert any(patient["MainDicomTags"]["PatientID"] == "1CT1" for patient in patients)
    assert fetch(f"{stack.url}/changes")["Changes"]
    at = f"{stack.url}/instances/{CT_ID}"
    assert fetch(f"{at}/tags")["0010,0010"]["Value"] == "CompressedSamples^CT1"
    assert fetch(f"{at}/simplified-tags")["PatientName"] == "CompressedSamples^CT1"
    assert curl(f"{at}/content/0010-0010").strip(b" \0") == b"CompressedSamples^CT1"
    assert curl(f"{at}/preview").startswith(b"\x89PNG")


def test_head_and_delete(stack: RunningStack, ct: Path) -> None:
    fetch(f"{stack.url}/instances", "--data-binary", f"@{ct}")
    head = curl("-I", f"{stack.url}/instances/{CT_ID}/file").decode()
    assert "200 OK" in head
    assert f"Content-Length: {ct.stat().st_size}" in head
    assert fetch("-X", "DELETE", f"{stack.url}/instances/{CT_ID}") == {"RemainingAncestor": None}
    gone = curl("-o", "/dev/null", "-w", "%{http_code}", f"{stack.url}/instances/{CT_ID}")
    assert gone == b"404"
