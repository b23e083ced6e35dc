"""What lies in the inbox when the whole store is killed is taken in when it runs again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import requests

from tests.support.stack import RunningStack
from tests.upload.files import CT_ID, ct

PATIENCE_SECONDS = 30


def test_an_upload_outlives_a_kill(tmp_path: Path) -> None:
    stack = RunningStack(tmp_path / "data")
    try:
        stack.start()
        ticket = requests.post(f"{stack.url}/nacre/uploads", json={"Size": len(ct())}, timeout=10).json()
        assert requests.put(ticket["Url"], ct(), timeout=10).ok
        stack.kill()
        stack.start()
        status = outcome(stack.url, ticket["ID"])
        assert (status["Status"], status["Instances"][0]["ID"]) == ("Success", CT_ID)
        assert requests.get(f"{stack.url}/instances/{CT_ID}/file", timeout=10).content == ct()
        changes = requests.get(f"{stack.url}/changes", timeout=10).json()["Changes"]
        assert [change["ChangeType"] for change in changes].count("NewInstance") == 1
    finally:
        stack.kill()


def outcome(url: str, identifier: str) -> Any:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        status = requests.get(f"{url}/nacre/uploads/{identifier}", timeout=10).json()
        if status["Status"] != "Pending" or time.monotonic() > deadline:
            return status
        time.sleep(0.1)
