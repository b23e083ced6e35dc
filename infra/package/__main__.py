"""``python -m infra.package``: build/package/deployment.zip and build/package/sam.json, without a call to AWS."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from infra.package.build import RUNTIME, NotPackaged, build, unzipped_bytes


def main() -> int:
    """Build, and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=RUNTIME, help="version of Python that Lambda runs")
    parser.add_argument("--stage", default="prod", help="a stage of .chalice/config.json")
    parser.add_argument("--output", type=Path, default=Path("build/package"))
    arguments = parser.parse_args()
    try:
        package = build(arguments.output, stage=arguments.stage, python=arguments.python)
    except NotPackaged as error:
        sys.stderr.write(f"{error}\n")
        return 1
    size = unzipped_bytes(package.archive) / 1e6
    speed = (
        ""
        if package.has_bytecode
        else f", no bytecode (slower cold starts): no Python {arguments.python} here"
    )
    sys.stdout.write(f"{package.archive}: {size:.0f} MB unzipped{speed}\n{package.template}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
