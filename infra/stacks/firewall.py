"""AWS WAF in front of the API."""

from __future__ import annotations

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_logs as logs
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from infra.stacks.data import DataStack
from infra.stacks.log_groups import log_group
from infra.stages import Stage

_NOT_FOR_DICOM = (
    # Bodies are images: any bytes, of any size.
    "SizeRestrictions_BODY",
    "CrossSiteScripting_BODY",
    "GenericLFI_BODY",
    "GenericRFI_BODY",
    "EC2MetaDataSSRF_BODY",
    # Clients of Orthanc are scripts, and many name no user agent.
    "NoUserAgent_HEADER",
    "UserAgent_BadBots_HEADER",
)
"""Rules of AWS's common set that would refuse what Orthanc takes. They count, and block nothing."""

_MANAGED = {
    "AWSManagedRulesAmazonIpReputationList": (),
    "AWSManagedRulesKnownBadInputsRuleSet": (),
    "AWSManagedRulesCommonRuleSet": _NOT_FOR_DICOM,
}


class Firewall(Construct):
    """Refuses known attackers, known attacks, and whoever asks far too often."""

    def __init__(
        self, scope: Construct, name: str, stage: Stage, api: apigateway.SpecRestApi, data: DataStack
    ) -> None:
        super().__init__(scope, name)
        rules = [_rate(stage.requests_per_source)]
        rules += [
            _managed(group, number, counted) for number, (group, counted) in enumerate(_MANAGED.items(), 1)
        ]
        acl = waf.CfnWebACL(
            self,
            "Acl",
            name=f"nacre-{stage.name}",
            scope="REGIONAL",
            default_action=waf.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visible("Firewall"),
            rules=rules,
        )
        association = waf.CfnWebACLAssociation(
            self, "Association", resource_arn=api.deployment_stage.stage_arn, web_acl_arn=acl.attr_arn
        )
        association.node.add_dependency(api.deployment_stage)
        # WAF writes only into groups of such a name.
        group = log_group(self, "Logs", f"aws-waf-logs-nacre-{stage.name}", stage.log_days, data.key)
        waf.CfnLoggingConfiguration(
            self,
            "Logging",
            resource_arn=acl.attr_arn,
            log_destination_configs=[_arn_of(group)],
            # Passwords, and what a person searched for.
            redacted_fields=[
                {"singleHeader": {"Name": "authorization"}},
                {"queryString": {}},
                {"uriPath": {}},
            ],
        )


def _arn_of(group: logs.LogGroup) -> str:
    """Without the ``:*`` of CloudFormation's own, which WAF does not take."""
    return Stack.of(group).format_arn(
        service="logs",
        resource="log-group",
        resource_name=group.log_group_name,
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )


def _rate(limit: int) -> waf.CfnWebACL.RuleProperty:
    return waf.CfnWebACL.RuleProperty(
        name="requests-per-source",
        priority=0,
        action=waf.CfnWebACL.RuleActionProperty(
            block=waf.CfnWebACL.BlockActionProperty(
                custom_response=waf.CfnWebACL.CustomResponseProperty(response_code=429)
            )
        ),
        statement=waf.CfnWebACL.StatementProperty(
            rate_based_statement=waf.CfnWebACL.RateBasedStatementProperty(
                limit=limit, aggregate_key_type="IP"
            )
        ),
        visibility_config=_visible("RequestsPerSource"),
    )


def _managed(group: str, priority: int, counted: tuple[str, ...]) -> waf.CfnWebACL.RuleProperty:
    overrides = [
        waf.CfnWebACL.RuleActionOverrideProperty(
            name=rule, action_to_use=waf.CfnWebACL.RuleActionProperty(count={})
        )
        for rule in counted
    ]
    return waf.CfnWebACL.RuleProperty(
        name=group,
        priority=priority,
        override_action=waf.CfnWebACL.OverrideActionProperty(none={}),
        statement=waf.CfnWebACL.StatementProperty(
            managed_rule_group_statement=waf.CfnWebACL.ManagedRuleGroupStatementProperty(
                vendor_name="AWS", name=group, rule_action_overrides=overrides
            )
        ),
        visibility_config=_visible(group.removeprefix("AWSManagedRules")),
    )


def _visible(name: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    """Counted, without samples: WAF's samples are whole requests, passwords included."""
    return waf.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=f"Nacre{name}", sampled_requests_enabled=False
    )
