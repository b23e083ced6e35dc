"""Logs, metrics and secrets; above all what must not be in them."""

from __future__ import annotations

import io
import json
import logging
import re
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError
from chalice.app import Blueprint, Chalice, Response

from chalicelib.domain.errors import BadFileFormat, InternalError, Unavailable
from chalicelib.observability import Metric, Telemetry, open_telemetry, secret_reader
from chalicelib.routes.errors import guarded, observed

PATIENT = "DOE^JOHN"
ID = "f689ddd2-662f8fe1-8b18180d-ec2a2cee-937917af"


@dataclass
class World:
    """Telemetry and everything that this process writes."""

    telemetry: Telemetry
    stream: io.StringIO
    captured: pytest.CaptureFixture[str]

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def everything(self) -> str:
        streams = self.captured.readouterr()
        return self.stream.getvalue() + streams.out + streams.err


@pytest.fixture
def opened(
    request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., World]]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level

    def open_world(level: str = "DEBUG", *, metrics_of: str = "") -> World:
        stream = io.StringIO()
        service = re.sub(r"\W", "-", request.node.name)
        return World(
            open_telemetry(level, metrics_of=metrics_of, service=service, stream=stream), stream, capfd
        )

    yield open_world
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def test_a_request_is_one_line_of_json(opened: Callable[..., World]) -> None:
    world = opened()
    world.telemetry.request(
        0.0123, None, request_id="r-1", method="GET", route="/{level}/{identifier}", status=200, resource=ID
    )
    (line,) = world.lines()
    assert line.pop("timestamp").endswith("+00:00")
    assert line.pop("service")
    assert line == {
        "level": "INFO",
        "message": "request",
        "request_id": "r-1",
        "method": "GET",
        "route": "/{level}/{identifier}",
        "status": 200,
        "milliseconds": 12.3,
        "resource": ID,
    }


def test_a_fault_is_logged_with_its_types_and_places(opened: Callable[..., World]) -> None:
    world = opened()
    try:
        try:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": PATIENT}}, "GetObject")
        except ClientError as cause:
            raise Unavailable(PATIENT) from cause
    except Unavailable as error:
        world.telemetry.request(0.001, error, status=503)
    (line,) = world.lines()
    assert line["level"] == "ERROR"
    assert line["error"] == "Unavailable < ClientError(AccessDenied)"
    assert re.fullmatch(r"tests/unit/test_observability.py:\d+ test_\w+", line["at"][-1])


def test_what_a_client_did_wrong_is_no_error_of_the_store(opened: Callable[..., World]) -> None:
    world = opened(metrics_of="prod")
    world.telemetry.request(0.001, BadFileFormat(PATIENT), status=400)
    (line,) = world.lines()
    assert line["level"] == "INFO"
    assert "Errors" not in world.captured.readouterr().out


def test_levels_below_the_one_asked_for_are_quiet(opened: Callable[..., World]) -> None:
    world = opened("WARNING")
    world.telemetry.request(0.001, None, status=200)
    world.telemetry.event("started")
    world.telemetry.event("Unknown options: Foo", level=logging.WARNING)
    assert [line["message"] for line in world.lines()] == ["Unknown options: Foo"]


# Patient data


def loud_failures() -> list[Callable[[], object]]:
    """Ways in which libraries and careless code show what they were given."""

    def from_a_parser() -> None:
        int(PATIENT)

    def with_a_cause() -> None:
        try:
            {}[PATIENT]  # type: ignore[index]
        except KeyError as cause:
            raise InternalError(f"No {PATIENT}") from cause

    def with_notes() -> None:
        error = ValueError(PATIENT)
        error.add_note(PATIENT)
        raise error

    def with_a_warning() -> None:
        warnings.warn(f"Invalid value for VR UI: {PATIENT!r}", UserWarning, stacklevel=1)
        raise ValueError(PATIENT)

    def with_a_log_of_its_own() -> None:
        logger = logging.getLogger("pydicom")
        logger.error("Bad name %s", PATIENT, extra={"name_of_patient": PATIENT})
        logger.critical(PATIENT, stack_info=True)
        try:
            int(PATIENT)
        except ValueError:
            logger.exception(PATIENT)

    def with_a_bad_format() -> None:
        logging.getLogger("careless").error("%d", PATIENT)

    def from_pydicom() -> None:
        from pydicom import Dataset

        dataset = Dataset()
        dataset.PatientID = "X" * 70 + PATIENT
        dataset.StudyInstanceUID = PATIENT
        dataset.StudyDate = PATIENT
        dataset.to_json()

    return [
        from_a_parser, with_a_cause, with_notes, with_a_warning, with_a_log_of_its_own, with_a_bad_format,
        from_pydicom,
    ]  # fmt: skip


def application(telemetry: Telemetry, fail: Callable[[], object], *, guard: bool) -> Chalice:
    app = Chalice("app", configure_logs=False)
    app.api.binary_types = ["*/*"]
    routes = Blueprint("routes")
    path = "/{level}/{identifier}/content/{first}"

    def content(level: str, identifier: str, first: str) -> Response:
        fail()
        return Response(PATIENT.encode(), {"Content-Type": "text/plain"})

    routes.route(path)(guarded(routes, path)(content) if guard else content)
    app.register_blueprint(routes)
    app.register_middleware(observed(telemetry), "http")
    return app


def hostile_event(method: str = "GET") -> dict[str, Any]:
    return {
        "requestContext": {
            "httpMethod": method,
            "resourcePath": "/{level}/{identifier}/content/{first}",
            "requestId": "r-1",
            "path": f"/instances/{ID}/content/{PATIENT}",
        },
        "headers": {"accept": "*/*", "x-patient": PATIENT},
        "multiValueQueryStringParameters": {"PatientName": [PATIENT]},
        "pathParameters": {"level": "instances", "identifier": ID, "first": PATIENT},
        "stageVariables": None,
        "body": PATIENT,
    }


@pytest.mark.parametrize("guard", [True, False], ids=["guarded", "unguarded"])
@pytest.mark.parametrize("fail", loud_failures(), ids=lambda fail: fail.__name__)
def test_no_line_of_a_request_holds_patient_data(
    opened: Callable[..., World], fail: Callable[[], object], guard: bool
) -> None:
    world = opened(metrics_of="prod")
    app = application(world.telemetry, fail, guard=guard)
    app(hostile_event(), None)
    app(hostile_event("PUT"), None)
    requests = [line for line in world.lines() if line["message"] == "request"]
    assert [line["resource"] for line in requests] == [ID, ID]
    assert [line["route"] for line in requests] == ["/{level}/{identifier}/content/{first}"] * 2
    written = world.everything()
    assert "CloudWatchMetrics" in written
    assert "DOE" not in written
    assert "JOHN" not in written


@pytest.mark.parametrize("fail", loud_failures(), ids=lambda fail: fail.__name__)
def test_no_line_of_an_operation_holds_patient_data(
    opened: Callable[..., World], fail: Callable[[], object]
) -> None:
    world = opened(metrics_of="prod")
    printed_by_lambda = ""
    try:
        with world.telemetry.operation("sweep"):
            fail()
    except InternalError as error:
        printed_by_lambda = "".join(traceback.format_exception(error))
    assert [line["message"] for line in world.lines()].count("sweep") == 1
    assert "DOE" not in printed_by_lambda + world.everything()


def test_text_of_libraries_is_withheld_and_their_place_kept(opened: Callable[..., World]) -> None:
    world = opened()
    logging.getLogger("botocore.hooks").error("Sending %s", PATIENT)
    logging.getLogger("botocore.hooks").warning("Less than an error")
    (line,) = world.lines()
    assert line["message"] == "[text of botocore.hooks withheld]"
    assert line["level"] == "ERROR"
    assert line["at"][0].startswith("tests/unit/test_observability.py:")


def test_warnings_do_not_reach_standard_error() -> None:
    script = (
        "import warnings; from chalicelib.observability import open_telemetry;"
        "open_telemetry('DEBUG');"
        f"warnings.warn('Invalid value {PATIENT}')"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout + run.stderr == ""


# Metrics


def test_metrics_of_a_request_are_published_together(opened: Callable[..., World]) -> None:
    world = opened(metrics_of="prod")
    world.telemetry.count(Metric.INGESTED_INSTANCES)
    world.telemetry.count(Metric.INGESTED_BYTES, 512)
    world.telemetry.request(0.25, None, status=200)
    world.telemetry.request(0.5, ValueError(), status=500)
    first, second = [json.loads(line) for line in world.captured.readouterr().out.splitlines()]
    definitions = first["_aws"]["CloudWatchMetrics"][0]
    assert definitions["Namespace"] == "Nacre"
    assert definitions["Dimensions"] == [["stage", "service"]]
    assert {metric["Name"]: metric["Unit"] for metric in definitions["Metrics"]} == {
        "IngestedInstances": "Count",
        "IngestedBytes": "Bytes",
        "Requests": "Count",
        "Latency": "Milliseconds",
    }
    assert (first["IngestedInstances"], first["IngestedBytes"]) == ([1], [512])
    assert (first["Requests"], first["Latency"]) == ([1], [250])
    assert (second["Requests"], second["Errors"], second["Latency"]) == ([1], [1], [500])
    assert "IngestedBytes" not in second


def test_metrics_can_be_off(opened: Callable[..., World]) -> None:
    world = opened()
    world.telemetry.count(Metric.INGESTED_INSTANCES)
    world.telemetry.request(0.25, None, status=200)
    assert world.captured.readouterr().out == ""


def test_an_operation_that_counts_nothing_publishes_nothing(opened: Callable[..., World]) -> None:
    world = opened(metrics_of="prod")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with world.telemetry.operation("sweep"):
            pass
    assert world.captured.readouterr().out == ""
    assert world.lines()[0]["milliseconds"] >= 0


# Secrets


class FakeSecretsManager:
    """Gives secrets, and counts how often it was asked."""

    def __init__(self, **secrets: str) -> None:
        self._secrets = secrets
        self.asked = 0

    def get_secret_value(self, SecretId: str, **_: object) -> dict[str, str]:  # noqa: N803 - boto3's name
        self.asked += 1
        if SecretId not in self._secrets:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": PATIENT}}, "Get")
        return {"SecretString": self._secrets[SecretId]}


def test_a_secret_is_read_when_needed_and_kept() -> None:
    client = FakeSecretsManager(users='{"alice": "x"}')
    read = secret_reader(client)
    assert client.asked == 0
    assert [read("users") for _ in range(3)] == ['{"alice": "x"}'] * 3
    assert client.asked == 1


def test_an_expired_secret_is_read_again() -> None:
    client = FakeSecretsManager(users="{}")
    read = secret_reader(client, max_age_seconds=-1)
    assert [read("users"), read("users")] == ["{}", "{}"]
    assert client.asked == 2


def test_a_missing_secret_makes_the_store_unavailable() -> None:
    with pytest.raises(Unavailable) as caught:
        secret_reader(FakeSecretsManager())("users")
    assert PATIENT not in str(caught.value)


# Cold start


def test_heavy_libraries_wait_until_they_are_needed() -> None:
    script = (
        "import sys, chalicelib.observability, chalicelib.settings, chalicelib.routes.errors,"
        " chalicelib.routes.authorizer;"
        "chalicelib.settings.Settings.load({});"
        "heavy = {'argon2', 'jsonc', 'pydantic', 'pydicom', 'numpy', 'aws_xray_sdk',"
        " 'aws_lambda_powertools.utilities.parameters', 'boto3'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
