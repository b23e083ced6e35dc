"""Completes Chalice's template with what Chalice cannot say: the runtime, and the answers of API Gateway itself."""

from __future__ import annotations

from typing import Any

from chalicelib.domain.errors import InternalError, NacreError, PayloadTooLarge, UnknownResource
from chalicelib.routes.errors import CHALLENGE, error_response

Template = dict[str, Any]

RETRY_SECONDS = 1


def complete(template: Template, python: str) -> Template:
    """The template as the deployment reads it (`infra.package.application`).

    Parameters
    ----------
    template
        As Chalice made it; it is changed.
    python
        Version of Python that Lambda runs. Chalice writes the version that it runs on.
    """
    for function in functions(template).values():
        function["Runtime"] = f"python{python}"
    definition = template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
    definition["x-amazon-apigateway-gateway-responses"] = gateway_responses()
    return template


def functions(template: Template) -> dict[str, dict[str, Any]]:
    """The properties of each Lambda function, by its logical name."""
    return {
        name: resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def gateway_responses() -> dict[str, Any]:
    """What API Gateway answers by itself, in Orthanc's terms (its developer guide, "Gateway responses")."""
    missing, broken = _described(UnknownResource()), _described(InternalError(), with_status=False)
    return {
        "UNAUTHORIZED": _response(401, {"WWW-Authenticate": CHALLENGE}),
        "ACCESS_DENIED": _response(403),
        "MISSING_AUTHENTICATION_TOKEN": missing,
        "RESOURCE_NOT_FOUND": missing,
        "REQUEST_TOO_LARGE": _described(PayloadTooLarge()),
        "THROTTLED": _response(429, {"Retry-After": str(RETRY_SECONDS)}),
        "AUTHORIZER_FAILURE": broken,
        "AUTHORIZER_CONFIGURATION_ERROR": broken,
        "DEFAULT_5XX": broken,
    }


def _described(error: NacreError, *, with_status: bool = True) -> dict[str, Any]:
    """The application's own answer to an error, its request filled in by API Gateway."""
    answer = error_response(error, "$context.httpMethod", "$context.path")
    headers = {"Content-Type": "text/plain"}
    return _response(answer.status_code if with_status else None, headers, answer.body.decode())


def _response(status: int | None, headers: dict[str, str] | None = None, body: str = "") -> dict[str, Any]:
    response: dict[str, Any] = {"responseTemplates": {"application/json": body}}
    if status is not None:
        response["statusCode"] = str(status)
    if headers:
        response["responseParameters"] = {
            f"gatewayresponse.header.{name}": f"'{value}'" for name, value in headers.items()
        }
    return response
