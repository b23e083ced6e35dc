"""Stages are checked before anything is deployed."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.stages import FOLDER, StageError, load_stage


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_the_stages_that_come_with_it_are_sound(path: Path) -> None:
    assert load_stage(path.stem).name == path.stem


def test_a_stage_that_does_not_exist() -> None:
    with pytest.raises(StageError, match="elsewhere"):
        load_stage("elsewhere")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "region"),
        ('region = "Frankfurt"', "region"),
        ('region = "us-east-1"\nmaximum_task = 3', "maximum_task"),
        ('region = "us-east-1"\nminimum_tasks = 11', "minimum_tasks"),
        ('region = "us-east-1"\nvpc_cidr = "10.0.0.1/8"', "host bits"),
        ('region = "us-east-1"\ndicom_sources = ["everywhere"]', "everywhere"),
        ('region = "us-east-1"\ndicom_public = true\ninternet_access = true', "without TLS"),
        ('region = "us-east-1"\nreplica_region = "us-west-2"', "account"),
        ('region = "us-east-1"\naccount = "123456789012"\nreplica_region = "us-east-1"', "itself"),
        ('region = "us-east-1"\nwarm_write_units = 500', "change nothing"),
        ("region = ", "stage.toml"),
    ],
)
def test_what_cannot_be_is_refused(text: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "stage.toml").write_text(text)
    with pytest.raises(StageError, match=complaint):
        load_stage("stage", tmp_path)
