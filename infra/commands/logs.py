"""Show the logs of a stage, those of all functions, the listener and the API's accesses in one, by time.

The trail, the firewall's log and the network's are not among them.
"""

from __future__ import annotations

import argparse
import heapq
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from infra.commands.common import CommandFailed, make_parser, open_account, run, say
from infra.permissions import FUNCTIONS
from infra.stages import load_stage

POLL_SECONDS = 5
LATE_SECONDS = 60
"""When following, that much is asked for again each time: lines arrive in CloudWatch late, and not in their order."""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, order=True)
class Line:
    """A line of a log."""

    milliseconds: int
    id: str
    source: str
    text: str

    def __str__(self) -> str:
        """Time, source and text."""
        moment = datetime.fromtimestamp(self.milliseconds / 1000, UTC)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{self.milliseconds % 1000:03d}Z {self.source} {self.text}"


def sources(stage: str) -> dict[str, str]:
    """The log groups of a stage that it may have, and how each is called in a line."""
    functions = (name.replace("_", "-") for name in FUNCTIONS)
    groups = {f"/aws/lambda/nacre-{stage}-{name}": name for name in functions}
    return groups | {f"/nacre/{stage}/{name}": name for name in ("api", "dicom", "dicomtls")}


def existing(client: Any, stage: str) -> dict[str, str]:
    """Those that there are; raises `CommandFailed` if there are none."""
    wanted = sources(stage)
    found: set[str] = set()
    for prefix in (f"/aws/lambda/nacre-{stage}-", f"/nacre/{stage}/"):
        for page in client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix):
            found |= {group["logGroupName"] for group in page["logGroups"]}
    groups = {group: name for group, name in wanted.items() if group in found}
    if not groups:
        raise CommandFailed(f"The stage {stage} has no logs here: is it deployed?")
    return groups


def read(client: Any, groups: dict[str, str], since: int, pattern: str = "") -> Iterator[Line]:
    """The lines of all groups since a moment (milliseconds since the epoch), in their order.

    Parameters
    ----------
    pattern
        What CloudWatch calls a filter pattern, such as ``ERROR`` or ``{ $.status = 500 }``.
    """
    return heapq.merge(*(_of_group(client, group, name, since, pattern) for group, name in groups.items()))


def follow(
    client: Any,
    groups: dict[str, str],
    since: int,
    pattern: str = "",
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[Line]:
    """The lines since a moment, and those that come, without an end; each once."""
    shown: dict[str, int] = {}
    newest = since
    while True:
        start = max(since, newest - LATE_SECONDS * 1000)
        shown = {id_: moment for id_, moment in shown.items() if moment >= start}
        for line in read(client, groups, start, pattern):
            if line.id not in shown:
                shown[line.id] = line.milliseconds
                newest = max(newest, line.milliseconds)
                yield line
        sleep(POLL_SECONDS)


def moment_of(text: str, now: float) -> int:
    """Milliseconds since the epoch: of so long ago (``90s``, ``30m``, ``2h``, ``3d``), or of a time in ISO 8601 (UTC).

    Raises
    ------
    argparse.ArgumentTypeError
        It is neither.
    """
    ago = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if ago:
        return int((now - int(ago[1]) * _UNITS[ago[2]]) * 1000)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text} is no time such as 90s, 2h, 3d or 2026-01-31T12:00"
        ) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _of_group(client: Any, group: str, name: str, since: int, pattern: str) -> Iterator[Line]:
    options = {"filterPattern": pattern} if pattern else {}
    pages = client.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since, **options)
    for page in pages:
        for event in page["events"]:
            yield Line(event["timestamp"], event["eventId"], name, event["message"].rstrip("\n"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the arguments and show the logs."""
    parser = make_parser("logs", __doc__)
    parser.add_argument(
        "--since",
        type=lambda text: moment_of(text, time.time()),
        default="1h",
        help="how long ago (90s, 30m, 2h, 3d), or a time in ISO 8601; 1h",
    )
    parser.add_argument("--filter", default="", help="a filter pattern of CloudWatch Logs")
    parser.add_argument("--follow", action="store_true", help="go on with what comes, until Ctrl-C")
    options = parser.parse_args(arguments)

    def command() -> int:
        client = open_account(load_stage(options.stage)).client("logs")
        groups = existing(client, options.stage)
        for line in (follow if options.follow else read)(client, groups, options.since, options.filter):
            say(str(line))
        return 0

    return run(command)


if __name__ == "__main__":
    sys.exit(main())
