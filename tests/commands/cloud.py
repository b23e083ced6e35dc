"""An account of the emulator that a stage's data stack is deployed into, and commands as a person gives them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from infra.commands.common import Account
from infra.local.stack import emulator
from infra.package.build import ROOT
from infra.stages import Stage, load_stage
from tests.infra.synthesized import templates

STAGE = "dev"


@dataclass
class Cloud:
    """One account, empty at first."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        """What leads commands to this account, and nowhere else."""
        return {
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str) -> Any:
        return self._session().client(service, endpoint_url=self.url)  # type: ignore[call-overload]

    def account(self, stage: Stage | None = None, failing: str = "") -> Account:
        """As `open_account` gives it, for use within this process; the second call of `failing` does fail."""
        session = self._session()
        made = session.client
        calls = count(1)

        def fail(**_: object) -> None:
            if next(calls) == 2:
                raise ClientError({"Error": {"Code": "InternalError", "Message": "Try again"}}, failing)

        def client(service: str, **options: Any) -> Any:
            client = made(service, endpoint_url=self.url, **options)  # type: ignore[call-overload]
            if failing:
                client.meta.events.register(f"before-call.*.{failing}", fail)
            return client

        session.client = client  # type: ignore[method-assign, assignment]
        number = session.client("sts").get_caller_identity()["Account"]
        return Account(stage or load_stage(STAGE), session, number)

    def deploy(self, part: str = "data") -> None:
        """Make a stack of the stage by the template that CDK writes."""
        ssm = self.client("ssm")
        ssm.put_parameter(
            Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String", Overwrite=True
        )  # what `cdk bootstrap` leaves in an account
        formation = self.client("cloudformation")
        name = f"nacre-{STAGE}-{part}"
        body = json.dumps(templates(STAGE)[part])
        formation.create_stack(StackName=name, TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"])
        while (status := self.status(part)).endswith("IN_PROGRESS"):
            time.sleep(0.02)
        assert status == "CREATE_COMPLETE", status

    def status(self, part: str) -> str:
        (stack,) = self.client("cloudformation").describe_stacks(StackName=f"nacre-{STAGE}-{part}")["Stacks"]
        return str(stack["StackStatus"])

    def run(
        self, command: str, *arguments: str, given: str | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Give a command."""
        return subprocess.run(
            [sys.executable, "-m", f"infra.commands.{command}", *arguments],
            cwd=ROOT,
            env=self.environment | environment,
            input=given if given is not None else "",
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def _session(self) -> boto3.session.Session:
        return boto3.session.Session("test", "test", region_name="us-east-1")


@contextmanager
def cloud(data: Path) -> Iterator[Cloud]:
    """An account, until the end of the block."""
    with emulator(data) as url:
        yield Cloud(url)
