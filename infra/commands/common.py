"""What the commands have in common: the stage, the account it is in, and how a command ends."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from infra.package.build import NotPackaged
from infra.stages import Stage, StageError

FAILED, INTERRUPTED = 1, 130
Say = Callable[[str], object]


class CommandFailed(Exception):
    """A command cannot go on; the message tells the person why, and what to do."""


@dataclass(frozen=True)
class Account:
    """A stage, and the AWS account that the credentials of the person are for."""

    stage: Stage
    session: boto3.session.Session
    number: str

    def client(self, service: str, region: str = "") -> Any:
        """A client of a service, in the stage's region unless another one is named."""
        return self.session.client(service, region_name=region or self.stage.region)  # type: ignore[call-overload]


def open_account(stage: Stage) -> Account:
    """Ask AWS whose the credentials are.

    Raises
    ------
    CommandFailed
        There are none, AWS does not take them, or they are for another account than the stage's.
    """
    session = boto3.session.Session(region_name=stage.region)
    try:
        number = session.client("sts").get_caller_identity()["Account"]
    except NoCredentialsError:
        raise CommandFailed("There are no credentials for AWS: sign in, or set AWS_PROFILE") from None
    except (BotoCoreError, ClientError) as error:
        raise CommandFailed(f"AWS does not take the credentials: {error}") from None
    if stage.account not in ("", number):
        raise CommandFailed(f"The credentials are for account {number}, the stage is for {stage.account}")
    return Account(stage, session, number)


def make_parser(command: str, description: str) -> argparse.ArgumentParser:
    """The parser of a command on a stage."""
    parser = argparse.ArgumentParser(prog=f"python -m infra.commands.{command}", description=description)
    parser.add_argument("--stage", required=True, help="a file of infra/stages, without .toml")
    return parser


def run(command: Callable[[], int]) -> int:
    """Run a command; what it cannot do becomes a message and the exit code 1."""
    try:
        return command()
    except (CommandFailed, NotPackaged, StageError) as error:
        sys.stderr.write(f"{error}\n")
    except (BotoCoreError, ClientError) as error:
        sys.stderr.write(f"AWS refuses or does not answer: {error}\nThe command can be given again.\n")
    except KeyboardInterrupt:
        return INTERRUPTED
    return FAILED


def say(line: str) -> None:
    """Tell the person something, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def is_missing(error: ClientError) -> bool:
    """Whether AWS says that the thing does not exist."""
    code = error.response["Error"]["Code"]
    words = ("NotFound", "NonExistent", "DoesNotExist", "NoSuchBucket", "NoSuchVersion")
    return code == "404" or any(word in code for word in words)
