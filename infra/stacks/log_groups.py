"""Log groups: encrypted, and kept as long as the stage says."""

from __future__ import annotations

from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.stacks.retention import RETAIN_NAMED

_DAYS = {
    1: logs.RetentionDays.ONE_DAY,
    7: logs.RetentionDays.ONE_WEEK,
    30: logs.RetentionDays.ONE_MONTH,
    90: logs.RetentionDays.THREE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    731: logs.RetentionDays.TWO_YEARS,
    2192: logs.RetentionDays.SIX_YEARS,
    3653: logs.RetentionDays.TEN_YEARS,
}
"""Of the retentions that CloudWatch knows, those that a stage may have. HIPAA asks for six years of audit records."""


def retention(days: int) -> logs.RetentionDays:
    """CloudWatch's term for a number of days; raises `ValueError` if it has none."""
    try:
        return _DAYS[days]
    except KeyError:
        raise ValueError(f"log_days is one of {', '.join(map(str, _DAYS))}") from None


def log_group(scope: Construct, name: str, group: str, days: int, key: kms.IKey) -> logs.LogGroup:
    """A log group with a name of its own; it outlives its stack."""
    return logs.LogGroup(
        scope,
        name,
        log_group_name=group,
        encryption_key=key,
        retention=retention(days),
        removal_policy=RETAIN_NAMED,
    )
