"""The data plane as it is deployed: the very template, made by the emulator's CloudFormation, and roles that use it.

Each role is a process of its own in the cloud; here it has clients of its own, which may do what its policy says.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from chalicelib.bootstrap import Services, build
from chalicelib.services.network.dicom_out import DicomOut
from chalicelib.settings import Settings
from chalicelib.storage.clients import Clients, make_clients
from infra.load.recorder import InlineExecutor
from infra.local.stack import emulator
from infra.permissions import FUNCTIONS, LISTENER, Part
from tests.infra.synthesized import templates
from tests.support.local_world import unsigned
from tests.support.rights import Guard
from tests.support.world import ManualClock

ROLES = {name: FUNCTIONS[name] for name in ("api_handler", "sweep", "jobs", "inbox")} | {"listener": LISTENER}
_CREDENTIALS = {
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
    "region_name": "us-east-1",
}
_numbers = itertools.count()


@dataclass
class Deployed:
    """A store whose tables, buckets and queues CloudFormation made."""

    roles: dict[str, Services]
    guards: dict[str, Guard]
    admin: Clients
    clock: ManualClock
    settings: Settings

    def queue_events(self) -> list[dict[str, str]]:
        """What S3 has put into the inbox's queue, as Lambda hands it over."""
        answer = self.admin.sqs.receive_message(
            QueueUrl=self.settings.inbox_queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1
        )
        return [{"messageId": m["MessageId"], "body": m["Body"]} for m in answer.get("Messages", [])]


class Cloud:
    """An emulator that stacks are deployed into."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._formation = boto3.client("cloudformation", endpoint_url=url, **_CREDENTIALS)
        parameters = boto3.client("ssm", endpoint_url=url, **_CREDENTIALS)
        # What `cdk bootstrap` leaves in an account.
        parameters.put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String")
        self.admin = make_clients(url)
        self._clients = {role: _clients(url) for role in ROLES}

    def deploy(self, dicom_out: DicomOut | None = None, **options: str) -> Deployed:
        """A fresh stage; `options` are those of the store, as in the environment, without ``NACRE_``."""
        stage = f"t{next(_numbers)}"
        outputs = self._create(f"nacre-{stage}-data", stage)
        env = {f"NACRE_{name.upper()}": value for name, value in options.items()}
        settings = Settings.load(
            {"NACRE_GAP_GRACE_SECONDS": "10", **env, "NACRE_STAGE": stage, **self._variables(stage, outputs)}
        )
        parts = {
            settings.index_table: Part.INDEX,
            settings.log_table: Part.LOG,
            settings.files_bucket: Part.FILES,
            settings.inbox_bucket: Part.INBOX,
            settings.inbox_queue_url.rpartition("/")[2]: Part.INBOX_QUEUE,
            settings.jobs_queue_url.rpartition("/")[2]: Part.JOBS_QUEUE,
            settings.network_queue_url.rpartition("/")[2]: Part.NETWORK_QUEUE,
        }
        clock = ManualClock()
        roles, guards = {}, {}
        for role, permissions in ROLES.items():
            clients = self._clients[role]()
            guards[role] = Guard(permissions, parts)
            guards[role].watch(clients.dynamodb, clients.s3, clients.sqs)
            roles[role] = build(
                settings,
                clients,
                clock=clock,
                pool=InlineExecutor(),
                work_pool=lambda _threads: InlineExecutor(),
                sleep=lambda _seconds: None,
                dicom_out=dicom_out if role == "listener" else None,
            )
        return Deployed(roles, guards, self.admin, clock, settings)

    def _create(self, name: str, stage: str) -> Mapping[str, str]:
        body = json.dumps(templates()["data"]).replace("nacre-prod", f"nacre-{stage}")
        self._formation.create_stack(StackName=name, TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"])
        while True:
            (stack,) = self._formation.describe_stacks(StackName=name)["Stacks"]
            if not stack["StackStatus"].endswith("IN_PROGRESS"):
                break
            time.sleep(0.02)
        assert stack["StackStatus"] == "CREATE_COMPLETE", stack
        found = self._formation.describe_stack_resources(StackName=name)["StackResources"]
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}

    def _variables(self, stage: str, physical: Mapping[str, str]) -> dict[str, str]:
        """What the functions are told, by the names that CloudFormation gave."""

        def named(start: str) -> str:
            (found,) = (name for logical, name in physical.items() if logical.startswith(start))
            return found

        def queue(name: str) -> str:
            return str(self.admin.sqs.get_queue_url(QueueName=f"nacre-{stage}-{name}")["QueueUrl"])

        return {
            "NACRE_FILES_BUCKET": named("Files8"),
            "NACRE_INBOX_BUCKET": named("InboxA"),
            "NACRE_INBOX_QUEUE_URL": queue("inbox"),
            "NACRE_JOBS_QUEUE_URL": queue("jobs"),
            "NACRE_NETWORK_QUEUE_URL": queue("network"),
        }


def _clients(url: str) -> Any:
    def make() -> Clients:
        clients = make_clients(url)
        clients.dynamodb.meta.events.register("choose-signer.dynamodb", unsigned)
        return clients

    return make


@contextmanager
def cloud(data: Path) -> Iterator[Cloud]:
    """An emulator, until the end of the block."""
    with emulator(data) as url:
        yield Cloud(url)
