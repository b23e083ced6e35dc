"""``python -m infra.stacks``: write the CloudFormation templates of a stage, without a call to AWS.

CDK's command line runs this as its app; for everything else it stands alone.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from infra.package.build import NotPackaged
from infra.stacks.application import synthesize
from infra.stages import StageError, load_stage


def main() -> int:
    """Synthesize, and say where the templates are."""
    parser = argparse.ArgumentParser(prog="python -m infra.stacks", description=__doc__)
    parser.add_argument("--stage", default="prod", help="a file of infra/stages, without .toml (prod)")
    parser.add_argument(
        "--package", type=Path, default=Path("build/package"), help="what `make package` made"
    )
    parser.add_argument(
        "--output", type=Path, default=Path("build/templates"), help="folder for the templates"
    )
    arguments = parser.parse_args()
    try:
        stage = load_stage(arguments.stage)
        stacks = synthesize(stage, arguments.package, arguments.output)
    except (StageError, NotPackaged) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if "CDK_OUTDIR" not in os.environ:  # then CDK's command line reads them, from elsewhere
        for name in stacks:
            sys.stdout.write(f"{arguments.output / name}.template.json\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
