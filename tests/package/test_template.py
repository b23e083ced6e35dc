"""The template: whole, consistent, within AWS's limits, and no more permissive than the code needs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.settings import VARIABLES, Settings
from infra.package.build import NotPackaged, make_template, stage_environment
from infra.package.policies import policies
from infra.package.template import functions
from infra.resources import VISIBILITY_SECONDS, define

ROOT = Path(__file__).parents[2]
MAX_RESOURCES = 250  # API Gateway's quota is 300
MAX_TEMPLATE_BYTES = 1_000_000  # CloudFormation's limit for a template in S3
STORAGE_CALLS = {
    "scan": set(),  # by infra.maintenance, with the rights of whoever runs it
    "abort_multipart_upload": {"s3:AbortMultipartUpload"},
    "batch_get_item": {"dynamodb:BatchGetItem"},
    "batch_write_item": {"dynamodb:BatchWriteItem"},
    "complete_multipart_upload": {"s3:PutObject"},
    "copy_object": {"s3:GetObject", "s3:PutObject"},
    "create_multipart_upload": {"s3:PutObject"},
    "delete_item": {"dynamodb:DeleteItem"},
    "delete_object": {"s3:DeleteObject"},
    "delete_objects": {"s3:DeleteObject"},
    "get_item": {"dynamodb:GetItem"},
    "get_object": {"s3:GetObject", "s3:ListBucket"},
    "head_object": {"s3:GetObject", "s3:ListBucket"},
    "list_objects_v2": {"s3:ListBucket"},
    "list_parts": {"s3:ListMultipartUploadParts"},
    "put_item": {"dynamodb:PutItem"},
    "put_object": {"s3:PutObject"},
    "query": {"dynamodb:Query"},
    "transact_write_items": {
        "dynamodb:ConditionCheckItem",
        "dynamodb:DeleteItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
    },
    "update_item": {"dynamodb:UpdateItem"},
    "upload_fileobj": {"s3:AbortMultipartUpload", "s3:PutObject"},
    "upload_part": {"s3:PutObject"},
    "upload_part_copy": {"s3:GetObject", "s3:PutObject"},
}
"""What each call to DynamoDB and S3 needs (service authorization reference). ListBucket: for 404 instead of 403."""

WAKING = {"sqs:SendMessage"}  # Queue.send, of the jobs' queue
EVENT_SOURCE = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
"""What Lambda needs to read a queue (its developer guide, "Using Lambda with Amazon SQS")."""


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


def test_the_template_fits_cloudformation(text: str) -> None:
    assert len(text) < MAX_TEMPLATE_BYTES


def test_the_same_checkout_gives_the_same_template(text: str, tmp_path: Path) -> None:
    assert make_template(tmp_path) == text


def test_every_reference_leads_somewhere(template: dict[str, Any]) -> None:
    known = template["Resources"].keys() | template["Parameters"].keys()
    assert {name for name in references(template) if not name.startswith("AWS::")} <= known


def references(part: Any, local: frozenset[str] = frozenset()) -> Iterator[str]:
    """What the intrinsic functions of a template name."""
    if isinstance(part, list):
        for entry in part:
            yield from references(entry, local)
    if not isinstance(part, dict):
        return
    for key, value in part.items():
        if key == "Ref":
            yield value
        elif key == "Fn::GetAtt":
            yield value[0]
        elif key == "Fn::Sub":
            pattern, variables = (value, {}) if isinstance(value, str) else value
            names = {name.split(".")[0] for name in re.findall(r"\$\{([^}]+)\}", pattern)}
            yield from names - variables.keys()
            yield from references(variables)
        else:
            yield from references(value, local)


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


def test_messages_of_the_queue_fail_one_by_one_and_in_time(template: dict[str, Any]) -> None:
    function = functions(template)["Inbox"]
    (event,) = function["Events"].values()
    assert event["Type"] == "SQS"
    assert event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert event["Properties"]["Queue"]["Fn::Sub"].endswith(":nacre-prod-inbox")
    assert 6 * function["Timeout"] <= VISIBILITY_SECONDS  # as AWS advises


def test_only_the_authorizer_reads_the_secret(template: dict[str, Any]) -> None:
    readers = [
        name for name, actions in granted(template).items() if "secretsmanager:GetSecretValue" in actions
    ]
    assert readers == ["BasicAuthorizerRole"]
    assert {action.split(":")[0] for action in granted(template)["BasicAuthorizerRole"]} == {
        "logs",
        "secretsmanager",
    }


def test_no_right_is_a_wildcard_and_none_reaches_beyond_the_store(template: dict[str, Any]) -> None:
    own = re.compile(
        r"nacre-prod-(index|log|files|inbox|jobs|network)(/\*)?$|/aws/lambda/\$\{AWS::StackName\}-\*$"
    )
    for statement in statements(template):
        assert not [action for action in statement["Action"] if "*" in action]
        resource = statement["Resource"]
        assert resource == {"Ref": "UsersSecretArn"} or own.search(resource["Fn::Sub"])


def test_rights_are_those_of_the_calls_that_are_made() -> None:
    needed = set().union(*(STORAGE_CALLS[name] for name in storage_calls())) | EVENT_SOURCE | WAKING
    documents = policies(define(Settings.load({}))).values()
    actions = {
        action
        for document in documents
        for statement in document["Statement"]
        for action in statement["Action"]
    }
    assert {action for action in actions if not action.startswith(("logs:", "secretsmanager:"))} == needed


def storage_calls() -> set[str]:
    """The methods of the clients of DynamoDB and S3 that are called, or that URLs are signed for."""
    folders = ("chalicelib/storage/dynamodb", "chalicelib/storage/s3")
    modules = "".join(path.read_text() for folder in folders for path in (ROOT / folder).rglob("*.py"))
    calls = set(re.findall(r"_client\.(\w+)\(", modules))
    calls |= set(re.findall(r"(?:get_paginator|generate_presigned_url)\(\s*\"(\w+)\"", modules))
    return calls - {"get_paginator", "generate_presigned_url"}


def statements(template: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::IAM::Role":
            for policy in resource["Properties"]["Policies"]:
                yield from policy["PolicyDocument"]["Statement"]


def granted(template: dict[str, Any]) -> dict[str, set[str]]:
    """The actions that each role allows."""
    return {
        name: {
            action for statement in statements({"Resources": {name: role}}) for action in statement["Action"]
        }
        for name, role in template["Resources"].items()
        if role["Type"] == "AWS::IAM::Role"
    }


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
