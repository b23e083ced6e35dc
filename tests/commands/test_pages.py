"""The pages of the deployment say what the code does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from chalicelib.settings import Settings
from infra.commands.rights import DOCUMENT, document
from infra.package.build import ROOT, stage_environment
from infra.resources import define, table_request
from infra.stacks.log_groups import _DAYS
from infra.stages import Stage, load_stage
from tests.infra.synthesized import of_type, synthesized, templates

DEPLOYMENT = (ROOT / "docs/deployment.md").read_text()
OPERATIONS = (ROOT / "docs/operations.md").read_text()
SECURITY = (ROOT / "docs/security.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()


def section(page: str, heading: str) -> str:
    return re.split(r"^## ", page.split(f"\n## {heading}\n")[1], flags=re.MULTILINE)[0]


def rows(text: str) -> Iterator[list[str]]:
    """The cells of the rows of tables that begin with code."""
    for line in text.splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_the_page_of_rights_is_up_to_date() -> None:
    assert DOCUMENT.read_text() == document(), "python -m infra.commands.rights --document"


def test_every_line_of_a_stage_file_is_explained_with_its_default() -> None:
    told = {cells[0].strip("`"): cells[1].strip("`") for cells in rows(section(DEPLOYMENT, "The stage file"))}
    expected = {}
    for field in msgspec.structs.fields(Stage):
        if field.name != "name":
            required = field.default is msgspec.NODEFAULT
            expected[field.name] = "-" if required else json.dumps(field.default)
    assert told == expected


def test_the_days_that_logs_can_be_kept_are_told() -> None:
    (row,) = (cells for cells in rows(DEPLOYMENT) if cells[0] == "`log_days`")
    assert [int(number) for number in re.findall(r"\d+", row[2])] == list(_DAYS)


def test_every_alarm_is_explained() -> None:
    told = {
        name for cells in rows(section(OPERATIONS, "Alarms")) for name in re.findall(r"`([\w-]+)`", cells[0])
    }
    stage = msgspec.structs.replace(load_stage("prod"), dicom_tls=True)
    alarms = {
        alarm["Properties"]["AlarmName"].removeprefix("nacre-prod-")
        for _, alarm in of_type(synthesized(stage), "AWS::CloudWatch::Alarm")
    }
    assert told == alarms


def test_commands_name_what_the_stacks_make() -> None:
    """Functions, services, tables, queues and secrets of the commands on the pages are those of prod."""
    text = json.dumps(templates("prod"))
    known = set(re.findall(r"nacre-prod-[a-z-]+\b", text))
    stage = msgspec.structs.replace(load_stage("prod"), dicom_tls=True)
    known |= {s["Properties"]["ServiceName"] for _, s in of_type(synthesized(stage), "AWS::ECS::Service")}
    made_by_the_person = {"nacre-prod-index-restored", "nacre-prod-log-restored"}
    named = set(re.findall(r"nacre-prod-[a-z]+(?:-[a-z]+)*", DEPLOYMENT + OPERATIONS))
    copies = {"nacre-prod-files-copy"}
    assert named - known - made_by_the_person - copies == set()


def test_functions_that_are_stopped_are_those_that_write() -> None:
    (names,) = re.findall(r"for NAME in (.+); do", OPERATIONS)
    functions = {
        f["Properties"]["FunctionName"] for _, f in of_type(templates("prod"), "AWS::Lambda::Function")
    }
    assert {f"nacre-prod-{name}" for name in names.split()} == functions - {"nacre-prod-basic-authorizer"}


def test_a_table_that_is_made_by_hand_is_the_one_that_the_store_defines() -> None:
    command = (
        section(OPERATIONS, "Backup, restore, rebuild, check")
        .split("aws dynamodb create-table")[1]
        .split("```")[0]
    )
    resources = define(Settings.load(stage_environment("prod")))
    request: dict[str, Any] = table_request(resources.index)
    assert f"--table-name {request['TableName']}" in command
    assert f"--billing-mode {request['BillingMode']}" in command
    pairs = re.findall(r"AttributeName=(\w+),(?:AttributeType|KeyType)=(\w+)", command)
    assert pairs == [
        *((one["AttributeName"], one["AttributeType"]) for one in request["AttributeDefinitions"]),
        *((one["AttributeName"], one["KeyType"]) for one in request["KeySchema"]),
    ]
    assert f"AttributeName={resources.index.expiry_attribute}" in OPERATIONS
    assert table_request(resources.log)["KeySchema"] == [{"AttributeName": "pk", "KeyType": "HASH"}]


@pytest.mark.parametrize("page", [DEPLOYMENT, OPERATIONS, SECURITY, (ROOT / "README.md").read_text()])
def test_variables_of_make_are_used_by_their_target(page: str) -> None:
    for target, given in re.findall(
        r"make (deploy|destroy|logs|user|smoke|bootstrap)((?: [A-Z]+=\S+)*)", page
    ):
        recipe = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
        assert recipe is not None
        for variable in re.findall(r" ([A-Z]+)=", given):
            assert variable in recipe[1], (target, variable)
