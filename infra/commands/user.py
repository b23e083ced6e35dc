"""Give a user of the API a password, or remove the user: in the stage's secret, where the authorizer finds it.

The password is asked for, or read from standard input if that is no terminal. It is never shown; the secret holds its
Argon2id hash. The API keeps what it knows of users for up to ten minutes.
"""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Callable
from typing import Any

from chalicelib.services.authentication import hash_password
from infra.commands.common import CommandFailed, make_parser, open_account, run, say
from infra.stages import load_stage

Users = dict[str, str]
ATTEMPTS = 5


def change(client: Any, secret: str, edit: Callable[[Users], Users]) -> None:
    """Read the users, change them, write them back.

    Secrets Manager writes without a condition. If somebody else has written in between, theirs has become the previous
    version without having been read: the change is made anew, on theirs.

    Raises
    ------
    CommandFailed
        The secret holds no users, or somebody else goes on writing to it.
    """
    known: set[str] = set()
    stage = "AWSCURRENT"
    for _ in range(ATTEMPTS):
        answer = client.get_secret_value(SecretId=secret, VersionStage=stage)
        edited = json.dumps(edit(_users(answer["SecretString"])))
        written = client.put_secret_value(SecretId=secret, SecretString=edited)["VersionId"]
        known |= {answer["VersionId"], written}
        stages = client.describe_secret(SecretId=secret)["VersionIdsToStages"]
        latest = {label: version for version, labels in stages.items() for label in labels}
        if latest["AWSCURRENT"] != written:
            stage = "AWSCURRENT"
        elif latest["AWSPREVIOUS"] in known:
            return
        else:
            stage = "AWSPREVIOUS"
    raise CommandFailed("Somebody else is changing the users: look at who is there, and try again")


def put(name: str, hashed: str) -> Callable[[Users], Users]:
    """The change that gives a user a password."""
    return lambda users: users | {name: hashed}


def remove(name: str) -> Callable[[Users], Users]:
    """The change that removes a user; it raises `CommandFailed` if there is none of the name."""

    def edit(users: Users) -> Users:
        if name not in users:
            raise CommandFailed("There is no such user")
        return {other: hashed for other, hashed in users.items() if other != name}

    return edit


def ask_password(name: str) -> str:
    """The password, from the terminal (twice) or from standard input; raises `CommandFailed`."""
    if sys.stdin.isatty():
        password = getpass.getpass(f"Password of {name}: ")
        if password != getpass.getpass("Again: "):
            raise CommandFailed("That was another password")
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise CommandFailed("The password is empty")
    return password


def _users(text: str) -> Users:
    try:
        users = json.loads(text)
    except ValueError:
        users = None
    if not isinstance(users, dict) or not all(isinstance(value, str) for value in users.values()):
        raise CommandFailed("The secret does not hold a JSON object of names and passwords")
    return users


def main() -> int:
    """Read the arguments and change the users."""
    parser = make_parser("user", __doc__)
    parser.add_argument("--name", required=True, help="the user's name")
    parser.add_argument("--remove", action="store_true", help="remove the user")
    options = parser.parse_args()
    name = options.name

    def command() -> int:
        if not name or ":" in name or not name.isprintable():
            raise CommandFailed("A name is not empty, and has no colon and no control characters")
        account = open_account(load_stage(options.stage))
        edit = remove(name) if options.remove else put(name, hash_password(ask_password(name)))
        change(account.client("secretsmanager"), f"nacre-{options.stage}-users", edit)
        say(f"{name} is {'removed' if options.remove else 'a user'}. The API knows within ten minutes.")
        return 0

    return run(command)


if __name__ == "__main__":
    sys.exit(main())
