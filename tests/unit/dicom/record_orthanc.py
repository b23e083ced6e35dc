"""Record how Orthanc indexes files: ``python -m tests.unit.dicom.record_orthanc URL``.

Takes an Orthanc without plugins whose store is empty, with `OverwriteInstances`; leaves it empty.
"""

from __future__ import annotations

import json
import lzma
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from tests.conformance.corpus import corpus
from tests.unit.dicom.structures import structures
from tests.unit.dicom.values import values

RECORDED = Path(__file__).with_name("orthanc_answers.json.xz")
NOT_OF_THE_FILE = ("HttpHost", "HttpUsername", "Origin", "ReceptionDate", "RemoteAET", "RemoteIP")
LEVELS = ("patients", "studies", "series", "instances")
PARENTS = ("ParentPatient", "ParentStudy", "ParentSeries", "ID")

Answer = dict[str, Any]


def all_files() -> Iterator[tuple[str, bytes]]:
    """The files to ask for, by name."""
    yield from ((name, data) for name, data in corpus().items() if name.startswith("shipped/"))
    yield from structures()
    yield from values()


def ask(session: requests.Session, url: str, data: bytes) -> Answer:
    """What the four levels say of a file, or with which status and number of error it is refused."""
    uploaded = session.post(f"{url}/instances", data=data)
    stored = uploaded.json()
    if uploaded.status_code != 200:
        return {"refused": [uploaded.status_code, stored["OrthancStatus"]]}
    ids = [stored[parent] for parent in PARENTS]
    rows = [session.get(f"{url}/{level}/{ID}").json() for level, ID in zip(LEVELS, ids, strict=True)]
    metadata = session.get(f"{url}/instances/{ids[-1]}/metadata?expand").json()
    session.delete(f"{url}/patients/{ids[0]}")
    return {
        "ids": ids,
        "tags": [row["MainDicomTags"] for row in rows],
        "index": rows[3]["IndexInSeries"],
        "expected": rows[2]["ExpectedNumberOfInstances"],
        "metadata": {name: value for name, value in metadata.items() if name not in NOT_OF_THE_FILE},
    }


def main(url: str) -> None:
    """Ask and write, a line for each file."""
    with requests.Session() as session:
        answers = {name: ask(session, url, data) for name, data in all_files() if not data.startswith(b"PK")}
    lines = (
        f"{json.dumps(name)}: {json.dumps(answer, ensure_ascii=False)}" for name, answer in answers.items()
    )
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    RECORDED.write_bytes(lzma.compress(text.encode()))
    print(f"{len(answers)} files")


if __name__ == "__main__":
    main(sys.argv[1])
