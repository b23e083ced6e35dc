"""The metrics that the store publishes itself (docs/operations.md)."""

from __future__ import annotations

from typing import Any

from aws_cdk import aws_cloudwatch as cloudwatch

from chalicelib.observability import NAMESPACE, SERVICE, STAGE, Metric

API, LISTENER = "nacre", "nacre-dicom"


def published(metric: Metric, stage: str, service: str = API, **options: Any) -> cloudwatch.Metric:
    """A metric of a stage, by one of its two services; `options` are CDK's."""
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=metric,
        dimensions_map={STAGE: stage, SERVICE: service},
        **options,
    )
