"""What one service of AWS has to be allowed, or told, for another: nothing of it can be tried without an account."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.storage.clients import make_clients
from infra.package.build import ROOT
from infra.stages import Stage, load_stage
from tests.infra.synthesized import folder_of, of_type, synthesized, templates

NAMED = {
    "AWS::DynamoDB::GlobalTable": "TableName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SecretsManager::Secret": "Name",
}


def text_of(value: Any) -> str:
    """A value of a template as one text, its references by their names."""
    if isinstance(value, str):
        return value
    ((function, argument),) = value.items()
    if function == "Fn::Join":
        return "".join(map(text_of, argument[1]))
    if function == "Fn::GetAtt":
        return "{" + ".".join(argument) + "}"
    return "{" + json.dumps(argument).strip('"') + "}"


def statements(kind: str, document: str) -> Iterator[dict[str, Any]]:
    for _, resource in of_type(templates(), kind):
        yield from resource["Properties"][document]["Statement"]


def test_api_gateway_may_call_the_handler_by_its_methods_and_the_authorizer_as_an_authorizer() -> None:
    allowed = {
        permission["Properties"]["FunctionName"]["Fn::GetAtt"][0]: text_of(
            permission["Properties"]["SourceArn"]
        ).partition("{ApiF70053CD}")[2]
        for _, permission in of_type(templates(), "AWS::Lambda::Permission")
        if permission["Properties"]["Principal"] == "apigateway.amazonaws.com"
    }
    assert {name.rstrip("0123456789ABCDEF"): arn for name, arn in allowed.items()} == {
        "ApiHandler": "/*/*/*",
        "BasicAuthorizer": "/authorizers/*",
    }


def test_alarms_reach_their_topic() -> None:
    """A topic with a policy of its own has no other one."""
    (allowed,) = (s for s in statements("AWS::SNS::TopicPolicy", "PolicyDocument") if s["Effect"] == "Allow")
    assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allowed["Action"] == "sns:Publish"
    assert text_of(allowed["Condition"]["StringEquals"]["aws:SourceAccount"]) == "{AWS::AccountId}"
    of_key = [
        s["Action"]
        for s in statements("AWS::KMS::Key", "KeyPolicy")
        if "cloudwatch.amazonaws.com" in s["Principal"].get("Service", ())
    ]
    assert any({"kms:Decrypt", "kms:GenerateDataKey*"} <= set(actions) for actions in of_key)


def test_cloudtrail_may_use_the_key_for_the_trail_that_there_is() -> None:
    ((_, trail),) = of_type(templates(), "AWS::CloudTrail::Trail")
    (allowed,) = (
        s
        for s in statements("AWS::KMS::Key", "KeyPolicy")
        if s["Principal"].get("Service") == "cloudtrail.amazonaws.com"
    )
    named = text_of(allowed["Condition"]["StringEquals"]["aws:SourceArn"])
    assert named.endswith(f":trail/{trail['Properties']['TrailName']}")


def test_the_firewall_logs_into_a_group_without_a_wildcard() -> None:
    ((_, logging),) = of_type(templates(), "AWS::WAFv2::LoggingConfiguration")
    (destination,) = logging["Properties"]["LogDestinationConfigs"]
    arn = text_of(destination)
    assert ":log-group:" in arn
    assert not arn.endswith(("*", ".Arn}"))


def metrics_of_alarms() -> dict[str, dict[str, Any]]:
    return {
        alarm["Properties"]["AlarmName"].removeprefix("nacre-prod-"): alarm["Properties"]
        for _, alarm in of_type(templates(), "AWS::CloudWatch::Alarm")
    }


def test_throttles_of_tables_are_counted_by_metrics_that_tables_have() -> None:
    alarms = metrics_of_alarms()
    for table in ("index", "log"):
        for kind in ("Read", "Write"):
            alarm = alarms[f"{table}-{kind.lower()}s-throttled"]
            # "ThrottledRequests" has the dimensions TableName and Operation, never the table alone.
            assert (alarm["MetricName"], len(alarm["Dimensions"])) == (f"{kind}ThrottleEvents", 1)


def test_one_zone_without_a_container_does_not_count_as_none_at_all() -> None:
    assert metrics_of_alarms()["dicom-down"]["Statistic"] == "Maximum"


@pytest.mark.parametrize(("alarm", "service"), [("ingest-slow", "nacre"), ("dicom-slow", "nacre-dicom")])
def test_alarms_watch_the_metrics_that_are_published(alarm: str, service: str) -> None:
    program = (
        "from chalicelib.observability import Metric, open_telemetry;"
        f"telemetry = open_telemetry('ERROR', metrics_of='prod', service='{service}');"
        "telemetry.count(Metric.LATENCY, 1); telemetry.publish()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    line = json.loads(done.stdout)
    (published,) = line["_aws"]["CloudWatchMetrics"]
    watched = metrics_of_alarms()[alarm]
    assert watched["Namespace"] == published["Namespace"]
    assert watched["MetricName"] in {metric["Name"] for metric in published["Metrics"]}
    (names,) = published["Dimensions"]
    assert {d["Name"]: d["Value"] for d in watched["Dimensions"]} == {name: line[name] for name in names}


def test_a_deployment_leaves_the_number_of_containers_to_the_scaling() -> None:
    ((_, service),) = of_type(templates(), "AWS::ECS::Service")
    assert "DesiredCount" not in service["Properties"]
    ((_, scaled),) = of_type(templates(), "AWS::ApplicationAutoScaling::ScalableTarget")
    assert scaled["Properties"]["MinCapacity"] == 2


def image_of_the_listener() -> tuple[Path, dict[str, str]]:
    """What CDK hands to docker: the folder, and how it is built."""
    folder = folder_of(load_stage("prod"))
    assets = json.loads((folder / "nacre-prod-listener.assets.json").read_text())
    (image,) = assets["dockerImages"].values()
    return folder / image["source"]["directory"], image["source"]


def test_what_the_image_is_built_of_is_handed_to_docker_and_nothing_else() -> None:
    """CDK copies what .dockerignore leaves, and builds there: a Dockerfile that is ignored would be missing."""
    context, source = image_of_the_listener()
    dockerfile = context / source["dockerFile"]
    assert dockerfile.read_text() == (ROOT / source["dockerFile"]).read_text()
    copied = [
        name
        for line in dockerfile.read_text().splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for name in line.split()[1:-1]
    ]
    assert {path.name for path in context.iterdir()} == {*copied, ".dockerignore"}


def test_the_image_is_built_for_the_processor_of_the_containers() -> None:
    _, source = image_of_the_listener()
    assert source["platform"] == "linux/amd64"
    ((_, task),) = of_type(templates(), "AWS::ECS::TaskDefinition")
    assert task["Properties"]["RuntimePlatform"]["CpuArchitecture"] == "X86_64"


@pytest.mark.parametrize("stage", ["prod", "dev"])
def test_a_deployment_that_fails_takes_its_names_back(stage: str) -> None:
    for kind, name in NAMED.items():
        for id_, resource in of_type(templates(stage), kind):
            refuses = kind == "AWS::DynamoDB::GlobalTable" and stage == "prod"
            expected = "RetainExceptOnCreate" if name in resource["Properties"] and not refuses else "Retain"
            assert (id_, resource["DeletionPolicy"]) == (id_, expected)
            assert resource["UpdateReplacePolicy"] == "Retain"


def test_what_expires_expires_in_the_copy_as_well() -> None:
    found = synthesized(
        Stage(name="prod", region="eu-central-1", account="123456789012", replica_region="eu-west-1")
    )

    def expiring(part: str) -> dict[str, int]:
        (files,) = (b for n, b in of_type({part: found[part]}, "AWS::S3::Bucket") if n.startswith("Files"))
        rules = files["Properties"]["LifecycleConfiguration"]["Rules"]
        return {r["Prefix"]: r["ExpirationInDays"] for r in rules if "ExpirationInDays" in r}

    assert expiring("replica") == expiring("data") != {}


def test_endpoints_carry_the_credentials_of_the_account_and_the_layers_of_images() -> None:
    for id_, endpoint in of_type(templates(), "AWS::EC2::VPCEndpoint"):
        own, *others = endpoint["Properties"]["PolicyDocument"]["Statement"]
        assert own["Condition"] == {"StringEquals": {"aws:PrincipalAccount": {"Ref": "AWS::AccountId"}}}, id_
        allowed = [(s["Action"], text_of(s["Resource"])) for s in others]
        layers = "arn:{AWS::Partition}:s3:::prod-us-east-1-starport-layer-bucket/*"
        assert allowed == ([("s3:GetObject", layers)] if "S3" in id_ else [])


def test_urls_that_are_handed_out_name_the_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 redirects others while a bucket is new, and their signature is for another host then."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    clients = make_clients(region="eu-central-1")
    url = clients.s3.generate_presigned_url("put_object", Params={"Bucket": "images", "Key": "a/b"})
    assert url.startswith("https://images.s3.eu-central-1.amazonaws.com/a/b?")
