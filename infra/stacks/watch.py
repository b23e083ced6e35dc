"""What tells that something is wrong: alarms, one dashboard, and the trail of who read what."""

from __future__ import annotations

from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_cloudtrail as cloudtrail
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.stacks.alarms import Alarm, alarms_of
from infra.stacks.api import ApiStack
from infra.stacks.buckets import make_bucket, records
from infra.stacks.dashboard import make_dashboard
from infra.stacks.data import DataStack
from infra.stacks.keys import trail_name
from infra.stacks.listener import ListenerStack
from infra.stacks.log_groups import log_group
from infra.stacks.reasons import acknowledge
from infra.stages import Stage as StageOptions

TRAIL_DAYS = 2192  # six years, as HIPAA wants of audit records (45 CFR 164.316(b)(2)(i))


class WatchStack(Stack):
    """Alarms on a topic, a dashboard, and a trail."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        stage: StageOptions,
        data: DataStack,
        api: ApiStack,
        listener: ListenerStack,
        **options: Any,
    ) -> None:
        super().__init__(scope, name, termination_protection=stage.protected, **options)
        self._stage, self._data = stage, data
        self.topic = self._make_topic()
        self.alarms = [self._make_alarm(alarm) for alarm in alarms_of(stage.name, data, api, listener)]
        make_dashboard(self, stage.name, self.alarms, data, api, listener)
        self._make_trail()

    def _make_topic(self) -> sns.Topic:
        topic = sns.Topic(
            self,
            "Alarms",
            topic_name=f"nacre-{self._stage.name}-alarms",
            master_key=self._data.key,
            enforce_ssl=True,
        )
        # A topic with a policy of its own has not SNS's default one, by which the account's alarms may publish.
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            )
        )
        if self._stage.alarm_email:
            topic.add_subscription(subscriptions.EmailSubscription(self._stage.alarm_email))
        return topic

    def _make_alarm(self, alarm: Alarm) -> cloudwatch.Alarm:
        made = cloudwatch.Alarm(
            self,
            alarm.name,
            alarm_name=f"nacre-{self._stage.name}-{alarm.name}",
            alarm_description=alarm.meaning,
            metric=alarm.metric,
            threshold=alarm.threshold,
            evaluation_periods=alarm.periods,
            comparison_operator=alarm.comparison,
            treat_missing_data=alarm.missing,
        )
        made.add_alarm_action(actions.SnsAction(self.topic))
        made.add_ok_action(actions.SnsAction(self.topic))
        return made

    def _make_trail(self) -> None:
        """Every read and every write of a file, by whom; it cannot be changed without notice."""
        bucket = make_bucket(
            self,
            "TrailBucket",
            self._data.key,
            [records(TRAIL_DAYS)],
            server_access_logs_bucket=self._data.access_logs,
            server_access_logs_prefix="s3/trail/",
        )
        trail = cloudtrail.Trail(
            self,
            "Trail",
            trail_name=trail_name(self._stage),
            bucket=bucket,
            encryption_key=self._data.key,
            enable_file_validation=True,
            send_to_cloud_watch_logs=True,
            cloud_watch_log_group=log_group(
                self, "TrailLogs", f"/nacre/{self._stage.name}/trail", self._stage.log_days, self._data.key
            ),
            is_multi_region_trail=False,
            include_global_service_events=False,
        )
        trail.add_s3_event_selector(
            [cloudtrail.S3EventSelector(bucket=bucket) for bucket in (self._data.files, self._data.inbox)],
            include_management_events=False,
        )
        acknowledge(bucket, "no replica")
