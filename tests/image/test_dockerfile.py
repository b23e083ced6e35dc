"""What has to hold of the listener's Dockerfile besides hadolint's rules, which `make lint` checks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra.image import DOCKERFILE
from tests.image.dockerfile import Stage, Step, context_files, read
from tests.infra.synthesized import of_type, templates

ROOT = DOCKERFILE.parents[1]
STAGES = read(DOCKERFILE)
FINAL = STAGES[-1]


def of(stage: Stage, name: str) -> list[Step]:
    return [step for step in stage.steps if step.name == name]


def test_every_stage_is_made_from_the_one_base_that_is_pinned() -> None:
    text = DOCKERFILE.read_text()
    assert re.findall(r"^FROM (\S+)", text, re.MULTILINE) == ["${BASE}"] * len(STAGES)
    assert len({stage.base for stage in STAGES}) == 1


def test_the_process_is_started_without_a_shell_by_a_user_known_by_number() -> None:
    (entrypoint,) = of(FINAL, "ENTRYPOINT")
    assert (entrypoint.is_exec, entrypoint.values) == (True, ("python", "-m", "dicom_listener"))
    assert of(FINAL, "CMD") == []
    (user,) = of(FINAL, "USER")
    assert re.fullmatch(
        r"[1-9]\d{3,}:[1-9]\d{3,}", user.values[0]
    )  # ECS cannot tell that a name is not root's


def test_nothing_is_run_or_copied_as_another_user_after_it() -> None:
    names = [step.name for step in FINAL.steps]
    assert not {"RUN", "COPY"} & set(names[names.index("USER") :])


def test_nothing_comes_from_the_network_but_pinned_wheels() -> None:
    assert not [step for stage in STAGES for step in of(stage, "ADD")]
    runs = [step.values[0] for stage in STAGES for step in of(stage, "RUN")]
    assert not [run for run in runs if re.search(r"\b(apt|apt-get|curl|wget|git)\b", run)]
    (install,) = [run for run in runs if "pip install" in run]
    assert {"--only-binary=:all:", "--constraint"} <= set(install.split())


def test_no_variable_of_the_image_is_for_a_secret() -> None:
    names = [name for stage in STAGES for step in of(stage, "ENV") for name in step.values[::2]]
    names += [name for stage in STAGES for step in of(stage, "ARG") for name in step.values]
    assert names
    assert not [name for name in names if re.search("KEY|SECRET|PASSWORD|TOKEN|NACRE_|AWS_", name)]


def test_the_context_is_the_product_alone() -> None:
    product = {
        path.relative_to(ROOT).as_posix()
        for name in ("chalicelib", "dicom_listener")
        for path in (ROOT / name).rglob("*")
        if path.suffix in (".py", ".md", ".txt")
    }
    requirements = {"requirements.txt", "requirements-listener.txt", "constraints.txt"}
    assert len(product) > 200
    # CDK builds from what is let through alone.
    assert context_files(ROOT) == product | requirements | {"dicom_listener/Dockerfile"}


@pytest.mark.parametrize(
    "name",
    [
        ".git/config",
        ".venv/bin/python",
        ".env",
        "data/secret",
        "tests/image/test_dockerfile.py",
        "infra/image.py",
        "chalicelib/__pycache__/settings.cpython-313.pyc",
        "chalicelib/services/__pycache__/find.cpython-313.pyc",
    ],
)
def test_what_does_not_belong_in_the_image_is_not_let_through(tmp_path: Path, name: str) -> None:
    (tmp_path / ".dockerignore").write_text((ROOT / ".dockerignore").read_text())
    for file in (name, "chalicelib/settings.py"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    assert context_files(tmp_path) == {"chalicelib/settings.py"}


def test_ecs_is_told_the_ports_and_the_folder_that_the_image_has() -> None:
    (ports,) = of(FINAL, "EXPOSE")
    (volumes,) = of(FINAL, "VOLUME")
    tasks = [task for _, task in of_type(templates(), "AWS::ECS::TaskDefinition")]
    assert tasks
    for task in tasks:
        (container,) = task["Properties"]["ContainerDefinitions"]
        assert {str(one["ContainerPort"]) for one in container["PortMappings"]} == set(ports.values)
        assert [one["ContainerPath"] for one in container["MountPoints"]] == list(volumes.values)
        assert container["ReadonlyRootFilesystem"] is True
        assert "User" not in container
