"""What the documentation says of files, targets, variables and dependencies is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chalicelib.settings import VARIABLES

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("samples/*.md")])
MAKEFILE = (ROOT / "Makefile").read_text()


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """What a link may name on a page: its headings, as GitHub spells them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_targets_of_make_exist(page: Path) -> None:
    commands = re.findall(r"(?:^|`)make ((?:[a-z]+ ?)+)", page.read_text(), re.MULTILINE)
    named = {target for command in commands for target in command.split()}
    assert named <= set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))


def test_every_variable_that_a_page_names_is_one() -> None:
    names = {name for page in PAGES for name in re.findall(r"`(NACRE_[A-Z_]+)", page.read_text())}
    assert names - VARIABLES.keys() - {"NACRE_", "NACRE_CONFIG"} == set()


@pytest.mark.parametrize("name", sorted(path.name for path in ROOT.glob("requirements*.txt")))
def test_every_dependency_is_pinned_and_has_its_reason(name: str) -> None:
    lines = [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[a-zA-Z0-9_.-]+(\[[a-z0-9,]+\])?==[\w.]+", line) for line in lines)
    reasons = (ROOT / "docs/dependencies.md").read_text()
    missing = [line for line in lines if f"| {re.split(r'[=[]', line)[0]} |" not in reasons]
    assert missing == []


def test_constraints_agree_with_the_pins() -> None:
    constraints = dict(
        re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    )
    fixed = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in constraints.items()}
    for path in ROOT.glob("requirements*.txt"):
        for name, version in re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==(\S+)$", path.read_text(), re.MULTILINE):
            assert fixed[re.sub(r"[-_.]+", "-", name).lower()] == version


def test_folders_of_the_architecture_page_exist() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    named = re.findall(r"^\| `([\w/.]+)` \|", page, re.MULTILINE)
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
