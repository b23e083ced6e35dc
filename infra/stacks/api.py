"""REST: the functions, API Gateway in front of them, and the firewall in front of that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aws_cdk import CfnOutput, Fn, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.package.application import Application
from infra.stacks.data import DataStack
from infra.stacks.firewall import Firewall
from infra.stacks.functions import Surroundings, make_functions
from infra.stacks.log_groups import log_group
from infra.stacks.network import NetworkStack
from infra.stacks.reasons import acknowledge
from infra.stages import Stage as StageOptions

TLS = "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09"
"""TLS 1.2 and 1.3 with forward secrecy (API Gateway developer guide, "Security policies")."""

ACCESS_LOG = {
    "requestId": "$context.requestId",
    "method": "$context.httpMethod",
    # The template of the path: the path itself and the query can hold what a person searched for.
    "route": "$context.resourcePath",
    "status": "$context.status",
    "sourceIp": "$context.identity.sourceIp",
    "user": "$context.authorizer.principalId",
    "requestTime": "$context.requestTime",
    "responseBytes": "$context.responseLength",
    "milliseconds": "$context.responseLatency",
    "error": "$context.error.responseType",
}


class ApiStack(Stack):
    """Everything that answers HTTP, and the functions that work behind it."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        stage: StageOptions,
        application: Application,
        code: lambda_.Code,
        data: DataStack,
        network: NetworkStack,
        variables: Mapping[str, str],
        **options: Any,
    ) -> None:
        super().__init__(scope, name, termination_protection=stage.protected, **options)
        around = Surroundings(stage, data, network, code, variables)
        self.functions = make_functions(self, application, around)
        self.api = self._make_api(application, stage, data)
        self.firewall = Firewall(self, "Firewall", stage, self.api, data)
        CfnOutput(
            self, "Url", value=self.api.url, description="Where the API is: give it to clients of Orthanc"
        )

    def _make_api(
        self, application: Application, stage: StageOptions, data: DataStack
    ) -> apigateway.SpecRestApi:
        handler, authorizer = self.functions["api_handler"], self.functions["basic_authorizer"]
        definition = _with_functions(
            application.definition,
            {"APIHandler": handler.function_arn, "BasicAuthorizer": authorizer.function_arn},
        )
        accesses = log_group(self, "AccessLogs", f"/nacre/{stage.name}/api", stage.log_days, data.key)
        api = apigateway.SpecRestApi(
            self,
            "Api",
            rest_api_name=f"nacre-{stage.name}",
            api_definition=apigateway.ApiDefinition.from_inline(definition),
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            cloud_watch_role=True,
            deploy_options=apigateway.StageOptions(
                stage_name=application.stage,
                access_log_destination=apigateway.LogGroupLogDestination(accesses),
                access_log_format=apigateway.AccessLogFormat.custom(json.dumps(ACCESS_LOG)),
                # Bodies and headers are patient data: only that a call failed is logged, never what it was.
                logging_level=apigateway.MethodLoggingLevel.ERROR,
                data_trace_enabled=False,
                metrics_enabled=True,
            ),
        )
        resource = api.node.default_child
        assert isinstance(resource, apigateway.CfnRestApi)  # noqa: S101 - for the type
        resource.security_policy = TLS
        resource.endpoint_access_mode = "STRICT"
        _let_call(handler, api.arn_for_execute_api())
        # A caller of its own: not a method of the API, but the authorizer (Lambda authorizers, "Configure").
        _let_call(
            authorizer,
            self.format_arn(service="execute-api", resource=api.rest_api_id, resource_name="authorizers/*"),
        )
        acknowledge(api, "API")
        return api


def _let_call(function: lambda_.Function, source_arn: str) -> None:
    function.add_permission(
        "Api", principal=iam.ServicePrincipal("apigateway.amazonaws.com"), source_arn=source_arn
    )


def _with_functions(part: Any, arns: Mapping[str, str]) -> Any:
    """A part of the definition with functions where it names them."""
    if isinstance(part, list):
        return [_with_functions(entry, arns) for entry in part]
    if not isinstance(part, dict):
        return part
    if part.keys() == {"Fn::Sub"}:
        text = part["Fn::Sub"]
        used = {name: arn for name, arn in arns.items() if f"${{{name}.Arn}}" in text}
        for name in used:
            text = text.replace(f"${{{name}.Arn}}", f"${{{name}}}")
        return Fn.sub(text, used)
    return {key: _with_functions(value, arns) for key, value in part.items()}
