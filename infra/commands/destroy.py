"""Remove a stage that holds nothing: its stacks, then what they leave behind.

A stage that is protected, or that holds a file or an instance, is refused. It is safe to give the command again after
it has failed half-way.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from botocore.exceptions import ClientError

from infra.commands.common import Account, CommandFailed, Say, is_missing, make_parser, open_account, run, say
from infra.commands.contents import Contents, Surroundings
from infra.commands.remains import remove_buckets, remove_queues, remove_secrets, remove_tables
from infra.stages import load_stage

PARTS = ("watch", "listener", "api", "network", "data")
"""The stacks, each before those that it uses."""

STACK_SECONDS, ASK_SECONDS = 3600, 5  # Lambda takes up to 40 minutes to let go of a network

LEFT = """Left, because they are records: log groups (/nacre/{stage}/, /aws/lambda/nacre-{stage}-,
aws-waf-logs-nacre-{stage}, flow logs), the buckets of access logs and of the trail, and the keys of these.
DynamoDB keeps a backup of each removed table for 35 days, Secrets Manager each secret for {days}.
docs/deployment.md tells how the rest is removed, and what is to be done before a stage of this name is made again."""

SECRET_DAYS = 30


def destroy(
    account: Account,
    say: Say,
    *,
    forget: bool = False,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Remove all of a stage but its records.

    Parameters
    ----------
    forget
        Versions of what was deleted or replaced do not count as contents, and are removed.

    Raises
    ------
    CommandFailed
        The stage is protected, or holds data, or a stack cannot be deleted.
    """
    stage = account.stage
    if stage.protected:
        raise CommandFailed(
            f"The stage {stage.name} is protected. To remove it, set protected = false and deploy it first"
        )
    around = Surroundings(account)
    _refuse_data(around.count(), forget=forget)
    regions = dict.fromkeys(PARTS, stage.region)
    if stage.replica_region:
        regions["replica"] = stage.replica_region
    for part, region in regions.items():
        _delete_stack(account, f"nacre-{stage.name}-{part}", region, say, sleep)
    # Whoever was still storing when the command was given may have stored since.
    _refuse_data(around.count(), forget=forget)
    remove_buckets(around, say, forget=forget)
    remove_tables(around, say)
    remove_queues(around, say)
    remove_secrets(account, SECRET_DAYS, say)
    say(LEFT.format(stage=stage.name, days=SECRET_DAYS))


def _refuse_data(contents: Contents, *, forget: bool) -> None:
    if contents.instances or contents.objects or (contents.older_versions and not forget):
        hint = "" if contents.instances or contents.objects else "; --forget removes such versions as well"
        raise CommandFailed(f"The stage holds data: {contents}{hint}. Nothing was removed that holds any.")


def _delete_stack(
    account: Account, name: str, region: str, say: Say, sleep: Callable[[float], object]
) -> None:
    client = account.client("cloudformation", region)
    if _status(client, name) is None:
        return
    say(f"Deleting the stack {name}")
    try:
        client.delete_stack(StackName=name)
    except ClientError as error:
        raise CommandFailed(f"The stack {name} cannot be deleted: {error}") from None
    for _ in range(STACK_SECONDS // ASK_SECONDS):
        status = _status(client, name)
        if status is None:
            return
        if status.endswith("FAILED"):
            raise CommandFailed(f"The stack {name} is {status}: CloudFormation's console tells why")
        sleep(ASK_SECONDS)
    raise CommandFailed(f"The stack {name} is still being deleted: give the command again later")


def _status(client: object, name: str) -> str | None:
    """The status of a stack; none if there is no such stack."""
    try:
        (stack,) = client.describe_stacks(StackName=name)["Stacks"]  # type: ignore[attr-defined]
    except ClientError as error:
        if is_missing(error) or "does not exist" in str(error):
            return None
        raise
    status = str(stack["StackStatus"])
    return None if status == "DELETE_COMPLETE" else status


def main() -> int:
    """Read the arguments and remove a stage."""
    parser = make_parser("destroy", __doc__)
    parser.add_argument(
        "--forget",
        action="store_true",
        help="also remove versions of objects that were deleted or replaced, which could be brought back",
    )
    options = parser.parse_args()

    def command() -> int:
        destroy(open_account(load_stage(options.stage)), say, forget=options.forget)
        return 0

    return run(command)


if __name__ == "__main__":
    sys.exit(main())
