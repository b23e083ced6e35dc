"""The Lambda functions, as Chalice's own definition of the application describes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aws_cdk import Duration, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from constructs import Construct

from infra.package.application import Application, Function
from infra.permissions import FUNCTIONS
from infra.stacks.data import DataStack
from infra.stacks.log_groups import log_group
from infra.stacks.network import NetworkStack
from infra.stacks.reasons import acknowledge
from infra.stacks.rights import make_role
from infra.stages import Stage as StageOptions

_INTERFACES = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)
"""What Lambda needs to put a function into a VPC; it checks for them on every resource (its developer guide)."""


@dataclass(frozen=True)
class Surroundings:
    """What the functions have in common."""

    stage: StageOptions
    data: DataStack
    network: NetworkStack
    code: lambda_.Code
    variables: Mapping[str, str] = field(default_factory=dict)


def make_functions(
    scope: Construct, application: Application, around: Surroundings
) -> dict[str, lambda_.Function]:
    """Every function of the application, by the name that app.py gives it, each with its queue or its schedule."""
    group = ec2.SecurityGroup(
        scope,
        "Functions",
        vpc=around.network.vpc,
        description="Functions: nothing comes in, HTTPS goes out",
        allow_all_outbound=False,
    )
    group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443))
    functions = {}
    for function in application.functions:
        made = _make(scope, function, around, group)
        functions[function.name] = made
        if function.queue:
            made.add_event_source(
                sources.SqsEventSource(
                    around.data.queues[function.queue],
                    batch_size=function.batch_size,
                    report_batch_item_failures=True,
                    # More would only wait for each other at the tables; the API keeps the rest of the account.
                    max_concurrency=50,
                )
            )
        if function.schedule:
            events.Rule(
                scope,
                f"{made.node.id}Schedule",
                schedule=events.Schedule.expression(function.schedule),
                # The next minute does what this one could not.
                targets=[targets.LambdaFunction(made, retry_attempts=0)],
            )
    return functions


def _make(
    scope: Construct, function: Function, around: Surroundings, group: ec2.SecurityGroup
) -> lambda_.Function:
    name = f"nacre-{around.stage.name}-{function.name.replace('_', '-')}"
    id_ = function.name.title().replace("_", "")
    logged = log_group(scope, f"{id_}Logs", f"/aws/lambda/{name}", around.stage.log_days, around.data.key)
    role = make_role(scope, f"{id_}Role", "lambda", FUNCTIONS[function.name], around.data)
    role.add_to_policy(
        iam.PolicyStatement(
            actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[logged.log_group_arn]
        )
    )
    _allow_interfaces(role, name)
    made = lambda_.Function(
        scope,
        id_,
        function_name=name,
        code=around.code,
        handler=function.handler,
        runtime=lambda_.Runtime(function.runtime, lambda_.RuntimeFamily.PYTHON),
        architecture=lambda_.Architecture.X86_64,
        memory_size=function.memory_mib,
        timeout=Duration.seconds(function.timeout_seconds),
        environment={**function.variables, **around.variables},
        environment_encryption=around.data.key,
        role=role.without_policy_updates(),
        log_group=logged,
        vpc=around.network.vpc,
        vpc_subnets=around.network.private,
        security_groups=[group],
    )
    acknowledge(role, "network interfaces")
    acknowledge(made, "function")
    return made


def _allow_interfaces(role: iam.Role, function: str) -> None:
    role.add_to_policy(iam.PolicyStatement(actions=list(_INTERFACES), resources=["*"]))
    stack = Stack.of(role)
    own = f"arn:{stack.partition}:lambda:{stack.region}:{stack.account}:function:{function}"
    # They are for Lambda itself: the code of the function may not use them.
    role.add_to_policy(
        iam.PolicyStatement(
            effect=iam.Effect.DENY,
            actions=list(_INTERFACES),
            resources=["*"],
            conditions={"ArnEquals": {"lambda:SourceFunctionArn": own}},
        )
    )
