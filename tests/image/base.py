"""What stands for the base image: the Debian of its tag, with Debian's own Python of the same version."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from infra.package.build import ROOT, wheel_options

PACKAGES = "passwd,python3,python3-venv"
UNUSED = ("doc/*", "locale/*", "man/*")
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
"""As the real one has it."""


def make_base(name: str, root: Path) -> None:
    """Lay out a root for an image ``python:VERSION-slim-SUITE`` unless it is there."""
    if root.exists():
        return
    named = re.fullmatch(r"python:(3\.\d+)-slim-([a-z]+)(?:@sha256:[0-9a-f]{64})?", name)
    assert named, f"{name} is not known here"
    made = root.with_suffix(".part")
    shutil.rmtree(made, ignore_errors=True)
    command = ["mmdebstrap", "--variant=essential", f"--include={PACKAGES}", "--quiet"]
    command += [f"--dpkgopt=path-exclude=/usr/share/{folder}" for folder in UNUSED]
    _run([*command, named[2], str(made)])
    (made / "usr/local/bin/python").symlink_to(f"/usr/bin/python{named[1]}")
    assert (made / f"usr/bin/python{named[1]}").exists(), f"Debian {named[2]} has no Python {named[1]}"
    made.rename(root)


def make_wheels(folder: Path, python: str) -> None:
    """Get the wheels that the listener needs, which its root then installs without a network."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--dest", str(folder), "--constraint", "constraints.txt", *wheel_options(python)]
    command += ["--requirement", "requirements.txt", "--requirement", "requirements-listener.txt"]
    _run(command)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[0]} failed:\n{done.stdout}{done.stderr}"
