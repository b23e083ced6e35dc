"""Users come and go without a trace of a password."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from typing import Any

import pytest

from chalicelib.services.authentication import verify_password
from infra.commands.user import change, put
from infra.package.build import ROOT
from tests.commands.cloud import STAGE, Cloud

SECRET = f"nacre-{STAGE}-users"
PASSWORD = 'correct "horse"\\ battery é'


@pytest.fixture
def secrets(aws: Cloud) -> Any:
    client = aws.client("secretsmanager")
    client.create_secret(Name=SECRET, SecretString="{}")
    return client


def users(secrets: Any) -> dict[str, str]:
    return dict(json.loads(secrets.get_secret_value(SecretId=SECRET)["SecretString"]))


def test_a_user_gets_a_password_and_others_keep_theirs(aws: Cloud, secrets: Any) -> None:
    secrets.put_secret_value(SecretId=SECRET, SecretString='{"bob": "hash of bob"}')
    done = aws.run("user", "--stage", STAGE, "--name", "alice", given=f"{PASSWORD}\n")
    assert (done.returncode, done.stderr) == (0, "")
    there = users(secrets)
    assert there["bob"] == "hash of bob"
    assert verify_password(there["alice"], PASSWORD)
    assert PASSWORD not in done.stdout
    assert "argon2" not in done.stdout


def test_a_new_password_replaces_the_old_one(aws: Cloud, secrets: Any) -> None:
    for password in ("old", "new"):
        assert aws.run("user", "--stage", STAGE, "--name", "alice", given=password).returncode == 0
    assert verify_password(users(secrets)["alice"], "new")
    assert not verify_password(users(secrets)["alice"], "old")


def test_one_user_is_removed(aws: Cloud, secrets: Any) -> None:
    secrets.put_secret_value(SecretId=SECRET, SecretString='{"alice": "a", "bob": "b"}')
    assert aws.run("user", "--stage", STAGE, "--name", "alice", "--remove").returncode == 0
    assert users(secrets) == {"bob": "b"}
    again = aws.run("user", "--stage", STAGE, "--name", "alice", "--remove")
    assert (again.returncode, again.stderr) == (1, "There is no such user\n")


@pytest.mark.parametrize(
    ("name", "given"), [("al:ice", "x"), ("", "x"), ("al\nice", "x"), ("alice", ""), ("alice", "\n")]
)
def test_what_cannot_be_a_user_is_refused(aws: Cloud, secrets: Any, name: str, given: str) -> None:
    assert aws.run("user", "--stage", STAGE, "--name", name, given=given).returncode == 1
    assert users(secrets) == {}


@pytest.mark.parametrize("text", ["no JSON: s3cret", '["s3cret"]', '{"bob": {"password": "s3cret"}}'])
def test_a_secret_that_holds_something_else_is_left_alone(aws: Cloud, secrets: Any, text: str) -> None:
    secrets.put_secret_value(SecretId=SECRET, SecretString=text)
    refused = aws.run("user", "--stage", STAGE, "--name", "alice", given="x")
    assert refused.returncode == 1
    assert "s3cret" not in refused.stdout + refused.stderr
    assert secrets.get_secret_value(SecretId=SECRET)["SecretString"] == text


def test_without_the_secret_the_message_names_it(aws: Cloud) -> None:
    refused = aws.run("user", "--stage", STAGE, "--name", "alice", given="s3cret")
    assert refused.returncode == 1
    assert "secret" in refused.stderr.lower()
    assert "s3cret" not in refused.stderr


def test_two_at_once_lose_nothing(secrets: Any) -> None:
    """Another one writes between our read and our write."""
    read = secrets.get_secret_value

    def interrupted(**options: Any) -> Any:
        answer = read(**options)
        if not hasattr(interrupted, "done"):
            interrupted.done = True  # type: ignore[attr-defined]
            change(_Client(secrets, read), SECRET, put("bob", "b"))
        return answer

    change(_Client(secrets, interrupted), SECRET, put("alice", "a"))
    assert users(secrets) == {"alice": "a", "bob": "b"}


class _Client:
    """A client whose way of reading is another."""

    def __init__(self, client: Any, read: Any) -> None:
        self.get_secret_value = read
        self.put_secret_value = client.put_secret_value
        self.describe_secret = client.describe_secret


def test_at_a_terminal_it_is_asked_for_twice_and_not_shown(aws: Cloud, secrets: Any) -> None:
    assert at_a_terminal(aws, "tellnobody", "tellnobody") == 0
    assert verify_password(users(secrets)["alice"], "tellnobody")
    assert at_a_terminal(aws, "tellnobody", "tellsomebody") == 1


def at_a_terminal(aws: Cloud, *typed: str) -> int:
    """Type at the prompts of the command; gives its exit code."""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "infra.commands.user", "--stage", STAGE, "--name", "alice"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=aws.environment,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    shown = b""
    for text, prompt in zip(typed, (b"Password of alice: ", b"Again: "), strict=True):
        while prompt not in shown:
            shown += os.read(master, 1024)
        time.sleep(0.1)  # the prompt comes just before the echo is off
        os.write(master, text.encode() + b"\n")
    code = process.wait(60)
    assert b"tell" not in shown
    os.close(master)
    return code
