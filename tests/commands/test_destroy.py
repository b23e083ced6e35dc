"""A stage is removed only if it holds nothing; then nothing of it stays but its records."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from botocore.exceptions import ClientError

from chalicelib.settings import Settings
from chalicelib.storage.clients import make_clients
from infra.commands.common import CommandFailed
from infra.commands.contents import Contents
from infra.commands.destroy import PARTS, destroy
from infra.package.build import stage_environment
from infra.stages import load_stage
from tests.commands.cloud import STAGE, Cloud
from tests.infra.synthesized import templates
from tests.maintenance.test_rebuild import file

FILES, INBOX = (f"nacre-{STAGE}-{name}-000000000000-us-east-1" for name in ("files", "inbox"))


def things(aws: Cloud) -> set[str]:
    """What there is of a stage, by name; secrets unless they are being removed."""
    named = {bucket["Name"] for bucket in aws.client("s3").list_buckets()["Buckets"]}
    named |= set(aws.client("dynamodb").list_tables()["TableNames"])
    named |= {url.rpartition("/")[2] for url in aws.client("sqs").list_queues().get("QueueUrls", ())}
    secrets = aws.client("secretsmanager").list_secrets(IncludePlannedDeletion=True)["SecretList"]
    return named | {secret["Name"] for secret in secrets if "DeletedDate" not in secret}


def records(aws: Cloud) -> set[str]:
    """What stays."""
    return {name for name in things(aws) if "accesslogs" in name}


def put_object(aws: Cloud) -> None:
    aws.client("s3").put_object(Bucket=FILES, Key="default/files/one", Body=b"pixels")


def put_into_inbox(aws: Cloud) -> None:
    aws.client("s3").put_object(Bucket=INBOX, Key="rejected/DOE^JANE.txt", Body=b"no DICOM")


def index_instance(aws: Cloud) -> None:
    """An entry in the index whose file is gone."""
    from chalicelib.bootstrap import build

    env = stage_environment(STAGE) | {"NACRE_FILES_BUCKET": FILES, "NACRE_INBOX_BUCKET": INBOX}
    build(Settings.load(env), make_clients(aws.url)).ingest.store(file(0))
    forget_versions(aws)


def forget_versions(aws: Cloud) -> None:
    s3 = aws.client("s3")
    for version in s3.list_object_versions(Bucket=FILES)["Versions"]:
        s3.delete_object(Bucket=FILES, Key=version["Key"], VersionId=version["VersionId"])


def delete_object(aws: Cloud) -> None:
    """What was stored and deleted can be brought back."""
    put_object(aws)
    aws.client("s3").delete_object(Bucket=FILES, Key="default/files/one")


@pytest.mark.parametrize(
    ("fill", "told"),
    [
        (put_object, "0 instances in the index, 1 objects, 0 versions"),
        (put_into_inbox, "0 instances in the index, 1 objects, 0 versions"),
        (index_instance, "1 instances in the index, 0 objects, 0 versions"),
        (delete_object, "0 instances in the index, 0 objects, 1 versions"),
    ],
)
def test_with_data_it_refuses_and_removes_nothing(
    aws: Cloud, fill: Callable[[Cloud], None], told: str
) -> None:
    aws.deploy()
    fill(aws)
    before = things(aws)
    with pytest.raises(CommandFailed) as refusal:
        destroy(aws.account(), print)
    assert told in str(refusal.value)
    assert things(aws) == before
    assert aws.status("data") == "CREATE_COMPLETE"


def test_the_command_that_is_refused_tells_numbers_and_no_names(aws: Cloud) -> None:
    aws.client("s3").create_bucket(Bucket=INBOX)
    put_into_inbox(aws)
    refused = aws.run("destroy", "--stage", STAGE)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "1 objects" in refused.stderr
    assert "DOE" not in refused.stderr


def test_without_data_all_is_gone_but_the_records(aws: Cloud) -> None:
    aws.deploy()
    done = aws.run("destroy", "--stage", STAGE)
    assert (done.returncode, done.stderr) == (0, "")
    assert things(aws) == records(aws)
    assert len(records(aws)) == 1
    with pytest.raises(ClientError, match="does not exist"):
        aws.status("data")
    assert "log groups" in done.stdout


def test_what_was_deleted_goes_only_if_that_is_asked_for(aws: Cloud) -> None:
    aws.deploy()
    delete_object(aws)
    refused = aws.run("destroy", "--stage", STAGE)
    assert "--forget" in refused.stderr
    assert aws.run("destroy", "--stage", STAGE, "--forget").returncode == 0
    assert things(aws) == records(aws)


def test_forgetting_does_not_touch_what_is_there(aws: Cloud) -> None:
    aws.deploy()
    delete_object(aws)
    put_into_inbox(aws)
    before = things(aws)
    assert aws.run("destroy", "--stage", STAGE, "--forget").returncode == 1
    assert things(aws) == before


def test_a_marker_of_a_delete_is_no_data(aws: Cloud) -> None:
    aws.deploy()
    aws.client("s3").delete_object(Bucket=FILES, Key="default/files/never")
    assert aws.run("destroy", "--stage", STAGE).returncode == 0
    assert things(aws) == records(aws)


def test_a_protected_stage_is_refused(aws: Cloud) -> None:
    aws.deploy()
    before = things(aws)
    stage = msgspec.structs.replace(load_stage(STAGE), protected=True)
    with pytest.raises(CommandFailed, match="protected = false"):
        destroy(aws.account(stage), print)
    assert things(aws) == before
    assert aws.run("destroy", "--stage", "prod").returncode == 1


def test_a_command_that_failed_can_be_given_again_whatever_failed(aws: Cloud) -> None:
    """Each of these is the first one that the command before has not come to."""
    aws.deploy()
    for operation in (
        "DescribeStacks",
        "ListObjectVersions",
        "DeleteBucket",
        "DeleteTable",
        "DeleteQueue",
        "DeleteSecret",
    ):
        before = things(aws)
        with pytest.raises(ClientError) as failure:
            destroy(aws.account(failing=operation), print, sleep=lambda _seconds: None)
        assert failure.value.operation_name == operation
        assert things(aws) != before or operation in ("DescribeStacks", "ListObjectVersions")
    destroy(aws.account(), print)
    assert things(aws) == records(aws)
    destroy(aws.account(), print)  # once more: nothing to do


def test_what_arrives_while_the_stacks_go_is_kept(aws: Cloud) -> None:
    aws.deploy()
    account = aws.account()

    def told(line: str) -> None:
        if line.startswith("Deleting"):
            put_object(aws)

    with pytest.raises(CommandFailed, match="1 objects"):
        destroy(account, told, sleep=lambda _seconds: None)
    assert {FILES, INBOX, f"nacre-{STAGE}-index"} <= things(aws)


def test_the_copy_in_another_region_counts_and_goes_too(aws: Cloud) -> None:
    aws.deploy()
    away = {"account": "000000000000", "replica_region": "us-west-2"}
    stage = msgspec.structs.replace(load_stage(STAGE), **away)
    s3, copy = aws.client("s3"), f"nacre-{STAGE}-files-copy-000000000000-us-west-2"
    s3.create_bucket(Bucket=copy)
    s3.put_object(Bucket=copy, Key="default/files/one", Body=b"pixels")
    with pytest.raises(CommandFailed, match="1 objects"):
        destroy(aws.account(stage), print)
    assert FILES in things(aws)
    s3.delete_object(Bucket=copy, Key="default/files/one")
    destroy(aws.account(stage), print, sleep=lambda _seconds: None)
    assert things(aws) == records(aws)


def test_a_stage_that_was_never_deployed(aws: Cloud) -> None:
    assert aws.run("destroy", "--stage", STAGE).returncode == 0
    nowhere = aws.run("destroy", "--stage", "nowhere")
    assert (nowhere.returncode, "nowhere" in nowhere.stderr) == (1, True)


def test_every_stack_of_a_stage_is_one_that_is_deleted() -> None:
    assert set(templates(STAGE)) == set(PARTS)


def test_counting_ends_where_it_does_not_matter_any_more() -> None:
    assert str(Contents(16000, 3, 0)).startswith("16000 or more instances in the index, 3 objects")
