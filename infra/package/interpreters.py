"""Finds a Python of the version that Lambda runs, which need not be the one that builds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def python_of(version: str) -> str | None:
    """An interpreter of this version, such as ``3.13``: this one, one on the PATH, or one that pyenv has installed."""
    installed = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}"))
    candidates = [sys.executable, f"python{version}", *map(str, installed)]
    return next((candidate for candidate in candidates if _version(candidate) == version), None)


def running_version() -> str:
    """The version of the Python that runs this."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _version(executable: str) -> str | None:
    script = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run(  # noqa: S603 - an interpreter
            [executable, "-c", script], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return None
    return done.stdout.strip()
