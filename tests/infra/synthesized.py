"""The templates of a stage, synthesized once for a test process."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from infra.package.build import make_template
from infra.stacks.application import ARCHIVE, TEMPLATE, synthesize
from infra.stages import Stage, load_stage

Template = dict[str, Any]
Resource = dict[str, Any]


@cache
def package(stage: str) -> Path:
    """A package as `make package` makes it, but for the code, which templates only name by its digest."""
    folder = Path(tempfile.mkdtemp(prefix="nacre-package-"))
    (folder / TEMPLATE).write_text(make_template(folder / "code", stage=stage))
    with ZipFile(folder / ARCHIVE, "w") as archive:
        archive.writestr("app.py", "")
    return folder


@cache
def templates(stage: str = "prod") -> dict[str, Template]:
    """The templates by the part of the stage they are for: data, network, api, listener, watch."""
    return synthesized(load_stage(stage))


def synthesized(stage: Stage) -> dict[str, Template]:
    """The templates of any stage."""
    output = folder_of(stage)
    return {
        path.name.removesuffix(".template.json").removeprefix(f"nacre-{stage.name}-"): json.loads(
            path.read_text()
        )
        for path in output.glob("*.template.json")
    }


@cache
def folder_of(stage: Stage) -> Path:
    """Where the templates of a stage are."""
    output = Path(tempfile.mkdtemp(prefix="nacre-templates-"))
    synthesize(stage, package(stage.name), output)
    return output


def of_type(templates: dict[str, Template], kind: str) -> Iterator[tuple[str, Resource]]:
    """The resources of a type in all templates: logical name, and the resource."""
    for template in templates.values():
        for name, resource in template["Resources"].items():
            if resource["Type"] == kind:
                yield name, resource
