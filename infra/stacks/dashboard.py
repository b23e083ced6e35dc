"""The one page that shows how a stage is doing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from chalicelib.observability import Metric
from infra.stacks.api import ApiStack
from infra.stacks.data import DataStack
from infra.stacks.listener import ListenerStack
from infra.stacks.metrics import API, LISTENER, published


def make_dashboard(
    scope: Construct,
    stage: str,
    alarms: Sequence[cloudwatch.Alarm],
    data: DataStack,
    api: ApiStack,
    listener: ListenerStack,
) -> None:
    """Alarms, then the store itself, then what calls it, then what waits."""
    states: list[cloudwatch.IAlarm] = [*alarms]
    cloudwatch.Dashboard(
        scope,
        "Dashboard",
        dashboard_name=f"nacre-{stage}",
        widgets=[
            [cloudwatch.AlarmStatusWidget(title="Alarms", alarms=states, width=24, height=4)],
            _store(stage),
            _callers(api, listener),
            _waiting(data),
        ],
    )


def _store(stage: str) -> list[cloudwatch.IWidget]:
    def of_both(title: str, metric: Metric, statistic: str = "Sum") -> cloudwatch.GraphWidget:
        return _graph(
            title,
            [
                published(
                    metric,
                    stage,
                    service,
                    statistic=statistic,
                    period=Duration.minutes(1),
                    label=f"{metric} ({service})",
                )
                for service in (API, LISTENER)
            ],
        )

    return [
        of_both("Instances taken in", Metric.INGESTED_INSTANCES),
        of_both("Latency (ms)", Metric.LATENCY, "p95"),
        of_both("Errors", Metric.ERRORS),
    ]


def _callers(api: ApiStack, listener: ListenerStack) -> list[cloudwatch.IWidget]:
    gateway = api.api
    hosts = [target.metrics.healthy_host_count() for target in listener.targets.values()]
    return [
        _graph("API", [gateway.metric_count(), gateway.metric_client_error(), gateway.metric_server_error()]),
        _graph("Functions at a time", [f.metric("ConcurrentExecutions") for f in api.functions.values()]),
        _graph("Associations", [listener.balancer.metrics.active_flow_count(), *hosts]),
    ]


def _waiting(data: DataStack) -> list[cloudwatch.IWidget]:
    def lengths(queues: Iterable[str]) -> list[cloudwatch.IMetric]:
        known = data.queues | {f"{name}-dead": queue for name, queue in data.dead_letters.items()}
        return [known[name].metric_approximate_number_of_messages_visible() for name in queues]

    units = [table.metric_consumed_write_capacity_units() for table in data.tables]
    units += [table.metric_consumed_read_capacity_units() for table in data.tables]
    return [
        _graph("Waiting", lengths(data.queues)),
        _graph("Given up", lengths(f"{name}-dead" for name in data.queues)),
        _graph("Units of the tables", units),
    ]


def _graph(title: str, metrics: Sequence[cloudwatch.IMetric]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=8, height=6)
