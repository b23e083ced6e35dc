"""What Chalice says of the application: whole, consistent, and within API Gateway's limits."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from chalicelib.settings import VARIABLES
from infra.package.build import NotPackaged, make_template, stage_environment
from infra.package.template import functions
from infra.resources import VISIBILITY_SECONDS

ROOT = Path(__file__).parents[2]
MAX_RESOURCES = 250  # API Gateway's quota is 300


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_template(tmp_path_factory.mktemp("code"))


@pytest.fixture(scope="module")
def template(text: str) -> dict[str, Any]:
    return json.loads(text)


@pytest.fixture(scope="module")
def definition(template: dict[str, Any]) -> dict[str, Any]:
    return template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]


def gateway_resources(paths: list[str]) -> set[tuple[str, ...]]:
    """The nodes of the tree that API Gateway makes of paths, its root included."""
    segments = [tuple(path.strip("/").split("/")) for path in paths]
    return {path[:length] for path in segments for length in range(len(path) + 1)}


def test_the_api_fits_the_quota_of_resources(definition: dict[str, Any]) -> None:
    assert len(gateway_resources(list(definition["paths"]))) < MAX_RESOURCES


def test_no_two_parameters_stand_at_one_place(definition: dict[str, Any]) -> None:
    """API Gateway refuses siblings such as ``/a/{x}`` and ``/a/{y}/b``."""
    names: dict[tuple[str, ...], set[str]] = {}
    for node in gateway_resources(list(definition["paths"])):
        if node and node[-1].startswith("{"):
            names.setdefault(node[:-1], set()).add(node[-1])
    assert [place for place, given in names.items() if len(given) > 1] == []


def test_the_same_checkout_gives_the_same_template(text: str, tmp_path: Path) -> None:
    assert make_template(tmp_path) == text


def test_bodies_are_binary_both_ways(definition: dict[str, Any]) -> None:
    assert definition["x-amazon-apigateway-binary-media-types"] == ["*/*"]


def test_every_method_of_every_path_asks_the_authorizer(definition: dict[str, Any]) -> None:
    methods = [method for path in definition["paths"].values() for method in path.values()]
    assert methods
    assert all(method.get("security") == [{"basic_authorizer": []}] for method in methods)
    authorizer = definition["securityDefinitions"]["basic_authorizer"]["x-amazon-apigateway-authorizer"]
    assert "${BasicAuthorizer.Arn}" in authorizer["authorizerUri"]["Fn::Sub"]


def test_functions_run_on_the_runtime_and_know_their_settings(template: dict[str, Any]) -> None:
    found = functions(template)
    assert {"APIHandler", "BasicAuthorizer", "Sweep"} <= found.keys()
    for function in found.values():
        variables = function["Environment"]["Variables"]
        assert function["Runtime"] == "python3.13"
        assert function["Architectures"] == ["x86_64"]
        assert variables.keys() <= VARIABLES.keys()
        assert variables["NACRE_AUTHENTICATION_ENABLED"] == "true"


def test_the_sweep_runs_on_a_schedule(template: dict[str, Any]) -> None:
    (event,) = functions(template)["Sweep"]["Events"].values()
    assert event == {"Type": "Schedule", "Properties": {"Schedule": "rate(1 minute)"}}


def test_messages_of_the_queue_are_done_in_time(template: dict[str, Any]) -> None:
    function = functions(template)["Inbox"]
    (event,) = function["Events"].values()
    assert event["Type"] == "SQS"
    assert event["Properties"]["Queue"]["Fn::Sub"].endswith(":nacre-prod-inbox")
    assert 6 * function["Timeout"] <= VISIBILITY_SECONDS  # as AWS advises


def test_the_gateway_answers_as_the_documentation_says(definition: dict[str, Any]) -> None:
    documented = re.findall(
        r"^\| ((?:`[A-Z0-9_]+`(?:, )?)+) \| ([^|]+?) \| ([^|]*?) ?\| ([^|]+?) \|$",
        (ROOT / "docs/configuration.md").read_text(),
        re.MULTILINE,
    )
    expected = {
        name: (status if status.isdigit() else None, re.findall(r"`([\w-]+): (.+)`", headers), body == "none")
        for names, status, headers, body in documented
        for name in re.findall(r"`(\w+)`", names)
    }
    answers = definition["x-amazon-apigateway-gateway-responses"]
    assert {name: shown(answer) for name, answer in answers.items()} == expected


def shown(answer: dict[str, Any]) -> tuple[str | None, list[tuple[str, str]], bool]:
    headers = [
        (name.removeprefix("gatewayresponse.header."), value.strip("'"))
        for name, value in answer.get("responseParameters", {}).items()
    ]
    return answer.get("statusCode"), headers, answer["responseTemplates"]["application/json"] == ""


def test_the_bodies_of_the_gateway_are_orthancs(definition: dict[str, Any]) -> None:
    answers = definition["x-amazon-apigateway-gateway-responses"]
    body = json.loads(answers["MISSING_AUTHENTICATION_TOKEN"]["responseTemplates"]["application/json"])
    assert (body["HttpStatus"], body["OrthancStatus"]) == (404, 17)
    assert (body["Method"], body["Uri"]) == ("$context.httpMethod", "$context.path")


def test_a_stage_that_the_configuration_does_not_have_is_refused() -> None:
    with pytest.raises(NotPackaged, match="unknown"):
        stage_environment("unknown")
