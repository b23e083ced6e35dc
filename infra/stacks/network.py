"""The network: private subnets, and endpoints by which AWS is reached without leaving AWS."""

from __future__ import annotations

from typing import Any

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.stacks.log_groups import retention
from infra.stacks.reasons import acknowledge
from infra.stages import Stage

GATEWAYS = {
    "S3": ec2.GatewayVpcEndpointAwsService.S3,
    "DynamoDb": ec2.GatewayVpcEndpointAwsService.DYNAMODB,
}
INTERFACES = {
    "Sqs": ec2.InterfaceVpcEndpointAwsService.SQS,
    "SecretsManager": ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
    "Logs": ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,  # metrics are lines of the logs
    "EcrApi": ec2.InterfaceVpcEndpointAwsService.ECR,
    "EcrImages": ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER,
}


class NetworkStack(Stack):
    """A VPC over two or three zones."""

    def __init__(self, scope: Construct, name: str, stage: Stage, key: kms.IKey, **options: Any) -> None:
        super().__init__(scope, name, termination_protection=stage.protected, **options)
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(stage.vpc_cidr),
            max_azs=stage.availability_zones,
            nat_gateways=stage.availability_zones if stage.internet_access else 0,
            subnet_configuration=_subnets(stage),
            restrict_default_security_group=False,  # it takes a Lambda function to do so; nothing uses that group
        )
        acknowledge(self.vpc, "network")
        for subnet in self.vpc.public_subnets:
            acknowledge(subnet, "public subnets")
        self.private = ec2.SubnetSelection(subnet_group_name="private")
        self.vpc.add_flow_log("FlowLog", destination=self._flow_logs(stage, key))
        for endpoint, service in GATEWAYS.items():
            gateway = self.vpc.add_gateway_endpoint(endpoint, service=service, subnets=[self.private])
            gateway.add_to_policy(self._own_account())
            if endpoint == "S3":
                gateway.add_to_policy(self._layers_of_images())
        self._endpoints = ec2.SecurityGroup(
            self,
            "Endpoints",
            vpc=self.vpc,
            description="Endpoints of AWS: HTTPS from the functions and containers of this network",
            allow_all_outbound=False,
        )
        self._endpoints.add_ingress_rule(ec2.Peer.ipv4(stage.vpc_cidr), ec2.Port.tcp(443))
        for endpoint, interface in INTERFACES.items():
            made = self.vpc.add_interface_endpoint(
                endpoint,
                service=interface,
                subnets=self.private,
                security_groups=[self._endpoints],
                open=False,
            )
            made.add_to_policy(self._own_account())

    def _own_account(self) -> iam.PolicyStatement:
        """An endpoint carries nobody else's credentials: nothing can be taken out through it."""
        return iam.PolicyStatement(
            principals=[iam.AnyPrincipal()],
            actions=["*"],
            resources=["*"],
            conditions={"StringEquals": {"aws:PrincipalAccount": self.account}},
        )

    def _layers_of_images(self) -> iam.PolicyStatement:
        """ECR keeps them in a bucket of its own, and hands out URLs that it signed itself (its user guide)."""
        bucket = f"arn:{self.partition}:s3:::prod-{self.region}-starport-layer-bucket"
        return iam.PolicyStatement(
            principals=[iam.AnyPrincipal()], actions=["s3:GetObject"], resources=[f"{bucket}/*"]
        )

    def _flow_logs(self, stage: Stage, key: kms.IKey) -> ec2.FlowLogDestination:
        group = logs.LogGroup(
            self,
            "FlowLogs",
            encryption_key=key,
            retention=retention(stage.log_days),
            removal_policy=RemovalPolicy.RETAIN,
        )
        return ec2.FlowLogDestination.to_cloud_watch_logs(group)


def _subnets(stage: Stage) -> list[ec2.SubnetConfiguration]:
    if not stage.internet_access:
        return [_subnet("private", ec2.SubnetType.PRIVATE_ISOLATED, 20)]
    return [
        _subnet("private", ec2.SubnetType.PRIVATE_WITH_EGRESS, 20),
        ec2.SubnetConfiguration(
            name="public", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=24, map_public_ip_on_launch=False
        ),
    ]


def _subnet(name: str, kind: ec2.SubnetType, mask: int) -> ec2.SubnetConfiguration:
    return ec2.SubnetConfiguration(name=name, subnet_type=kind, cidr_mask=mask)
