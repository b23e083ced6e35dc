"""One package for all tests of a process: building it takes as long as the tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from zipfile import ZipFile

import pytest

from chalicelib.services.authentication import hash_password
from chalicelib.settings import Settings
from chalicelib.storage.clients import make_clients
from infra.local.stack import emulator
from infra.package.build import RUNTIME, Package, build
from infra.package.interpreters import python_of, running_version
from infra.package.template import functions
from infra.resources import create, define
from tests.package.unpacked import PASSWORD, Lambda, Packaged


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return build(tmp_path_factory.mktemp("package") / "built")


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="module")
def function(packaged: Packaged, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lambda]:
    with emulator(tmp_path_factory.mktemp("emulator")) as url:
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
        yield Lambda(packaged, tmp_path_factory.mktemp("scratch"), environment)
