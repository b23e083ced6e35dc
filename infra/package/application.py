"""What Chalice says of the application: its functions, what calls them, and the definition of the API.

Chalice writes it as a SAM template, which is read here and goes no further: the deployment is made of CDK's constructs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function. `queue` (a name) or `schedule` (an expression of EventBridge) calls it, or the API does."""

    name: str
    handler: str
    runtime: str
    memory_mib: int
    timeout_seconds: int
    variables: dict[str, str] = field(default_factory=dict)
    queue: str = ""
    batch_size: int = 1
    schedule: str = ""


@dataclass(frozen=True, slots=True)
class Application:
    """The functions, and the API as OpenAPI 2 with the extensions of API Gateway.

    In the definition ``${APIHandler.Arn}`` and ``${BasicAuthorizer.Arn}`` stand for functions, in ``Fn::Sub``.
    """

    functions: tuple[Function, ...]
    definition: Document
    stage: str


def read_application(template: Document) -> Application:
    """Read a template of Chalice's that was completed (`infra.package.template`)."""
    resources = template["Resources"]
    functions = [
        _function(properties["Properties"])
        for properties in resources.values()
        if properties["Type"] == "AWS::Serverless::Function"
    ]
    api = resources["RestAPI"]["Properties"]
    return Application(tuple(functions), api["DefinitionBody"], api["StageName"])


def _function(properties: Document) -> Function:
    handler = properties["Handler"]
    name = handler.rpartition(".")[2]
    event: Document = next(iter(properties.get("Events", {}).values()), {"Type": "", "Properties": {}})
    details: Document = event["Properties"]
    queue = details["Queue"]["Fn::Sub"].rpartition(":")[2] if event["Type"] == "SQS" else ""
    return Function(
        name="api_handler" if name == "app" else name,
        handler=handler,
        runtime=properties["Runtime"],
        memory_mib=properties["MemorySize"],
        timeout_seconds=properties["Timeout"],
        variables={k: v for k, v in properties["Environment"]["Variables"].items() if isinstance(v, str)},
        queue=queue,
        batch_size=details.get("BatchSize", 1),
        schedule=details.get("Schedule", ""),
    )
