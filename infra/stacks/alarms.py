"""What wakes somebody, and what it means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from chalicelib.observability import Metric
from infra.stacks.api import ApiStack
from infra.stacks.data import DataStack
from infra.stacks.listener import ListenerStack
from infra.stacks.metrics import API, LISTENER, published

_ABOVE = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
_QUIET = cloudwatch.TreatMissingData.NOT_BREACHING
MINUTE, FIVE_MINUTES = Duration.minutes(1), Duration.minutes(5)


@dataclass(frozen=True)
class Alarm:
    """Goes off when the metric is beyond the threshold for so many periods."""

    name: str
    meaning: str
    metric: cloudwatch.IMetric
    threshold: float
    periods: int = 1
    comparison: cloudwatch.ComparisonOperator = _ABOVE
    missing: cloudwatch.TreatMissingData = _QUIET


def alarms_of(stage: str, data: DataStack, api: ApiStack, listener: ListenerStack) -> Iterator[Alarm]:
    """All alarms of a stage."""
    yield from _of_data(data)
    yield from _of_api(api)
    yield from _of_listener(listener)
    yield Alarm(
        "ingest-slow",
        "One request of twenty takes more than five seconds",
        _latency(stage, API),
        5000,
        periods=3,
    )
    yield Alarm(
        "dicom-slow",
        "One DIMSE request of twenty takes more than ten seconds",
        _latency(stage, LISTENER),
        10_000,
        periods=3,
    )


def _of_data(data: DataStack) -> Iterator[Alarm]:
    for name, dead in data.dead_letters.items():
        yield Alarm(
            f"{name.rpartition('-')[2]}-given-up",
            "Messages that failed five times: look at docs/operations.md, mend the cause, send them back",
            dead.metric_approximate_number_of_messages_visible(period=MINUTE, statistic="Maximum"),
            0,
        )
    for name, queue in data.queues.items():
        yield Alarm(
            f"{name.rpartition('-')[2]}-behind",
            "The oldest message waits for more than 15 minutes: whoever reads this queue is slow, or gone",
            queue.metric_approximate_age_of_oldest_message(period=MINUTE, statistic="Maximum"),
            900,
            periods=3,
        )
    for name, table in (("index", data.index), ("log", data.log)):
        # ThrottledRequests has no total of a table, only one for each of its operations.
        for kind in ("Read", "Write"):
            yield Alarm(
                f"{name}-{kind.lower()}s-throttled",
                f"DynamoDB refuses {kind.lower()}s: a key pattern or a quota binds (docs/load.md)",
                table.metric(f"{kind}ThrottleEvents", statistic="Sum", period=FIVE_MINUTES),
                10,
            )


def _of_api(api: ApiStack) -> Iterator[Alarm]:
    yield Alarm(
        "api-errors",
        "Answers from 500 on",
        api.api.metric_server_error(period=FIVE_MINUTES, statistic="Sum"),
        5,
    )
    for name, function in api.functions.items():
        yield Alarm(
            f"{name.replace('_', '-')}-fails",
            "A function failed: its log says why",
            function.metric_errors(period=FIVE_MINUTES),
            3,
            periods=2,
        )
        yield Alarm(
            f"{name.replace('_', '-')}-throttled",
            "Lambda refuses calls: the account's concurrency is used up",
            function.metric_throttles(period=FIVE_MINUTES),
            0,
        )


def _of_listener(listener: ListenerStack) -> Iterator[Alarm]:
    for name, target in listener.targets.items():
        yield Alarm(
            f"{name.lower()}-down",
            "No container takes associations: modalities cannot send",
            # Each zone counts its own, and one without a container is nothing to wake somebody for.
            target.metrics.healthy_host_count(period=MINUTE, statistic="Maximum"),
            1,
            periods=2,
            comparison=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            missing=cloudwatch.TreatMissingData.BREACHING,
        )


def _latency(stage: str, service: str) -> cloudwatch.Metric:
    """Of nineteen requests in twenty, in milliseconds."""
    return published(Metric.LATENCY, stage, service, statistic="p95", period=FIVE_MINUTES)
