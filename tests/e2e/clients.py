"""docs/clients.md: the calls of two clients of Orthanc, and which of them the tests of this folder make.

``python -m tests.e2e.clients`` runs those tests, notes which functions of the clients they enter, and writes the page.
It fails if a call is neither made nor listed with the reason why it is not, or is both.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import TypeGuard

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"
LEVELS = ("patients", "studies", "series", "instances")


@dataclass(frozen=True)
class Package:
    """A client. `missing` has a pattern of calls for each reason why they are not made."""

    module: str
    distribution: str
    left_out: Mapping[str, str]
    """Files that are not looked at, and why."""
    missing: Mapping[str, tuple[str, ...]]

    @property
    def folder(self) -> Path:
        """Where it is installed."""
        spec = importlib.util.find_spec(self.module)
        assert spec is not None
        assert spec.origin is not None
        return Path(spec.origin).parent

    def calls(self) -> set[str]:
        """Its public functions, methods and properties: ``Class.name`` or ``name``."""
        found: set[str] = set()
        for file in self.folder.rglob("*.py"):
            if not any(fnmatchcase(str(file.relative_to(self.folder)), pattern) for pattern in self.left_out):
                found |= set(_functions(ast.parse(file.read_text())))
        return found

    def reason(self, call: str) -> str | None:
        """Why a call is not made, if it is not."""
        for reason, patterns in self.missing.items():
            if any(fnmatchcase(call, pattern) for pattern in patterns):
                return reason
        return None

    def problems(self, made: set[str]) -> list[str]:
        """What is wrong with the list, if these calls were made."""
        calls = self.calls()
        patterns = [pattern for patterns in self.missing.values() for pattern in patterns]
        unused = [pattern for pattern in patterns if not any(fnmatchcase(call, pattern) for call in calls)]
        return [
            *(f"{call}: neither made nor listed" for call in sorted(calls - made) if not self.reason(call)),
            *(f"{call}: listed, but made" for call in sorted(calls & made) if self.reason(call)),
            *(f"{pattern}: no such call" for pattern in unused),
        ]


def _functions(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if _is_public_function(node):
            yield node.name
        elif isinstance(node, ast.ClassDef):
            yield from (f"{node.name}.{inner.name}" for inner in node.body if _is_public_function(inner))


def _is_public_function(node: ast.stmt) -> TypeGuard[ast.FunctionDef | ast.AsyncFunctionDef]:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_")


@contextmanager
def noted(packages: tuple[Package, ...]) -> Iterator[dict[str, set[str]]]:
    """Note which functions of the packages are entered meanwhile."""
    made: dict[str, set[str]] = defaultdict(set)
    folders = {f"{package.folder}/": package.module for package in packages}

    def note(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            file = frame.f_code.co_filename
            for folder, module in folders.items():
                if file.startswith(folder):
                    made[module].add(frame.f_code.co_qualname)

    sys.setprofile(note)
    try:
        yield made
    finally:
        sys.setprofile(None)


def page(packages: tuple[Package, ...]) -> str:
    """The page, of all calls that are not listed as missing."""
    lines = [HEAD]
    for package in packages:
        calls = sorted(package.calls())
        made = [call for call in calls if package.reason(call) is None]
        lines.append(f"## {package.distribution} {version(package.distribution)}\n")
        lines.append(f"{len(made)} of {len(calls)} calls are made.\n")
        lines += [f"- {name}: {_list(inner)}" for name, inner in _grouped(made).items()]
        lines.append("\nNot made:\n\n| calls | why |\n|---|---|")
        for reason in package.missing:
            inner = [call for call in calls if package.reason(call) == reason]
            lines.append(f"| {_list(_of_levels(inner))} | {reason} |")
        for pattern, reason in package.left_out.items():
            lines.append(f"| all in `{pattern}` | {reason} |")
        lines.append("")
    return "\n".join(lines)


HEAD = f"""# Clients of Orthanc

Two clients are tested unmodified against the running local stack (`tests/e2e`). Here is every call that they have, and
which of them those tests make. `{{level}}` stands for {", ".join(LEVELS[:-1])} and {LEVELS[-1]}, as far as the
client has the call at that level. Written by `python -m tests.e2e.clients`, which runs the tests and notes the calls.

pyorthanc follows no redirects unless it is told to: `Orthanc(url, follow_redirects=True)`. On Lambda that is needed for
answers of more than 4.4 MB, which come from the bucket.
"""


def _grouped(calls: list[str]) -> dict[str, list[str]]:
    """The calls by class."""
    groups: dict[str, list[str]] = {}
    for call in _of_levels(calls):
        owner, _, name = call.rpartition(".")
        groups.setdefault(f"`{owner}`" if owner else "functions", []).append(name)
    return groups


def _of_levels(calls: list[str]) -> list[str]:
    """The calls with those of several levels put together."""
    levelled: dict[str, set[str]] = defaultdict(set)
    for call in calls:
        levelled[_template(call)].add(call)
    kept = {template if len(found) > 1 else min(found) for template, found in levelled.items()}
    return sorted(kept)


def _template(call: str) -> str:
    words = call.split("_")
    if len(words) > 1 and words[1] in LEVELS:
        words[1] = "{level}"
    return "_".join(words)


def _list(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


MODIFYING = "Nothing is anonymized, split, merged or made of parts yet, nor modified in bulk."
SYSTEM = "There is no such route yet."
INSIDE = "For plugins that run inside Orthanc."

PYORTHANC = Package(
    "pyorthanc",
    "pyorthanc",
    left_out={
        "async_client.py": "The same calls as `Orthanc` has. `find` and `async_upload` make some of them.",
        "deprecated/*": "The client before its version 1.0.",
        "*orthanc_sdk*": INSIDE,
        "_internal_client.py": INSIDE,
    },
    missing={
        MODIFYING: (
            "*.anonymize*", "Orthanc.*_anonymize", "Orthanc.post_tools_bulk_modify", "Orthanc.post_studies_id_merge",
            "Orthanc.post_studies_id_split", "Orthanc.post_tools_create_dicom",
        ),
        SYSTEM: (
            "Orthanc.get_tools_dicom_conformance", "Orthanc.post_tools_invalid_ate_tags",
        ),
        "A store of many nodes is not stopped, nor given scripts or folders to write to, by a request.": (
            "Orthanc.post_tools_reset", "Orthanc.post_tools_shutdown", "Orthanc.post_tools_execute_script",
            "Orthanc.post_instances_id_export",
        ),
        "The client asks for a path that Orthanc has not either (`/tools/generate-uid_`).": (
            "Orthanc.get_tools_generate_uid",
        ),
        "The client sends no value; its `Patient.protected` does.": ("Orthanc.put_patients_id_protected",),
        "Abstract.": ("Resource.get_main_information", "Resource.legacy_viewer_url"),
    },
)  # fmt: skip
API_CLIENT = Package(
    "orthanc_api_client",
    "orthanc-api-client",
    left_out={
        "helpers*.py": "They ask nothing of a server.",
        "*educ*": "For a plugin of Orthanc's.",
        "dicomweb_servers.py": "For a plugin of Orthanc's.",
        "transfers.py": "For a plugin of Orthanc's.",
        "resources/worklists.py": "For a plugin of Orthanc's.",
    },
    missing={
        MODIFYING: (
            "*.anonymize*", "Resources.modify_bulk*", "InstancesSet.modify", "Studies.merge", "Studies.attach_pdf",
            "OrthancApiClient.create_*",
        ),
        "A store of many nodes is not given scripts by a request.": ("OrthancApiClient.execute_lua_script",),
        "For a plugin of Orthanc's.": (
            "OrthancApiClient.upload_files_dicom_web", "EducationPluginHeaderProvider.get_headers",
        ),
        "The client fails by itself: it reads an attribute that it never sets.": ("Patient.studies",),
        "They ask nothing of a server.": ("Series.from_json", "Tags.append", "TagsSequence.get"),
    },
)  # fmt: skip
PACKAGES = (PYORTHANC, API_CLIENT)


def main() -> int:
    """Run the tests, and write the page."""
    with noted(PACKAGES) as made:
        code = pytest.main(["-q", "-p", "no:cacheprovider", str(Path(__file__).parent)])
    problems = [problem for package in PACKAGES for problem in package.problems(made[package.module])]
    for problem in problems:
        print(problem, file=sys.stderr)
    if code or problems:
        return 1
    PAGE.write_text(page(PACKAGES))
    return 0


if __name__ == "__main__":
    sys.exit(main())
