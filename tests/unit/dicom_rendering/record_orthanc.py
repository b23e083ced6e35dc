"""Record what a running Orthanc shows of the test files: ``python -m tests.unit.dicom_rendering.record_orthanc URL``.

Takes an Orthanc without plugins whose store is empty; leaves it empty. Restart it in between if a file crashes it.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import requests
from PIL import Image

from tests.unit.dicom_rendering.files import made, shipped

RECORDED = Path(__file__).with_name("orthanc_previews.json")


def fingerprint(png: bytes) -> str:
    """Mode, size and digest of the pixels."""
    with Image.open(BytesIO(png)) as image:
        digest = hashlib.sha256(image.tobytes()).hexdigest()[:32]
        return f"{image.mode} {image.width}x{image.height} {digest}"


def all_files() -> Iterator[tuple[str, bytes]]:
    """The files to ask for, by names that tell shipped from made."""
    for name, data in shipped():
        yield f"pydicom: {name}", data
    for name, data in made():
        yield f"made: {name}", data


def ask(session: requests.Session, url: str, data: bytes) -> str | None:
    """The fingerprint of a file's preview or the status it is refused with; None if the file itself is refused."""
    uploaded = session.post(f"{url}/instances", data=data)
    if uploaded.status_code != 200:
        return None
    instance = f"{url}/instances/{uploaded.json()['ID']}"
    preview = session.get(f"{instance}/preview")
    session.delete(instance)
    return fingerprint(preview.content) if preview.status_code == 200 else str(preview.status_code)


def main(url: str) -> None:
    """Ask and write."""
    with requests.Session() as session:
        answers = {name: ask(session, url, data) for name, data in all_files()}
    kept = {name: answer for name, answer in answers.items() if answer is not None}
    RECORDED.write_text(json.dumps(kept, indent=1) + "\n")
    print(f"{len(kept)} of {len(answers)} files")


if __name__ == "__main__":
    main(sys.argv[1])
