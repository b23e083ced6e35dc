"""The package unpacked, and Lambda's part: its handlers, invoked with events."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from chalicelib.services.authentication import hash_password
from chalicelib.settings import Settings
from chalicelib.storage.clients import make_clients
from infra.local.stack import emulator
from infra.package.build import RUNTIME, Package, build
from infra.package.interpreters import python_of, running_version
from infra.package.template import functions
from infra.resources import create, define

PASSWORD = "correct horse"
EVENTS = Path(__file__).with_name("events")


@dataclass(frozen=True)
class Packaged:
    """A package unpacked, and a Python that can run it."""

    folder: Path
    interpreter: str
    handlers: dict[str, str]
    variables: dict[str, str]


@dataclass
class Lambda:
    """Invokes handlers of the unpacked package, in an interpreter that sees nothing else."""

    packaged: Packaged
    scratch: Path
    environment: dict[str, str]
    loaded: dict[str, Any] = field(default_factory=dict)
    """What the last interpreter told when it had imported the application, and when it ended."""
    ended: dict[str, Any] = field(default_factory=dict)

    def invoke(self, *requests: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
        """Invoke functions of the template, one after another in one environment, as Lambda does."""
        answers = self.scratch / "answers"
        lines = [
            json.dumps({"handler": self.packaged.handlers[function].removeprefix("app."), "event": event})
            for function, event in requests
        ]
        runtime = Path(__file__).with_name("lambda_runtime.py")
        subprocess.run(
            [self.packaged.interpreter, "-I", "-S", "-B", runtime, self.packaged.folder, answers],
            input="\n".join(lines),
            env=self.environment,
            cwd=self.scratch,
            text=True,
            check=True,
            timeout=120,
            stdout=subprocess.DEVNULL,
        )
        self.loaded, *results, self.ended = [json.loads(line) for line in answers.read_text().splitlines()]
        return results


def unpack(package: Package, folder: Path) -> Packaged:
    """Unpack a package, or one with the same wheels for the running Python, where Lambda's is not to be had."""
    interpreter = python_of(RUNTIME)
    if interpreter is None:
        package = build(folder / "built", python=running_version())
        interpreter = python_of(running_version())
    assert interpreter is not None
    with ZipFile(package.archive) as zipped:
        zipped.extractall(folder / "task")
    found = functions(json.loads(package.template.read_text()))
    variables = found["APIHandler"]["Environment"]["Variables"]
    plain = {name: value for name, value in variables.items() if isinstance(value, str)}
    handlers = {name: item["Handler"] for name, item in found.items()}
    return Packaged(folder / "task", interpreter, handlers, plain)


@contextmanager
def over_a_store(packaged: Packaged, folder: Path) -> Iterator[Lambda]:
    """The functions of a package over an empty store on the emulator, whose one user is alice."""
    with emulator(folder / "emulator") as url:
        urls = create(define(Settings.load(packaged.variables)), make_clients(url))
        environment = {
            **packaged.variables,
            "AWS_LAMBDA_FUNCTION_NAME": "nacre",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "NACRE_AWS_ENDPOINT_URL": url,
            "NACRE_JOBS_QUEUE_URL": urls.jobs,
            "NACRE_REGISTERED_USERS": json.dumps({"alice": hash_password(PASSWORD)}),
        }
        yield Lambda(packaged, folder, environment)


def recorded(name: str) -> Any:
    """An event as AWS sends it, from events/NAME.json."""
    return json.loads((EVENTS / f"{name}.json").read_text())


def api_event(method: str, template: str, body: bytes = b"", **parameters: str) -> dict[str, Any]:
    """What API Gateway sends to the function (REST API, payload version 1.0)."""
    path = template.format(**parameters)
    event = recorded("api-get") | {
        "resource": template,
        "path": path,
        "httpMethod": method,
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": parameters or None,
        "body": base64.b64encode(body).decode() if body else None,
        "isBase64Encoded": bool(body),
    }
    event["requestContext"] |= {"resourcePath": template, "httpMethod": method, "path": f"/api{path}"}
    return dict(event)


def body_of(result: dict[str, Any]) -> bytes:
    """The body of an answer, out of its base64."""
    answer = result["answer"]
    assert answer["isBase64Encoded"]
    return base64.b64decode(answer["body"])
