"""What Lambda's first request costs: the unpacked ZIP is imported, and asked, by a fresh interpreter each time."""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from infra.package.build import build
from tests.package.unpacked import Lambda, Packaged, api_event, over_a_store, recorded, unpack

BUDGET_SECONDS = 1.0
REQUESTS: dict[str, dict[str, Any]] = {
    "GET /system": api_event("GET", "/system"),
    "GET /changes": recorded("api-get"),
    "GET /instances": api_event("GET", "/{level}", level="instances"),
}
_IMPORT = re.compile(r"^import time: +(\d+) \| +(\d+) \|( +)(\S+)$", re.MULTILINE)


def configure(parser: argparse.ArgumentParser) -> None:
    """Say how this is called."""
    parser.description = __doc__
    parser.add_argument("--rounds", type=int, default=15, help="how many interpreters for each request")
    parser.add_argument("--imports", type=int, default=12, help="how many of the imports are told")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Print two tables; ends with 1 if a first request takes longer than the budget."""
    with TemporaryDirectory() as folder:
        packaged = unpack(build(Path(folder) / "built"), Path(folder))
        with over_a_store(packaged, Path(folder)) as function:
            slowest = max(_tell(function, arguments.rounds))
        _tell_imports(packaged, function.environment, arguments.imports)
    if slowest > BUDGET_SECONDS:
        sys.exit(f"A first request takes {slowest:.2f} s: the budget is {BUDGET_SECONDS} s")


def _tell(function: Lambda, rounds: int) -> list[float]:
    """Print what each request takes; gives the medians of the sums, in seconds."""
    print("| first request | import, ms | request, ms | both, ms | slowest, ms | CPU of the process, ms |")
    print("|---|---:|---:|---:|---:|---:|", flush=True)
    sums = []
    for name, event in REQUESTS.items():
        function.invoke(("APIHandler", event))  # or the first would pay for reading the disk
        runs = [_once(function, event) for _ in range(rounds)]
        imports, requests, totals, cpu = ([1000 * one[n] for one in runs] for n in range(4))
        medians = [statistics.median(column) for column in (imports, requests, totals)]
        cells = [*medians, max(totals), statistics.median(cpu)]
        print(f"| {name} | " + " | ".join(f"{cell:.0f}" for cell in cells) + " |", flush=True)
        sums.append(medians[2] / 1000)
    return sums


def _once(function: Lambda, event: dict[str, Any]) -> tuple[float, float, float, float]:
    (answer,) = function.invoke(("APIHandler", event))
    assert answer["answer"]["statusCode"] == 200
    imports, (request,) = function.loaded["import_seconds"], function.ended["seconds"]
    return imports, request, imports + request, function.ended["cpu_seconds"]


def _tell_imports(packaged: Packaged, environment: dict[str, str], count: int) -> None:
    """Print the packages whose own modules take longest to import."""
    script = f"import sys; sys.path.insert(0, {str(packaged.folder)!r}); import app"
    command = [packaged.interpreter, "-I", "-S", "-B", "-X", "importtime", "-c", script]
    told = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True, cwd=packaged.folder
    ).stderr
    own: dict[str, int] = {}
    for microseconds, _, _, name in _IMPORT.findall(told):
        package = name.split(".")[0]
        own[package] = own.get(package, 0) + int(microseconds)
    print(f"\n| package | its own modules, ms, of {sum(own.values()) / 1000:.0f} |\n|---|---:|")
    for package in sorted(own, key=own.__getitem__, reverse=True)[:count]:
        print(f"| {package} | {own[package] / 1000:.0f} |")
