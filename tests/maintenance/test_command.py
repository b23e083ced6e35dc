"""The commands on the data of a store on this machine, as a person gives them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.bootstrap import build
from chalicelib.settings import Settings
from chalicelib.storage.clients import make_clients
from infra.local.stack import offline
from tests.maintenance.test_rebuild import file


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a store that has some files, and has lost its index."""
    variables = {"NACRE_DATA": str(tmp_path / "data")}
    settings = Settings.load(variables)
    with offline(settings) as url:
        clients = make_clients(url)
        services = build(settings, clients)
        for number in range(4):
            services.ingest.store(file(number))
        for page in clients.dynamodb.get_paginator("scan").paginate(TableName=settings.index_table):
            for item in page["Items"]:
                clients.dynamodb.delete_item(
                    TableName=settings.index_table, Key={name: item[name] for name in ("pk", "sk")}
                )
    return variables


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "infra.maintenance", *arguments],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_lost_index_is_rebuilt_and_then_sound(environment: dict[str, str]) -> None:
    lost = run(environment, "check", "--json")
    assert lost.returncode in (0, 1)  # what is as young as this may belong to an upload that goes on
    assert all("kind" in json.loads(line) for line in lost.stdout.splitlines())
    rebuilt = run(environment, "rebuild")
    assert (rebuilt.returncode, rebuilt.stderr) == (0, "4 files looked at, 4 added, 0 refused\n")
    assert rebuilt.stdout.startswith("Files: 4. Added: 4.")
    checked = run(environment, "check", "--verify")
    assert (checked.returncode, checked.stdout) == (0, "Nothing is wrong\n")


def test_a_store_that_runs_is_left_alone(environment: dict[str, str]) -> None:
    with offline(Settings.load(environment)):
        refused = run(environment, "check")
    assert refused.returncode == 2
    assert "is running" in refused.stderr


def test_help_names_the_commands(environment: dict[str, str]) -> None:
    told = run(environment, "--help")
    assert told.returncode == 0
    assert "rebuild" in told.stdout
    assert "check" in told.stdout
