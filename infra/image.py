"""``python -m infra.image pin``: say in the Dockerfile which base image exactly; ``check``: whether it does.

A tag is moved to a new image again and again. With its digest the image that was tested is the one that runs.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

DOCKERFILE = Path(__file__).parents[1] / "dicom_listener/Dockerfile"
ASK_SECONDS = 60
_BASE = re.compile(r"^ARG BASE=(?P<name>[^@\s]+)(?:@(?P<digest>\S+))?[ \t]*$", re.MULTILINE)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class NotPinned(Exception):
    """The base image is not pinned, or cannot be; the message says why."""


@dataclass(frozen=True, slots=True)
class Base:
    """The image that the listener's is made from: its name with a tag, and its digest or an empty text."""

    name: str
    digest: str


def read_base(dockerfile: Path) -> Base:
    """The base image that a Dockerfile names; raises `NotPinned` unless there is one ``ARG BASE=``."""
    found = list(_BASE.finditer(dockerfile.read_text()))
    if len(found) != 1:
        raise NotPinned(f"{dockerfile} has to have one line ARG BASE=NAME:TAG")
    return Base(found[0]["name"], found[0]["digest"] or "")


def check(dockerfile: Path) -> Base:
    """The base image, with its digest; raises `NotPinned` if it has none."""
    base = read_base(dockerfile)
    if not _DIGEST.fullmatch(base.digest):
        raise NotPinned(
            f"The base image {base.name} is not pinned by a digest: run `make pin`, and commit {dockerfile.name}"
        )
    return base


def pin(dockerfile: Path) -> Base:
    """Write the digest that the base image's tag has now into a Dockerfile.

    Raises
    ------
    NotPinned
        The command ``docker`` is missing, or does not tell a digest.
    """
    name = read_base(dockerfile).name
    pinned = Base(name, ask_digest(name))
    dockerfile.write_text(_BASE.sub(f"ARG BASE={name}@{pinned.digest}", dockerfile.read_text()))
    return pinned


def ask_digest(name: str) -> str:
    """The digest of an image that a registry has, for all processors; raises `NotPinned`."""
    command = ["docker", "buildx", "imagetools", "inspect", "--format", "{{.Manifest.Digest}}", name]
    try:
        done = subprocess.run(  # noqa: S603 - the docker of whoever deploys
            command, capture_output=True, text=True, check=False, timeout=ASK_SECONDS
        )
    except FileNotFoundError:
        raise NotPinned("The command docker, with buildx, is needed to ask for the digest") from None
    except subprocess.TimeoutExpired:
        raise NotPinned(f"No digest of {name} was told within {ASK_SECONDS} s") from None
    digest = done.stdout.strip()
    if done.returncode:
        raise NotPinned(f"The digest of {name} is not known: {done.stderr.strip()}")
    if not _DIGEST.fullmatch(digest):
        raise NotPinned(f"The digest of {name} is not known: docker answered {digest!r}")
    return digest


def main() -> int:
    """Pin or check, and say what the base image is; 1 if it is not pinned."""
    parser = argparse.ArgumentParser(prog="python -m infra.image", description=__doc__)
    parser.add_argument("command", choices=("pin", "check"))
    parser.add_argument("--file", type=Path, default=DOCKERFILE, help="the Dockerfile (the listener's)")
    arguments = parser.parse_args()
    try:
        base = (pin if arguments.command == "pin" else check)(arguments.file)
    except NotPinned as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{base.name}@{base.digest}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
