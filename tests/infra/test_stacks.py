"""The deployment: whole, checked by AWS's own rules, and as locked down as the documentation says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Validations
from aws_cdk import Stack as CdkStack
from aws_cdk import aws_s3 as s3
from cdk_nag import AwsSolutionsChecks, HIPAASecurityChecks

from chalicelib.settings import VARIABLES
from infra.stacks.application import BEHAVIOUR
from infra.stacks.reasons import REASONS
from infra.stages import Stage, load_stage
from tests.infra.synthesized import folder_of, of_type, synthesized, templates

MAX_TEMPLATE_BYTES = 1_000_000  # CloudFormation's limit for a template in S3
RETAINED = {
    "AWS::DynamoDB::GlobalTable",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
}


def test_what_holds_data_outlives_its_stack() -> None:
    for kind in RETAINED:
        found = list(of_type(templates(), kind))
        assert found
        for name, resource in found:
            policies = resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")
            # A deployment that fails takes back what it has just made (test_between_services).
            assert policies in {("Retain", "Retain"), ("RetainExceptOnCreate", "Retain")}, name


def test_everything_at_rest_is_encrypted_with_the_stores_own_key() -> None:
    for name, bucket in of_type(templates(), "AWS::S3::Bucket"):
        rules = bucket["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        algorithm = rules[0]["ServerSideEncryptionByDefault"]["SSEAlgorithm"]
        assert algorithm == ("AES256" if name.startswith("AccessLogs") else "aws:kms"), name
    for name, table in of_type(templates(), "AWS::DynamoDB::GlobalTable"):
        assert table["Properties"]["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}, name
    for kind, option in (
        ("AWS::SQS::Queue", "KmsMasterKeyId"),
        ("AWS::SNS::Topic", "KmsMasterKeyId"),
        ("AWS::Logs::LogGroup", "KmsKeyId"),
        ("AWS::SecretsManager::Secret", "KmsKeyId"),
        ("AWS::Lambda::Function", "KmsKeyArn"),
        ("AWS::CloudTrail::Trail", "KMSKeyId"),
    ):
        found = list(of_type(templates(), kind))
        assert found
        assert all(resource["Properties"].get(option) for _, resource in found), kind


def test_buckets_are_private_and_refuse_what_is_not_tls() -> None:
    policies = [p["Properties"] for _, p in of_type(templates(), "AWS::S3::BucketPolicy")]
    buckets = list(of_type(templates(), "AWS::S3::Bucket"))
    assert len(policies) == len(buckets)
    for name, bucket in buckets:
        assert set(bucket["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}, name
        assert bucket["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}, name
    for policy in policies:
        denied = [s["Condition"] for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"]
        assert {"Bool": {"aws:SecureTransport": "false"}} in denied
        assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in denied


def test_files_move_to_cheaper_storage_and_what_is_temporary_goes() -> None:
    (files,) = (
        bucket["Properties"]
        for name, bucket in of_type({"data": templates()["data"]}, "AWS::S3::Bucket")
        if name.startswith("Files")
    )
    rules = files["LifecycleConfiguration"]["Rules"]
    assert {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "ExpirationInDays" in rule} == {
        "default/archives/": 2,
        "default/aside/": 30,
    }
    tiers = [rule["Transitions"] for rule in rules if "Transitions" in rule]
    assert tiers == [[{"StorageClass": "INTELLIGENT_TIERING", "TransitionInDays": 0}]]


def test_queues_give_up_into_a_queue_that_somebody_watches() -> None:
    queues = [queue["Properties"] for _, queue in of_type(templates(), "AWS::SQS::Queue")]
    assert len([queue for queue in queues if "RedrivePolicy" in queue]) == 3
    alarms = {a["Properties"]["AlarmName"] for _, a in of_type(templates(), "AWS::CloudWatch::Alarm")}
    assert {f"nacre-prod-{name}-given-up" for name in ("inbox", "jobs", "network")} <= alarms
    assert {f"nacre-prod-{name}-behind" for name in ("inbox", "jobs", "network")} <= alarms
    assert {"nacre-prod-api-errors", "nacre-prod-dicom-down", "nacre-prod-ingest-slow"} <= alarms


def test_functions_and_containers_know_their_settings() -> None:
    functions = [f["Properties"] for _, f in of_type(templates(), "AWS::Lambda::Function")]
    assert {f["Handler"] for f in functions} == {
        "app.app",
        "app.basic_authorizer",
        "app.inbox",
        "app.jobs",
        "app.sweep",
    }
    ((_, task),) = of_type(templates(), "AWS::ECS::TaskDefinition")
    (container,) = task["Properties"]["ContainerDefinitions"]
    told = [f["Environment"]["Variables"] for f in functions]
    told.append(
        {entry["Name"]: entry["Value"] for entry in container["Environment"] if entry["Name"] != "TMPDIR"}
    )
    for variables in told:
        assert variables.keys() <= VARIABLES.keys()
        assert variables["NACRE_AUTHENTICATION_ENABLED"] == "true"
        assert {"NACRE_FILES_BUCKET", "NACRE_NETWORK_QUEUE_URL", "NACRE_USERS_SECRET"} <= variables.keys()


def test_containers_cannot_write_but_to_their_scratch() -> None:
    ((_, task),) = of_type(templates(), "AWS::ECS::TaskDefinition")
    (container,) = task["Properties"]["ContainerDefinitions"]
    assert container["ReadonlyRootFilesystem"] is True
    assert container["MountPoints"] == [
        {"ContainerPath": "/scratch", "ReadOnly": False, "SourceVolume": "scratch"}
    ]
    assert container["StopTimeout"] == 120
    ((_, service),) = of_type(templates(), "AWS::ECS::Service")
    assert (
        service["Properties"]["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"] == "DISABLED"
    )
    assert service["Properties"]["DeploymentConfiguration"]["MinimumHealthyPercent"] == 100


def test_nothing_listens_to_the_internet() -> None:
    """Neither a group that anybody may connect to, nor a way out but the endpoints."""
    for name, group in of_type(templates(), "AWS::EC2::SecurityGroup"):
        for rule in group["Properties"].get("SecurityGroupIngress", []):
            assert rule["CidrIp"] != "0.0.0.0/0", name
    assert [name for name, _ in of_type(templates(), "AWS::EC2::NatGateway")] == []
    assert [name for name, _ in of_type(templates(), "AWS::EC2::InternetGateway")] == []
    ((_, balancer),) = of_type(templates(), "AWS::ElasticLoadBalancingV2::LoadBalancer")
    assert balancer["Properties"]["Scheme"] == "internal"


def test_logs_of_the_api_hold_no_path_and_no_body() -> None:
    ((_, stage),) = of_type(templates(), "AWS::ApiGateway::Stage")
    format_ = stage["Properties"]["AccessLogSetting"]["Format"]
    assert "$context.resourcePath" in format_
    assert "$context.path" not in format_
    (settings,) = stage["Properties"]["MethodSettings"]
    assert (settings["DataTraceEnabled"], settings["LoggingLevel"]) == (False, "ERROR")
    ((_, logging),) = of_type(templates(), "AWS::WAFv2::LoggingConfiguration")
    redacted = {next(iter(field)) for field in logging["Properties"]["RedactedFields"]}
    assert {"SingleHeader", "QueryString", "UriPath"} == {name[0].upper() + name[1:] for name in redacted}


def test_templates_fit_cloudformation() -> None:
    for path in folder_of(load_stage("prod")).glob("*.template.json"):
        assert path.stat().st_size < MAX_TEMPLATE_BYTES


@pytest.mark.parametrize("stage", ["prod", "dev"])
def test_templates_pass_cfn_lint(stage: str) -> None:
    files = sorted(map(str, folder_of(load_stage(stage)).glob("*.template.json")))
    # W3005: CDK names dependencies that references imply.
    command = [str(Path(sys.executable).parent / "cfn-lint"), "--ignore-checks", "W3005", "--", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_rules_of_cdk_nag_are_asked() -> None:
    """Whatever `synthesize` lets through has passed them: this bucket does not."""
    app = App(context=BEHAVIOUR)
    s3.Bucket(CdkStack(app, "weak"), "Bucket")
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), HIPAASecurityChecks(app))
    with pytest.raises(RuntimeError, match=r"(?s)AwsSolutions-S10.*HIPAA\.Security-S3BucketSSLRequestsOnly"):
        app.synth()


def test_every_finding_that_stands_has_a_reason() -> None:
    for rules in REASONS.values():
        for rule, reason in rules.items():
            assert len(reason.split()) >= 4 or reason.startswith("As "), rule


def with_options(**options: Any) -> Stage:
    return Stage(name="prod", region="eu-central-1", **options)


def test_a_stage_may_have_a_copy_in_another_region() -> None:
    found = synthesized(with_options(account="123456789012", replica_region="eu-west-1"))
    (files,) = (
        bucket["Properties"]
        for name, bucket in of_type({"data": found["data"]}, "AWS::S3::Bucket")
        if name.startswith("Files")
    )
    (rule,) = files["ReplicationConfiguration"]["Rules"]
    assert rule["Status"] == "Enabled"
    for _, table in of_type(found, "AWS::DynamoDB::GlobalTable"):
        assert {r["Region"] for r in table["Properties"]["Replicas"]} == {"eu-central-1", "eu-west-1"}


def test_a_stage_may_be_on_the_internet_by_tls_alone() -> None:
    found = synthesized(
        with_options(
            dicom=False,
            dicom_tls=True,
            dicom_public=True,
            internet_access=True,
            dicom_sources=("198.51.100.0/24",),
        )
    )
    listeners = [x["Properties"]["Port"] for _, x in of_type(found, "AWS::ElasticLoadBalancingV2::Listener")]
    assert listeners == [2762]
    ((_, task),) = of_type(found, "AWS::ECS::TaskDefinition")
    (container,) = task["Properties"]["ContainerDefinitions"]
    assert {"Name": "NACRE_DICOM_TLS_ENABLED", "Value": "true"} in container["Environment"]
    assert {secret["Name"] for secret in container["Secrets"]} == {
        "NACRE_DICOM_TLS_CERTIFICATE",
        "NACRE_DICOM_TLS_PRIVATE_KEY",
        "NACRE_DICOM_TLS_TRUSTED_CERTIFICATES",
    }


def test_a_table_may_be_warm_from_its_first_day_on() -> None:
    found = synthesized(with_options(warm_write_units=20_000))
    for _, table in of_type(found, "AWS::DynamoDB::GlobalTable"):
        assert table["Properties"]["WarmThroughput"]["WriteUnitsPerSecond"] == 20_000


def test_both_listeners_can_send_by_tls() -> None:
    found = synthesized(with_options(dicom_tls=True))
    tasks = [
        task["Properties"]["ContainerDefinitions"][0]
        for _, task in of_type(found, "AWS::ECS::TaskDefinition")
    ]
    assert len(tasks) == 2
    assert all(len(container["Secrets"]) == 3 for container in tasks)
    told = [{entry["Name"]: entry["Value"] for entry in container["Environment"]} for container in tasks]
    assert {variables["NACRE_DICOM_TLS_ENABLED"] for variables in told} == {"true", "false"}
