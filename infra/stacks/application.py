"""All stacks of a stage, put together: the composition root of the deployment."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import App, Environment, Tags, Validations
from aws_cdk import aws_ecr_assets as assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_lambda as lambda_
from cdk_nag import AwsSolutionsChecks, HIPAASecurityChecks

from chalicelib.settings import Settings
from infra.package.application import read_application
from infra.package.build import ROOT, NotPackaged, stage_environment
from infra.resources import define
from infra.stacks.api import ApiStack
from infra.stacks.data import DataStack
from infra.stacks.listener import ListenerStack
from infra.stacks.network import NetworkStack
from infra.stacks.reasons import acknowledge
from infra.stacks.replica import ReplicaStack
from infra.stacks.watch import WatchStack
from infra.stages import Stage

ARCHIVE, TEMPLATE = "deployment.zip", "sam.json"
DOCKERFILE = "dicom_listener/Dockerfile"

BEHAVIOUR = {
    "@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy": True,
    "@aws-cdk/aws-s3:createDefaultLoggingPolicy": True,
    "@aws-cdk/aws-s3:setUniqueReplicationRoleName": True,
    "@aws-cdk/aws-iam:minimizePolicies": True,
    "@aws-cdk/aws-ecs:disableExplicitDeploymentControllerForCircuitBreaker": True,
    "@aws-cdk/aws-ecs:removeDefaultDesiredCount": True,
    "@aws-cdk/core:checkSecretUsage": True,
    "@aws-cdk/aws-apigateway:disableCloudWatchRole": True,
}
"""CDK's newer behaviour, where it has an older one by default."""


@dataclass(frozen=True)
class Stacks:
    """What a stage consists of."""

    data: DataStack
    network: NetworkStack
    api: ApiStack
    listener: ListenerStack
    watch: WatchStack


def synthesize(stage: Stage, package: Path, output: Path) -> Sequence[str]:
    """Write the templates of a stage into a folder; gives the names of the stacks.

    Raises
    ------
    NotPackaged
        There is no package, or the stage is not in .chalice/config.json.
    """
    # CDK's command line says by this variable where it wants them.
    app = App(outdir=os.environ.get("CDK_OUTDIR", str(output)), context=BEHAVIOUR)
    build_stacks(app, stage, package)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), HIPAASecurityChecks(app))
    return [stack.stack_name for stack in app.synth().stacks]


def build_stacks(app: App, stage: Stage, package: Path) -> Stacks:
    """Make the stacks of a stage in an app; raises `NotPackaged`."""
    if not (package / TEMPLATE).exists():
        raise NotPackaged(f"There is no {package / TEMPLATE}: run `make package` first")
    application = read_application(json.loads((package / TEMPLATE).read_text()))
    resources = define(Settings.load(stage_environment(stage.name)))
    if {function.queue for function in application.functions} - {"", *(q.name for q in resources.queues)}:
        raise NotPackaged(f"The package is for another stage: run `make package STAGE={stage.name}`")
    account = stage.account or os.environ.get("CDK_DEFAULT_ACCOUNT")
    home = Environment(account=account, region=stage.region)
    common = {"env": home, "cross_region_references": bool(stage.replica_region)}

    def name(part: str) -> str:
        return f"nacre-{stage.name}-{part}"

    replica = None
    if stage.replica_region:
        away = Environment(account=stage.account, region=stage.replica_region)
        replica = ReplicaStack(
            app, name("replica"), stage, resources.files, env=away, cross_region_references=True
        )
    data = DataStack(app, name("data"), stage, resources, replica, **common)
    network = NetworkStack(app, name("network"), stage, data.key, **common)
    variables = _variables(data)
    api = ApiStack(
        app,
        name("api"),
        stage,
        application,
        lambda_.Code.from_asset(str(package / ARCHIVE)),
        data,
        network,
        variables,
        **common,
    )
    # Whatever processor the machine has that builds it.
    image = ecs.ContainerImage.from_asset(str(ROOT), file=DOCKERFILE, platform=assets.Platform.LINUX_AMD64)
    listener = ListenerStack(
        app,
        name("listener"),
        stage,
        image,
        data,
        network,
        stage_environment(stage.name) | variables,
        **common,
    )
    watch = WatchStack(app, name("watch"), stage, data, api, listener, **common)
    acknowledge(app, "stack")
    Tags.of(app).add("application", "nacre")
    Tags.of(app).add("stage", stage.name)
    return Stacks(data, network, api, listener, watch)


def _variables(data: DataStack) -> dict[str, str]:
    """What the store has to be told of its surroundings; names that follow from the stage it knows."""
    return {
        "NACRE_FILES_BUCKET": data.files.bucket_name,
        "NACRE_INBOX_BUCKET": data.inbox.bucket_name,
        "NACRE_INBOX_QUEUE_URL": data.inbox_queue.queue_url,
        "NACRE_JOBS_QUEUE_URL": data.jobs_queue.queue_url,
        "NACRE_NETWORK_QUEUE_URL": data.network_queue.queue_url,
        "NACRE_USERS_SECRET": data.users.secret_arn,
    }
