"""DICOM: containers of the listener on Fargate, behind a network load balancer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from dicom_listener.container import DRAIN_SECONDS
from infra.permissions import LISTENER
from infra.stacks.data import DataStack
from infra.stacks.log_groups import log_group
from infra.stacks.network import NetworkStack
from infra.stacks.reasons import acknowledge
from infra.stacks.rights import make_role, use_of_key
from infra.stacks.scaling import scale
from infra.stages import Stage as StageOptions

CONTAINER_PORT = 4242
HEALTH_PORT = 8043
SCRATCH = "/scratch"
SCRATCH_GIB = 60
STOP_SECONDS = 120  # Fargate's longest
PROBE = (
    f"python -c \"import urllib.request as r; r.urlopen('http://127.0.0.1:{HEALTH_PORT}/health', timeout=4)\""
)


@dataclass(frozen=True)
class Protocol:
    """One way in."""

    name: str
    port: int
    uses_tls: bool


DICOM = Protocol("Dicom", 104, uses_tls=False)
DICOM_TLS = Protocol("DicomTls", 2762, uses_tls=True)  # PS3.15, section B.1: port 2762, dicom-tls


class ListenerStack(Stack):
    """One service for each protocol of the stage, all behind one load balancer."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        stage: StageOptions,
        image: ecs.ContainerImage,
        data: DataStack,
        network: NetworkStack,
        variables: Mapping[str, str],
        **options: Any,
    ) -> None:
        super().__init__(scope, name, termination_protection=stage.protected, **options)
        self._stage, self._data, self._network = stage, data, network
        self._image = image
        self._variables = dict(variables)
        self._secrets = self._certificates()
        self.cluster = self._make_cluster()
        self.balancer, group = self._make_balancer()
        self.services: dict[str, ecs.FargateService] = {}
        self.targets: dict[str, elb.NetworkTargetGroup] = {}
        for protocol in (DICOM, DICOM_TLS):
            if stage.dicom_tls if protocol.uses_tls else stage.dicom:
                self._make_service(protocol, group)
        CfnOutput(
            self, "Host", value=self.balancer.load_balancer_dns_name, description="Where modalities send to"
        )

    def _make_cluster(self) -> ecs.Cluster:
        return ecs.Cluster(
            self,
            "Cluster",
            cluster_name=f"nacre-{self._stage.name}",
            vpc=self._network.vpc,
            container_insights_v2=ecs.ContainerInsights.ENABLED,
        )

    def _make_balancer(self) -> tuple[elb.NetworkLoadBalancer, ec2.SecurityGroup]:
        group = ec2.SecurityGroup(
            self,
            "Balancer",
            vpc=self._network.vpc,
            description="DICOM from the networks of the stage",
            allow_all_outbound=False,
        )
        balancer = elb.NetworkLoadBalancer(
            self,
            "LoadBalancer",
            vpc=self._network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_group_name="public")
            if self._stage.dicom_public
            else self._network.private,
            internet_facing=self._stage.dicom_public,
            cross_zone_enabled=True,
            deletion_protection=self._stage.protected,
            security_groups=[group],
        )
        acknowledge(balancer, "load balancer")
        if not self._stage.protected:
            acknowledge(balancer, "unprotected")
        return balancer, group

    def _make_service(self, protocol: Protocol, balancers: ec2.SecurityGroup) -> None:
        containers = ec2.SecurityGroup(
            self,
            f"{protocol.name}Containers",
            vpc=self._network.vpc,
            description=f"Containers of the listener ({protocol.name})",
            allow_all_outbound=True,
        )
        for port in (CONTAINER_PORT, HEALTH_PORT):
            containers.add_ingress_rule(balancers, ec2.Port.tcp(port))
            balancers.add_egress_rule(containers, ec2.Port.tcp(port))
        for source in self._stage.dicom_sources:
            balancers.add_ingress_rule(ec2.Peer.ipv4(source), ec2.Port.tcp(protocol.port))
        service = ecs.FargateService(
            self,
            protocol.name,
            service_name=f"nacre-{self._stage.name}-{protocol.name.lower()}",
            cluster=self.cluster,
            task_definition=self._make_task(protocol),
            vpc_subnets=self._network.private,
            security_groups=[containers],
            platform_version=ecs.FargatePlatformVersion.LATEST,
            # How many there are is left to the scaling: a number here would set it back at each deployment.
            # New containers come before old ones go, and a version that does not become healthy is taken back.
            min_healthy_percent=100,
            max_healthy_percent=200,
            circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
            health_check_grace_period=Duration.seconds(60),
            propagate_tags=ecs.PropagatedTagSource.SERVICE,
        )
        target = self._listen(protocol, service)
        self.services[protocol.name], self.targets[protocol.name] = service, target
        scale(service, self._stage, self.balancer, target, self._data.network_queue)

    def _listen(self, protocol: Protocol, service: ecs.FargateService) -> elb.NetworkTargetGroup:
        listener = self.balancer.add_listener(f"{protocol.name}Listener", port=protocol.port)
        return listener.add_targets(
            f"{protocol.name}Targets",
            port=CONTAINER_PORT,
            targets=[service.load_balancer_target(container_name="listener", container_port=CONTAINER_PORT)],
            # DicomCheckModalityHost compares the address of the modality, not of the load balancer.
            preserve_client_ip=True,
            deregistration_delay=Duration.seconds(STOP_SECONDS),
            health_check=elb.HealthCheck(
                protocol=elb.Protocol.HTTP,
                port=str(HEALTH_PORT),
                path="/health",
                interval=Duration.seconds(10),
                healthy_threshold_count=2,
                unhealthy_threshold_count=3,
            ),
        )

    def _make_task(self, protocol: Protocol) -> ecs.FargateTaskDefinition:
        role = make_role(self, f"{protocol.name}Role", "ecs-tasks", LISTENER, self._data)
        task = ecs.FargateTaskDefinition(
            self,
            f"{protocol.name}Task",
            family=f"nacre-{self._stage.name}-{protocol.name.lower()}",
            cpu=self._stage.task_cpu,
            memory_limit_mib=self._stage.task_memory_mib,
            ephemeral_storage_gib=SCRATCH_GIB,
            task_role=role.without_policy_updates(),
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.X86_64,
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
            volumes=[ecs.Volume(name="scratch")],
        )
        group = log_group(
            self,
            f"{protocol.name}Logs",
            f"/nacre/{self._stage.name}/{protocol.name.lower()}",
            self._stage.log_days,
            self._data.key,
        )
        container = task.add_container(
            "listener",
            container_name="listener",
            image=self._image,
            readonly_root_filesystem=True,
            environment=self._variables | _variables(protocol, self._stage),
            secrets=self._secrets,
            logging=ecs.LogDrivers.aws_logs(stream_prefix="listener", log_group=group),
            port_mappings=[ecs.PortMapping(container_port=port) for port in (CONTAINER_PORT, HEALTH_PORT)],
            stop_timeout=Duration.seconds(STOP_SECONDS),
            health_check=ecs.HealthCheck(
                command=["CMD-SHELL", f"{PROBE} || exit 1"],
                interval=Duration.seconds(10),
                timeout=Duration.seconds(6),
                start_period=Duration.seconds(30),
                retries=3,
            ),
            linux_parameters=ecs.LinuxParameters(self, f"{protocol.name}Linux", init_process_enabled=True),
        )
        container.add_mount_points(
            ecs.MountPoint(container_path=SCRATCH, source_volume="scratch", read_only=False)
        )
        self._let_start(task)
        acknowledge(task, "task")
        return task

    def _certificates(self) -> dict[str, ecs.Secret]:
        """Both services send by DICOM TLS, whichever of them takes it in."""
        if not self._stage.dicom_tls:
            return {}
        fields = {
            "NACRE_DICOM_TLS_CERTIFICATE": "certificate",
            "NACRE_DICOM_TLS_PRIVATE_KEY": "private_key",
            "NACRE_DICOM_TLS_TRUSTED_CERTIFICATES": "trusted_certificates",
        }
        # By its ARN, so that reading it is a right of the role alone, and no change of the key's own policy.
        secret = secretsmanager.Secret.from_secret_complete_arn(self, "Tls", self._data.tls.secret_arn)
        return {
            variable: ecs.Secret.from_secrets_manager(secret, field) for variable, field in fields.items()
        }

    def _let_start(self, task: ecs.FargateTaskDefinition) -> None:
        """What ECS itself needs besides images and logs: the secret's key."""
        if self._secrets:
            execution = task.obtain_execution_role()
            execution.add_to_principal_policy(use_of_key(self._data, ["secretsmanager"]))


def _variables(protocol: Protocol, stage: StageOptions) -> dict[str, str]:
    assert DRAIN_SECONDS < STOP_SECONDS  # noqa: S101 - or ECS would kill what is still being received
    return {
        "NACRE_REMOTE_ACCESS_ALLOWED": "true",
        "NACRE_LOG_LEVEL": "INFO",  # as on Lambda: a line for each association
        "NACRE_DICOM_PORT": str(CONTAINER_PORT),
        "NACRE_DICOM_PROCESSES": str(max(1, stage.task_cpu // 1024)),
        "NACRE_HEALTH_PORT": str(HEALTH_PORT),
        "NACRE_DICOM_FOLDER": f"{SCRATCH}/objects",
        "NACRE_DICOM_TLS_ENABLED": "true" if protocol.uses_tls else "false",
        "TMPDIR": SCRATCH,
    }
