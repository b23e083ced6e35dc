"""A deployment starts only if all it needs is there; then CDK is asked for exactly what the person wants."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from infra.commands import deploy as command
from infra.commands.common import CommandFailed
from infra.package.build import ROOT
from infra.stages import load_stage
from tests.commands.cloud import STAGE, Cloud

PINNED = "ARG BASE=python:3.13-slim@sha256:" + "0" * 64
RECORDER = """#!{python}
import json, pathlib, shutil, sys
arguments = sys.argv[1:]
with open({log!r}, "a") as log:
    print(json.dumps(["{name}", *arguments, shutil.which("node")]), file=log)
if "--outputs-file" in arguments:
    outputs = {{"nacre-dev-api": {{"Url": "https://abc/api/"}}, "nacre-dev-listener": {{"Host": "lb.example"}}}}
    pathlib.Path(arguments[arguments.index("--outputs-file") + 1]).write_text(json.dumps(outputs))
sys.exit({code})
"""


class Machine:
    """A machine with commands that write down how they were called."""

    def __init__(self, folder: Path, aws: Cloud) -> None:
        self._folder, self._aws = folder, aws
        (folder / "bin").mkdir()
        self.dockerfile = folder / "Dockerfile"
        self.dockerfile.write_text(PINNED)
        self.has("docker")
        self.has("npx")

    def has(self, name: str, code: int = 0) -> None:
        path = self._folder / "bin" / name
        log = str(self._folder / "log")
        path.write_text(RECORDER.format(python=sys.executable, log=log, name=name, code=code))
        path.chmod(0o755)

    @property
    def calls(self) -> list[list[str]]:
        log = self._folder / "log"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def deploys(self, *options: str, **environment: str) -> tuple[int, str, str]:
        arguments = ["--stage", STAGE, "--no-package", "--npx", str(self._folder / "bin/npx")]
        arguments += ["--outputs", str(self._folder / "out.json"), "--dockerfile", str(self.dockerfile)]
        environment = {"PATH": str(self._folder / "bin"), **environment}
        done = self._aws.run("deploy", *arguments, *options, **environment)
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def machine(tmp_path: Path, aws: Cloud) -> Machine:
    prepare(aws)
    return Machine(tmp_path, aws)


def prepare(aws: Cloud) -> None:
    aws.client("ssm").put_parameter(Name=command.MARK, Value="30", Type="String")


def test_cdk_deploys_all_stacks_and_the_person_hears_where_the_store_is(machine: Machine) -> None:
    code, told, errors = machine.deploys()
    assert (code, errors) == (0, "")
    assert told == "API: https://abc/api/\nDICOM: lb.example\n"
    docker, npx = machine.calls
    assert docker[:2] == ["docker", "info"]
    assert npx[:5] == [
        "npx",
        "--yes",
        command.CDK,
        "--app",
        f"{sys.executable} -m infra.stacks --stage {STAGE}",
    ]
    assert npx[5:7] == ["--output", str(ROOT / "build/cdk")]
    assert npx[7:11] == ["deploy", "--all", "--require-approval", "broadening"]


def test_cdk_runs_on_the_pinned_node(machine: Machine) -> None:
    machine.deploys()
    assert machine.calls[-1][-1] == str(Path(sys.executable).parent / "node")


def test_approval_is_the_persons_choice(machine: Machine) -> None:
    assert machine.deploys("--approval", "never")[0] == 0
    npx = machine.calls[-1]
    assert npx[npx.index("--require-approval") + 1] == "never"
    assert machine.deploys("--approval", "perhaps")[0] == 2


def test_a_base_image_that_is_not_pinned(machine: Machine) -> None:
    machine.dockerfile.write_text("ARG BASE=python:3.13-slim")
    code, _, errors = machine.deploys()
    assert (code, machine.calls) == (1, [])
    assert "make pin" in errors


def test_without_docker(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "bin/docker").unlink()
    code, _, errors = machine.deploys()
    assert (code, machine.calls) == (1, [])
    assert "docker is missing" in errors


def test_a_docker_that_does_not_answer(machine: Machine) -> None:
    machine.has("docker", code=1)
    code, _, errors = machine.deploys()
    assert (code, len(machine.calls)) == (1, 1)
    assert "does not answer" in errors


def test_without_credentials(machine: Machine) -> None:
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": "/nowhere"}
    code, _, errors = machine.deploys(**nobody)
    assert (code, errors) == (1, "There are no credentials for AWS: sign in, or set AWS_PROFILE\n")


def test_a_region_that_was_not_prepared(machine: Machine, aws: Cloud) -> None:
    aws.client("ssm").delete_parameter(Name=command.MARK)
    code, _, errors = machine.deploys()
    assert (code, len(machine.calls)) == (1, 1)
    assert f"make bootstrap STAGE={STAGE}" in errors


def test_credentials_of_another_account(aws: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    import msgspec

    from infra.commands.common import open_account

    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    stage = msgspec.structs.replace(load_stage(STAGE), account="123456789012")
    with pytest.raises(CommandFailed, match="for account 000000000000, the stage is for 123456789012"):
        open_account(stage)


def test_a_deployment_that_fails_says_so(machine: Machine) -> None:
    machine.has("npx", code=3)
    code, told, errors = machine.deploys()
    assert (code, told, errors) == (1, "", "The deployment failed (3)\n")


def test_a_stage_that_does_not_exist(aws: Cloud) -> None:
    done = aws.run("deploy", "--stage", "nowhere")
    assert (done.returncode, "nowhere.toml" in done.stderr) == (1, True)


def test_preparing_an_account_needs_nothing_else(machine: Machine) -> None:
    assert machine.deploys("--bootstrap")[0] == 0
    assert [call[:-1] for call in machine.calls] == [
        ["npx", "--yes", command.CDK, "bootstrap", "aws://000000000000/us-east-1"]
    ]


def test_the_package_is_made_first_and_without_it_nothing_is_deployed(tmp_path: Path) -> None:
    calls: list[str] = []

    def execute(line: Sequence[str]) -> int:
        calls.append("package" if "infra.package" in line else "cdk")
        return 1

    with pytest.raises(CommandFailed, match="package"):
        command.deploy(
            load_stage(STAGE),
            execute,
            calls.append,
            npx=Path("npx"),
            approval="never",
            outputs=tmp_path / "outputs",
        )
    assert calls == ["package"]
