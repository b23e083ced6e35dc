"""The ZIP: complete, within Lambda's limits, and what it holds answers as Lambda would be asked."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from chalicelib.services.authentication import hash_password
from chalicelib.settings import Settings
from chalicelib.storage.clients import make_clients
from infra.local.stack import emulator
from infra.package import build as package_build
from infra.package.build import (
    RUNTIME,
    NotPackaged,
    Package,
    add_bytecode,
    build,
    install,
    unzipped_bytes,
    write_archive,
)
from infra.package.interpreters import python_of, running_version
from infra.package.template import functions
from infra.resources import create, define

MAX_UNZIPPED_BYTES = 160_000_000  # Lambda's limit is 250 MB
CT = Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()
LOSSLESS_JPEG = Path(str(get_testdata_file("SC_rgb_jpeg_gdcm.dcm"))).read_bytes()
RGB_ID = "4d643d19-44ea2d8b-ff8e220c-fd15b58b-3902075a"
HEAVY = {"pydicom", "numpy", "PIL", "argon2", "jsonc"}
PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return build(tmp_path_factory.mktemp("package") / "built")


@dataclass(frozen=True)
class Packaged:
    """A package unpacked, and a Python that can run it."""

    folder: Path
    interpreter: str
    handlers: dict[str, str]
    variables: dict[str, str]


@pytest.fixture(scope="module")
def packaged(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    """The package, or one for the running Python where Lambda's is not to be had: the same wheels, of that version."""
    interpreter = python_of(RUNTIME)
    if interpreter is None:
        package = build(tmp_path_factory.mktemp("other") / "built", python=running_version())
        interpreter = python_of(running_version())
    assert interpreter is not None
    folder = tmp_path_factory.mktemp("unpacked")
    with ZipFile(package.archive) as zipped:
        zipped.extractall(folder)
    found = functions(json.loads(package.template.read_text()))
    variables = found["APIHandler"]["Environment"]["Variables"]
    plain = {name: value for name, value in variables.items() if isinstance(value, str)}
    return Packaged(folder, interpreter, {name: item["Handler"] for name, item in found.items()}, plain)


@dataclass
class Lambda:
    """Invokes handlers of the unpacked package, in an interpreter that sees nothing else."""

    packaged: Packaged
    scratch: Path
    environment: dict[str, str]
    loaded: dict[str, Any] | None = None

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
        self.loaded, *results = [json.loads(line) for line in answers.read_text().splitlines()]
        return results


@pytest.fixture(scope="module")
def function(packaged: Packaged, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lambda]:
    with emulator(tmp_path_factory.mktemp("emulator")) as url:
        create(define(Settings.load(packaged.variables)), make_clients(url))
        environment = {
            **packaged.variables,
            "AWS_LAMBDA_FUNCTION_NAME": "nacre",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "NACRE_AWS_ENDPOINT_URL": url,
            "NACRE_REGISTERED_USERS": json.dumps({"alice": hash_password(PASSWORD)}),
        }
        yield Lambda(packaged, tmp_path_factory.mktemp("scratch"), environment)


def api_event(method: str, template: str, body: bytes = b"", **parameters: str) -> dict[str, Any]:
    """What API Gateway sends to the function (REST API, payload version 1.0)."""
    path = template.format(**parameters)
    return {
        "resource": template,
        "path": path,
        "httpMethod": method,
        "headers": {"Accept": "*/*", "Host": "example.execute-api.us-east-1.amazonaws.com"},
        "multiValueHeaders": {"Accept": ["*/*"], "Host": ["example.execute-api.us-east-1.amazonaws.com"]},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "requestContext": {
            "resourceId": "r1",
            "resourcePath": template,
            "httpMethod": method,
            "path": f"/api{path}",
            "accountId": "123456789012",
            "protocol": "HTTP/1.1",
            "stage": "api",
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "identity": {"sourceIp": "192.0.2.1", "userAgent": "curl/8.0"},
            "authorizer": {"principalId": "alice", "readOnly": "false"},
            "apiId": "example",
        },
        "body": base64.b64encode(body).decode() if body else None,
        "isBase64Encoded": bool(body),
    }


def token_event(name: str, password: str) -> dict[str, Any]:
    """What API Gateway sends to the authorizer."""
    return {
        "type": "TOKEN",
        "methodArn": "arn:aws:execute-api:us-east-1:123456789012:example/api/GET/instances",
        "authorizationToken": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode(),
    }


def body_of(result: dict[str, Any]) -> bytes:
    answer = result["answer"]
    assert answer["isBase64Encoded"]
    return base64.b64decode(answer["body"])


def test_the_package_is_within_the_limit(package: Package) -> None:
    assert 50_000_000 < unzipped_bytes(package.archive) < MAX_UNZIPPED_BYTES


def test_the_package_holds_the_product_and_nothing_beside_it(package: Package) -> None:
    with ZipFile(package.archive) as zipped:
        names = zipped.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {"app.py", "chalice", "chalicelib", "boto3", "numpy", "pydicom", "PIL"} <= tops
    assert not tops & {"infra", "tests", "samples", "pip", "click", "bin", "ministack", "moto", "sam.json"}
    assert not [name for name in names if "/tests/" in name and "__pycache__" in name]
    source = Path("chalicelib")
    expected = {path.as_posix() for path in source.rglob("*.py")}
    assert {name for name in names if name.startswith("chalicelib/") and name.endswith(".py")} == expected


def test_what_was_stored_comes_back_to_the_byte(function: Lambda) -> None:
    instance = "f689ddd2-662f8fe1-8b18180d-ec2a2cee-937917af"
    stored, tags, file, preview = function.invoke(
        ("APIHandler", api_event("POST", "/{level}", CT, level="instances")),
        (
            "APIHandler",
            api_event("GET", "/{level}/{identifier}/tags", level="instances", identifier=instance),
        ),
        (
            "APIHandler",
            api_event("GET", "/{level}/{identifier}/file", level="instances", identifier=instance),
        ),
        (
            "APIHandler",
            api_event("GET", "/{level}/{identifier}/preview", level="instances", identifier=instance),
        ),
    )
    assert stored["answer"]["statusCode"] == 200
    assert json.loads(body_of(stored))["ID"] == instance
    assert json.loads(body_of(tags))["0010,0020"]["Value"] == "1CT1"
    assert hashlib.sha256(body_of(file)).digest() == hashlib.sha256(CT).digest()
    assert body_of(preview).startswith(b"\x89PNG")


def test_every_codec_is_there(function: Lambda) -> None:
    """What was left out of the package (infra/package/trimming.py) is missed by nothing."""

    def asked(syntax: str) -> tuple[str, dict[str, Any]]:
        event = api_event("GET", "/{level}/{identifier}/file", level="instances", identifier=RGB_ID)
        wish = f"1.2.840.10008.1.2.{syntax}"
        event["queryStringParameters"] = {"transcode": wish}
        event["multiValueQueryStringParameters"] = {"transcode": [wish]}
        return "APIHandler", event

    syntaxes = ("1", "5", "4.50", "4.70", "4.80", "4.90")
    stored, *files = function.invoke(
        ("APIHandler", api_event("POST", "/{level}", LOSSLESS_JPEG, level="instances")), *map(asked, syntaxes)
    )
    assert json.loads(body_of(stored))["ID"] == RGB_ID
    for syntax, file in zip(syntaxes, files, strict=True):
        assert file["answer"]["statusCode"] == 200
        assert dcmread(BytesIO(body_of(file))).file_meta.TransferSyntaxUID == f"1.2.840.10008.1.2.{syntax}"


def test_a_failure_is_told_as_orthanc_does(function: Lambda) -> None:
    (refused,) = function.invoke(
        ("APIHandler", api_event("POST", "/{level}", b"no DICOM", level="instances"))
    )
    assert refused["answer"]["statusCode"] == 400
    assert json.loads(body_of(refused))["OrthancStatus"] == 15


def test_the_authorizer_lets_in_who_knows_the_password(function: Lambda) -> None:
    allowed, refused = function.invoke(
        ("BasicAuthorizer", token_event("alice", PASSWORD)),
        ("BasicAuthorizer", token_event("alice", "battery staple")),
    )
    (statement,) = allowed["answer"]["policyDocument"]["Statement"]
    assert (statement["Effect"], allowed["answer"]["principalId"]) == ("Allow", "alice")
    assert refused == {"error": "Unauthorized"}  # the text of which API Gateway makes a 401


def test_the_sweep_runs(function: Lambda) -> None:
    scheduled = {
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": "2026-01-01T00:00:00Z",
        "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1:123456789012:rule/sweep"],
        "detail": {},
    }
    assert function.invoke(("Sweep", scheduled)) == [{"answer": None}]


def test_the_inbox_takes_in_what_the_queue_announces(function: Lambda, packaged: Packaged) -> None:
    bucket = define(Settings.load(packaged.variables)).inbox.name
    clients = make_clients(function.environment["NACRE_AWS_ENDPOINT_URL"])
    clients.s3.put_object(Bucket=bucket, Key="inbox/image.dcm", Body=CT)
    object_ = {"bucket": {"name": bucket}, "object": {"key": "inbox/image.dcm", "size": len(CT)}}
    notification = {"Records": [{"eventName": "ObjectCreated:Put", "s3": object_}]}
    messages = {"good": json.dumps(notification), "bad": "no JSON"}
    event = {"Records": [{"messageId": name, "body": body} for name, body in messages.items()]}
    (result,) = function.invoke(("Inbox", event))
    assert result == {"answer": {"batchItemFailures": [{"itemIdentifier": "bad"}]}}
    assert "Contents" not in clients.s3.list_objects_v2(Bucket=bucket, Prefix="inbox/")


def test_a_cold_start_loads_nothing_heavy(function: Lambda, packaged: Packaged) -> None:
    function.invoke()
    assert function.loaded is not None
    print(f"import of app: {function.loaded['import_seconds']:.2f} s, {function.loaded['python']}")
    tops = {name.split(".")[0] for name in function.loaded["modules"]}
    assert {"chalice", "boto3"} <= tops
    assert not tops & HEAVY


def test_a_dependency_without_a_wheel_for_the_runtime_stops_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    (source / "unwheeled").mkdir(parents=True)
    (source / "setup.py").write_text("from setuptools import setup\nsetup(name='unwheeled', version='1')\n")
    (tmp_path / "requirements.txt").write_text("unwheeled==1\n")
    (tmp_path / "constraints.txt").touch()
    monkeypatch.setattr(package_build, "ROOT", tmp_path)
    monkeypatch.setitem(os.environ, "PIP_NO_INDEX", "1")
    with pytest.raises(NotPackaged, match="unwheeled"):
        install(tmp_path / "target", RUNTIME)


def test_bytecode_is_used_whatever_the_dates_of_the_files(tmp_path: Path) -> None:
    source = tmp_path / "module.py"
    source.write_text("print('compiled')")
    assert add_bytecode(tmp_path, running_version())
    source.write_text("print('source')")
    script = "import sys; sys.path.insert(0, sys.argv[1]); import module"
    command = [sys.executable, "-I", "-c", script, str(tmp_path)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "compiled\n"


def test_a_machine_without_the_runtime_packages_without_bytecode(tmp_path: Path) -> None:
    assert not add_bytecode(tmp_path, "3.99")


def test_the_same_files_give_the_same_archive(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    digests = set()
    for stamp in (1_000_000_000, 1_700_000_000):
        (folder / "inner").mkdir(parents=True, exist_ok=True)
        for name in ("b", "a", "inner/c"):
            (folder / name).write_text(name)
            os.utime(folder / name, (stamp, stamp))
        write_archive(tmp_path / "archive.zip", [folder])
        digests.add(hashlib.sha256((tmp_path / "archive.zip").read_bytes()).hexdigest())
    assert len(digests) == 1
