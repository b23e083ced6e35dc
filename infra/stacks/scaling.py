"""How many containers of a listener run.

Three targets are tracked. Containers are added as soon as one is exceeded, and removed when all allow it (Application
Auto Scaling user guide, "Target tracking"), so that they do not work against each other.
"""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_sqs as sqs

from infra.stages import Stage

CPU_PERCENT = 60
ASSOCIATIONS_PER_TASK = 6
"""Open connections; a container takes `DicomThreadsCount` associations for each of its processes.

AWS counts them by load balancer: a stage with both listeners counts those of the other one as well.
"""

WAITING_JOBS_PER_TASK = 10
OUT_SECONDS, IN_SECONDS = 60, 600

Policy = autoscaling.CfnScalingPolicy


def scale(
    service: ecs.FargateService,
    stage: Stage,
    balancer: elb.NetworkLoadBalancer,
    target: elb.NetworkTargetGroup,
    queue: sqs.Queue,
) -> None:
    """Add containers for CPU, for open associations, and for jobs that wait."""
    scaled = autoscaling.ScalableTarget(
        service,
        "Tasks",
        service_namespace=autoscaling.ServiceNamespace.ECS,
        resource_id=f"service/{service.cluster.cluster_name}/{service.service_name}",
        scalable_dimension="ecs:service:DesiredCount",
        min_capacity=stage.minimum_tasks,
        max_capacity=stage.maximum_tasks,
    )
    scaled.scale_to_track_metric(
        "Cpu",
        predefined_metric=autoscaling.PredefinedMetric.ECS_SERVICE_AVERAGE_CPU_UTILIZATION,
        target_value=CPU_PERCENT,
        scale_out_cooldown=Duration.seconds(OUT_SECONDS),
        scale_in_cooldown=Duration.seconds(IN_SECONDS),
    )
    balancer_of = {"LoadBalancer": balancer.load_balancer_full_name}
    containers = _metric(
        "containers",
        "AWS/NetworkELB",
        "HealthyHostCount",
        balancer_of | {"TargetGroup": target.target_group_full_name},
        "Maximum",
    )
    flows = _metric("amount", "AWS/NetworkELB", "ActiveFlowCount", balancer_of, "Average")
    waiting = _metric(
        "amount", "AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": queue.queue_name}, "Average"
    )
    _track(scaled, "Associations", [flows, containers], ASSOCIATIONS_PER_TASK)
    _track(scaled, "WaitingJobs", [waiting, containers], WAITING_JOBS_PER_TASK)


def _track(
    scaled: autoscaling.ScalableTarget,
    name: str,
    metrics: list[Policy.TargetTrackingMetricDataQueryProperty],
    per_task: int,
) -> None:
    each = Policy.TargetTrackingMetricDataQueryProperty(
        id="each", expression="amount / IF(containers > 0, containers, 1)", return_data=True
    )
    Policy(
        scaled,
        name,
        policy_name=name,
        policy_type="TargetTrackingScaling",
        scaling_target_id=scaled.scalable_target_id,
        target_tracking_scaling_policy_configuration=Policy.TargetTrackingScalingPolicyConfigurationProperty(
            target_value=per_task,
            scale_out_cooldown=OUT_SECONDS,
            scale_in_cooldown=IN_SECONDS,
            customized_metric_specification=Policy.CustomizedMetricSpecificationProperty(
                metrics=[*metrics, each]
            ),
        ),
    )


def _metric(
    id_: str, namespace: str, name: str, dimensions: Mapping[str, str | None], statistic: str
) -> Policy.TargetTrackingMetricDataQueryProperty:
    return Policy.TargetTrackingMetricDataQueryProperty(
        id=id_,
        return_data=False,
        metric_stat=Policy.TargetTrackingMetricStatProperty(
            stat=statistic,
            metric=Policy.TargetTrackingMetricProperty(
                namespace=namespace,
                metric_name=name,
                dimensions=[
                    Policy.TargetTrackingMetricDimensionProperty(name=key, value=value or "")
                    for key, value in dimensions.items()
                ],
            ),
        ),
    )
