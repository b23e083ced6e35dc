"""What a store costs on AWS, in USD a month by service, beside AWS HealthImaging and Orthanc on a virtual machine.

By list prices as known in the month that the table names. Check them against AWS's price pages.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import fields, replace
from typing import Any

from infra.costs import document, prices, report
from infra.costs.workload import MB, DataEvents, Stage, Way, Workload

DEFAULT = Workload()


def main(given: list[str] | None = None) -> None:
    """Print what the arguments ask for."""
    parser = _parser()
    arguments = parser.parse_args(given)
    if arguments.document:
        document.DOCUMENT.write_text(document.document())
        return
    try:
        load = _workload(arguments)
    except ValueError as error:
        parser.error(str(error))
    asked = arguments.month or report.months(load)
    found = prices.load(arguments.region)
    if arguments.json:
        print(json.dumps(report.as_json(load, found, asked), indent=2))
        return
    several = report.bills(load, found, asked)
    print(
        f"List prices of {found.region} as known in {found.known}, to be checked against the AWS price pages."
    )
    print("\n".join(["", *report.table(several["Nacre"]), "", *report.comparison(several)]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.costs", description=__doc__)
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help="every line of the bills, as JSON")
    shown.add_argument("--document", action="store_true", help="write docs/costs.md and do nothing else")
    parser.add_argument("--region", choices=prices.regions(), default=prices.REGION, help="whose prices")
    parser.add_argument(
        "--month",
        type=float,
        action="append",
        help="of the archive's life, the first being 1; may be repeated",
    )
    _add_workload(parser.add_argument_group("what the site does"))
    _add_stage(parser.add_argument_group("what is deployed"))
    return parser


def _add_workload(group: Any) -> None:
    _number(group, "--instances-per-day", DEFAULT.instances_per_day, "that come in")
    size = group.add_mutually_exclusive_group()
    _number(size, "--instance-mb", None, f"mean size in millions of bytes ({DEFAULT.instance_bytes / MB:g})")
    _number(size, "--instance-bytes", None, "mean size in bytes")
    _number(group, "--instances-per-series", DEFAULT.instances_per_series, "on average")
    _number(group, "--series-per-study", DEFAULT.series_per_study, "on average")
    _number(group, "--studies-per-patient", DEFAULT.studies_per_patient, "on average")
    kept = group.add_mutually_exclusive_group()
    _number(kept, "--retention-days", None, f"until deletion ({DEFAULT.retention_days:g})")
    _number(kept, "--retention-years", None, "until deletion")
    group.add_argument(
        "--way", choices=list(Way), type=Way, default=DEFAULT.way, help="how instances come in"
    )
    _number(group, "--series-at-once", DEFAULT.series_at_once, "that come in at the same time")
    _number(group, "--requests-per-instance", DEFAULT.requests_per_instance, "for resources, by REST")
    _number(group, "--finds-per-day", DEFAULT.finds_per_day, "C-FIND of ten studies")
    _number(group, "--read-gb", DEFAULT.read_bytes / 1e9, "of files a month, by REST")
    _number(group, "--sent-gb", DEFAULT.sent_bytes / 1e9, "of files a month, by DICOM")


def _add_stage(group: Any) -> None:
    for option in fields(Stage):
        name = f"--{option.name.replace('_', '-')}"
        default = getattr(DEFAULT.stage, option.name)
        if isinstance(default, bool):
            group.add_argument(name, action=argparse.BooleanOptionalAction, default=default)
        elif isinstance(default, DataEvents):
            group.add_argument(name, choices=list(DataEvents), type=DataEvents, default=default)
        else:
            group.add_argument(name, type=type(default), default=default, metavar="N", help=f"({default:g})")


def _number(group: Any, name: str, default: float | None, text: str) -> None:
    shown = text if default is None else f"{text} ({default:g})"
    group.add_argument(name, type=float, default=default, metavar="N", help=shown)


def _workload(arguments: argparse.Namespace) -> Workload:
    size, kept = DEFAULT.instance_bytes, DEFAULT.retention_days
    if arguments.instance_mb is not None:
        size = arguments.instance_mb * MB
    if arguments.instance_bytes is not None:
        size = arguments.instance_bytes
    if arguments.retention_years is not None:
        kept = arguments.retention_years * 365
    if arguments.retention_days is not None:
        kept = arguments.retention_days
    own = {"instance_bytes": size, "retention_days": kept}
    own |= {"read_bytes": arguments.read_gb * 1e9, "sent_bytes": arguments.sent_gb * 1e9}
    given = vars(arguments)
    direct = {option.name: given[option.name] for option in fields(Workload) if option.name in given}
    stage = Stage(**{option.name: given[option.name] for option in fields(Stage)})
    return replace(DEFAULT, **{**direct, **own}, stage=stage)


if __name__ == "__main__":
    main()
