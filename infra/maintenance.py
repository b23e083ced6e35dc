"""``python -m infra.maintenance``: rebuild and check the index of a store, on AWS or on this machine.

The store is the one that the environment names (docs/configuration.md), as for every other part of it. It may be in
use meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from chalicelib.bootstrap import Services, build
from chalicelib.configuration_file import SettingsError
from chalicelib.domain.errors import NacreError
from chalicelib.services.check.findings import Finding
from chalicelib.services.rebuild import Progress, refusals_of
from chalicelib.settings import Settings
from chalicelib.storage.clients import make_clients
from infra.local.stack import CannotStart, offline

WRONG, FAILED = 1, 2


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns 0, 1 if something is wrong with the store, 2 if it could not be looked at."""
    options = _parser().parse_args(arguments)
    try:
        settings = Settings.load(os.environ)
        with _services(settings) as services:
            return int(options.run(services, options))
    except (SettingsError, CannotStart, NacreError) as error:
        sys.stderr.write(f"{error}\n")
        return FAILED


def rebuild(services: Services, options: argparse.Namespace) -> int:
    """Give every file in the bucket its index entry."""

    def report(progress: Progress) -> None:
        _say(f"{progress.files} files looked at, {progress.added} added, {progress.refused} refused")

    if options.aside:
        _say(f"{services.rebuild.bring_back()} files brought back that were set aside")
    done = services.rebuild.run(report, anew=options.anew or options.aside)
    services.sweeper.run(options.sweep_seconds)
    for line in refusals_of(done):
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(
        f"Files: {done.files}. Added: {done.added}. Of instances that have another file: {done.kept}. "
        f"Attachments: {done.attachments}. Resources whose annotations came back: {done.annotated}. "
        f"Being deleted: {done.leaving}. "
        f"Refused: {done.refused}. Statistics {'corrected' if done.corrected_statistics else 'were right'}.\n"
    )
    return WRONG if done.refused else 0


def check(services: Services, options: argparse.Namespace) -> int:
    """Tell of everything that is wrong, and mend what can be."""
    found: Counter[str] = Counter()
    is_well = True
    for finding in services.checker.run(mend=options.mend, verify=options.verify, report=_say):
        found[finding.kind] += 1
        is_well = is_well and finding.mended
        sys.stdout.write(_line(finding, as_json=options.json) + "\n")
    if not options.json:
        parts = [f"{count} x {kind}" for kind, count in sorted(found.items())]
        sys.stdout.write(("; ".join(parts) or "Nothing is wrong") + "\n")
    return 0 if is_well else WRONG


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.maintenance", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    one = commands.add_parser(
        "rebuild",
        help="build the index from the bucket of files",
        description="Give every file in the bucket its index entry. Safe to repeat; goes on where it was interrupted.",
    )
    one.add_argument("--anew", action="store_true", help="from the first file, whatever was done before")
    one.add_argument("--aside", action="store_true", help="bring back first what the sweep has set aside")
    one.add_argument(
        "--sweep-seconds", type=float, default=600.0, help="how long to fold the changes afterwards (600)"
    )
    one.set_defaults(run=rebuild)
    other = commands.add_parser(
        "check",
        help="compare the index with itself and with the bucket",
        description="Tell of everything that is wrong, one line each. Exit code 1 if anything is.",
    )
    other.add_argument("--mend", action="store_true", help="mend what can be; never removes a file")
    other.add_argument("--verify", action="store_true", help="read every file and compare its MD5 sum")
    other.add_argument("--json", action="store_true", help="one JSON object for each finding")
    other.set_defaults(run=check)
    return parser


@contextmanager
def _services(settings: Settings) -> Iterator[Services]:
    """The services of a store on AWS, or of the local one, which must not be running."""
    if settings.stage == "local" and not settings.aws_endpoint_url:
        with offline(settings) as url:
            yield build(settings, make_clients(url))
    else:
        yield build(settings, make_clients(settings.aws_endpoint_url or None))


def _line(finding: Finding, *, as_json: bool) -> str:
    if as_json:
        return json.dumps(asdict(finding))
    return f"{finding.kind}: {finding.subject}{' (mended)' if finding.mended else ''}"


def _say(line: str) -> None:
    """Progress, apart from the result."""
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
