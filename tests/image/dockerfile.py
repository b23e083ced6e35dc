"""A Dockerfile, read by Docker's own parser, and what its context lets through."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import dockerfile
from docker.utils import exclude_paths


@dataclass(frozen=True)
class Step:
    """One instruction of a stage."""

    name: str
    values: tuple[str, ...]
    is_exec: bool = False
    source: str = ""
    """The stage that COPY takes files from; empty for the context."""


@dataclass(frozen=True)
class Stage:
    """From one FROM to the next."""

    base: str
    name: str
    steps: list[Step] = field(default_factory=list)


def read(path: Path) -> list[Stage]:
    """The stages of a Dockerfile, with arguments that stand before the first filled in."""
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for command in dockerfile.parse_file(str(path)):
        if command.cmd == "FROM":
            base, *rest = command.value
            stages.append(Stage(expand(base, arguments), rest[1] if rest else ""))
        elif stages:
            stages[-1].steps.append(_step(command))
        else:
            assert command.cmd == "ARG", f"{command.original} before FROM"
            name, _, value = command.value[0].partition("=")
            arguments[name] = value
    return stages


def _step(command: dockerfile.Command) -> Step:
    source = ""
    for flag in command.flags:
        name, _, value = flag.partition("=")
        assert name == "--from", f"{flag} is not understood"
        source = value
    return Step(command.cmd, command.value, command.json, source)


def expand(text: str, variables: Mapping[str, str]) -> str:
    """A text with its $NAME and ${NAME} replaced; what is not known is empty."""
    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda found: variables.get(found[1] or found[2], ""), text)


def context_files(root: Path) -> set[str]:
    """The files of a folder that its .dockerignore lets into an image, by their paths."""
    patterns = (root / ".dockerignore").read_text().splitlines()
    found: set[str] = exclude_paths(str(root), patterns)
    # Docker is always given these two, and COPY takes them only where they are named.
    return {name for name in found - {".dockerignore", "Dockerfile"} if not (root / name).is_dir()}
