"""The examples of README.md are tried on a store, whatever is wrong is found, and nothing stays."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from infra.commands.answers import check_of
from infra.commands.examples import examples
from infra.package.build import ROOT
from tests.support.stack import RunningStack, running_stack

README = (ROOT / "README.md").read_text()
PASSWORD = 'se "cr\\et'


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    users = '{"alice": "se \\"cr\\\\et"}'
    with running_stack(
        tmp_path_factory.mktemp("smoke"), NACRE_AUTHENTICATION_ENABLED="true", NACRE_REGISTERED_USERS=users
    ) as running:
        yield running


def smoke(stack: RunningStack, *options: str, password: str = PASSWORD) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "infra.commands.smoke", "--url", stack.url, "--user", "alice", *options]
    return subprocess.run(
        command, cwd=ROOT, input=password, capture_output=True, text=True, timeout=300, check=False
    )


def ask(stack: RunningStack, method: str, path: str, **options: object) -> requests.Response:
    return requests.request(method, stack.url + path, auth=("alice", PASSWORD), timeout=30, **options)  # type: ignore[arg-type]


def what_is_stored(stack: RunningStack) -> list[object]:
    return [ask(stack, "GET", path).json() for path in ("/patients", "/instances", "/modalities")]


def page(folder: Path, *lines: str) -> str:
    path = folder / "page.md"
    path.write_text("```\n" + "\n".join(lines) + "\n```\n")
    return str(path)


def test_all_examples_of_the_readme_are_right_and_nothing_stays(stack: RunningStack) -> None:
    peer = f"NACRE@127.0.0.1:{stack.dicom_port}"
    done = smoke(stack, "--host", "127.0.0.1", "--port", str(stack.dicom_port), "--peer", peer)
    count = len(list(examples(README)))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == f"{count} examples are right, 0 are wrong"
    assert count > 20
    assert what_is_stored(stack) == [[], [], []]


def test_without_a_node_only_those_of_http_are_run(stack: RunningStack) -> None:
    done = smoke(stack)
    assert done.returncode == 0
    skipped = [line for line in done.stdout.splitlines() if line.startswith("not run")]
    assert {line.partition("): ")[0] for line in skipped} == {
        "not run (needs --host",
        "not run (needs --peer",
    }
    assert len(skipped) == sum(one.needs_peer or one.tool != "curl" for one in examples(README))


def test_a_modality_of_the_hospital_is_left_alone(stack: RunningStack) -> None:
    ask(stack, "PUT", "/modalities/PACS", json={"AET": "REAL", "Host": "10.0.0.1", "Port": 104})
    done = smoke(stack, "--peer", f"NACRE@127.0.0.1:{stack.dicom_port}")
    assert done.returncode == 0
    assert "there is a modality PACS" in done.stdout
    assert ask(stack, "GET", "/modalities/PACS/configuration").json()["AET"] == "REAL"
    ask(stack, "DELETE", "/modalities/PACS")


def test_a_wrong_password_fails_every_example(stack: RunningStack) -> None:
    done = smoke(stack, password="another")
    assert done.returncode == 1
    assert "ok: " not in done.stdout
    assert "the status is 401" in done.stdout
    assert "another" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("curl http://localhost:8042/instances/$ID/tag > image.png", "nobody has said"),
        ("curl http://localhost:8042/nothing/preview > image.png", "the status is 404"),
        ("curl http://localhost:8042/changes/content/0010-0010", "the status is 404"),
        ("curl http://localhost:8042/system?/changes", "lacks Changes"),
        ("curl http://localhost:8042/instances/$ID/tags?/preview > image.png", "does not begin"),
        ("curl http://localhost:8042/instances/$SERIES/tags", "SERIES is not known"),
        ("curl --no-such-option http://localhost:8042/changes", "the command ended with 2"),
    ],
)
def test_an_answer_that_is_not_as_the_page_says(
    stack: RunningStack, tmp_path: Path, line: str, complaint: str
) -> None:
    upload = "curl http://localhost:8042/instances --data-binary @image.dcm"
    done = smoke(stack, "--page", page(tmp_path, upload, line))
    assert done.returncode == 1
    wrong = [told for told in done.stdout.splitlines() if told.startswith("WRONG")]
    assert len(wrong) == 1
    assert complaint in wrong[0]
    assert what_is_stored(stack) == [[], [], []]


@pytest.mark.parametrize("url", ["localhost", "http://h/$(touch x)", "http://h/;id", "file:///etc/passwd"])
def test_an_address_that_is_none_is_not_given_to_a_shell(url: str) -> None:
    command = [sys.executable, "-m", "infra.commands.smoke", "--url", url]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "The URL has to be" in done.stderr) == (1, True)


def test_every_example_of_the_readme_has_its_check() -> None:
    assert [one.line for one in examples(README) if check_of(one.line) is None] == []
