"""Deploy a stage: check what it needs, package, and have CDK make or change the stacks.

CDK shows what a change would allow that was not allowed before, and asks, unless `--approval` says otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from botocore.exceptions import ClientError

from infra.commands.common import Account, CommandFailed, Say, is_missing, make_parser, open_account, run, say
from infra.image import DOCKERFILE, NotPinned, check
from infra.package.build import ROOT, stage_environment
from infra.stages import Stage, load_stage

CDK = "aws-cdk@2.1148.1"
"""The command line of CDK, from npm. It must know the templates of the pinned aws-cdk-lib: raise both together."""

OUTPUTS = ROOT / "build/outputs.json"
NPX = Path(sys.executable).parent / "npx"  # of the pinned Node.js
MARK = "/cdk-bootstrap/hnb659fds/version"
"""What `cdk bootstrap` leaves in a region."""

Execute = Callable[[Sequence[str]], int]


def check_image(stage: Stage, dockerfile: Path = DOCKERFILE) -> None:
    """What the listener's image needs: a pinned base, and a Docker that answers.

    Raises
    ------
    CommandFailed
        One of them is missing.
    """
    if not (stage.dicom or stage.dicom_tls):
        return
    try:
        check(dockerfile)
    except NotPinned as error:
        raise CommandFailed(str(error)) from None
    if shutil.which("docker") is None:
        raise CommandFailed("The command docker is missing: it builds the image of the listener")
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:  # noqa: S607
        raise CommandFailed("Docker does not answer (`docker info`): is it running, and may you use it?")


def check_bootstrap(account: Account) -> None:
    """Raises `CommandFailed` if a region of the stage was not prepared for CDK."""
    for region in filter(None, (account.stage.region, account.stage.replica_region)):
        try:
            account.client("ssm", region).get_parameter(Name=MARK)
        except ClientError as error:
            if is_missing(error):
                raise CommandFailed(
                    f"CDK has nothing in {region} of account {account.number}: "
                    f"run `make bootstrap STAGE={account.stage.name}`"
                ) from None
            # Whoever may not read it can still be allowed to deploy: then CDK itself tells.


def deploy(
    stage: Stage, execute: Execute, say: Say, *, npx: Path, approval: str, outputs: Path, package: bool = True
) -> None:
    """Package, deploy all stacks, and show where the store is; raises `CommandFailed`."""
    if package:
        _must(execute, [sys.executable, "-m", "infra.package", "--stage", stage.name], "The package")
    outputs.unlink(missing_ok=True)
    asked = ["--require-approval", approval, "--outputs-file", str(outputs)]
    _must(execute, [*cdk(npx, stage), "deploy", "--all", *asked], "The deployment")
    for line in told(json.loads(outputs.read_text()), stage):
        say(line)


def cdk(npx: Path, stage: Stage) -> list[str]:
    """The beginning of CDK's command line for a stage."""
    app = shlex.join([sys.executable, "-m", "infra.stacks", "--stage", stage.name])
    return [str(npx), "--yes", CDK, "--app", app, "--output", str(ROOT / "build/cdk")]


def told(outputs: Mapping[str, Mapping[str, str]], stage: Stage) -> list[str]:
    """What a person wants to know of the stacks' outputs."""
    named = {
        "API": outputs.get(f"nacre-{stage.name}-api", {}).get("Url"),
        "DICOM": outputs.get(f"nacre-{stage.name}-listener", {}).get("Host"),
    }
    return [f"{name}: {value}" for name, value in named.items() if value]


def _must(execute: Execute, command: Sequence[str], what: str) -> None:
    code = execute(command)
    if code:
        raise CommandFailed(f"{what} failed ({code})")


def execute(command: Sequence[str]) -> int:
    """Run a command in the checkout, with this terminal; gives its exit code."""
    # CDK's command line starts by `env node`: that is to be the pinned one too.
    path = os.pathsep.join((str(NPX.parent), os.environ.get("PATH", os.defpath)))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": path}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode  # noqa: S603


def bootstrap(account: Account, execute: Execute, npx: Path) -> None:
    """Prepare the regions of a stage for CDK, once for an account; raises `CommandFailed`."""
    for region in filter(None, (account.stage.region, account.stage.replica_region)):
        where = f"aws://{account.number}/{region}"
        _must(execute, [str(npx), "--yes", CDK, "bootstrap", where], f"The preparation of {region}")


def main() -> int:
    """Read the arguments, check, and deploy."""
    parser = make_parser("deploy", __doc__)
    parser.add_argument(
        "--approval", choices=("broadening", "destructive", "any-change", "never"), default="broadening"
    )
    parser.add_argument("--bootstrap", action="store_true", help="prepare the account for CDK, nothing else")
    parser.add_argument(
        "--package", action=argparse.BooleanOptionalAction, default=True, help="make the package anew"
    )
    parser.add_argument("--outputs", type=Path, default=OUTPUTS, help="file for the outputs of the stacks")
    parser.add_argument("--npx", type=Path, default=NPX, help="npx (that of the virtual environment)")
    parser.add_argument("--dockerfile", type=Path, default=DOCKERFILE, help=argparse.SUPPRESS)
    options = parser.parse_args()

    def command() -> int:
        stage = load_stage(options.stage)
        stage_environment(stage.name)
        if options.bootstrap:
            bootstrap(open_account(stage), execute, options.npx)
            return 0
        check_image(stage, options.dockerfile)
        check_bootstrap(open_account(stage))
        options.outputs.parent.mkdir(parents=True, exist_ok=True)
        deploy(
            stage,
            execute,
            say,
            npx=options.npx,
            approval=options.approval,
            outputs=options.outputs.resolve(),
            package=options.package,
        )
        return 0

    return run(command)


if __name__ == "__main__":
    sys.exit(main())
