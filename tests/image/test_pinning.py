"""The base image is pinned by its digest, as `docker` tells it; a deployment without is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.image import DOCKERFILE, check, read_base

DIGEST = "sha256:" + "0123456789abcdef" * 4
NEWER = "sha256:" + "fedcba9876543210" * 4
NAME = "python:3.13-slim-trixie"


class Docker:
    """A `docker` on the PATH that answers as it is told, and remembers what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "bin"
        self.folder.mkdir()
        self.file = folder / "Dockerfile"
        self.file.write_text(DOCKERFILE.read_text())

    def answers(self, script: str) -> None:
        program = self.folder / "docker"
        program.write_text(f'#!/bin/sh\necho "$@" >> {self.folder}/asked\n{script}\n')
        program.chmod(0o755)

    @property
    def asked(self) -> list[str]:
        return (self.folder / "asked").read_text().splitlines()

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "infra.image", command, "--file", str(self.file)],
            env={**os.environ, "PATH": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def docker(tmp_path: Path) -> Docker:
    return Docker(tmp_path)


def test_the_digest_that_docker_tells_is_written_and_then_passes_the_check(docker: Docker) -> None:
    before = docker.file.read_text()
    docker.answers(f"echo {DIGEST}")
    done = docker.run("pin")
    assert (done.returncode, done.stdout) == (0, f"{NAME}@{DIGEST}\n")
    assert docker.asked == [f"buildx imagetools inspect --format {{{{.Manifest.Digest}}}} {NAME}"]
    assert check(docker.file).digest == DIGEST
    line = next(line for line in before.splitlines() if line.startswith("ARG BASE="))
    assert docker.file.read_text() == before.replace(line, f"ARG BASE={NAME}@{DIGEST}")
    assert docker.run("check").returncode == 0


def test_pinning_again_asks_for_the_tag_and_takes_its_new_digest(docker: Docker) -> None:
    docker.answers(f"echo {DIGEST}")
    docker.run("pin")
    docker.answers(f"echo {NEWER}")
    assert docker.run("pin").returncode == 0
    assert docker.asked[1].endswith(f" {NAME}")
    assert check(docker.file).digest == NEWER


@pytest.mark.parametrize("digest", ["", "@sha256:0123", f"@{DIGEST}0", f"@{DIGEST.upper()}"])
def test_a_base_without_a_whole_digest_is_refused(docker: Docker, digest: str) -> None:
    docker.file.write_text(f"ARG BASE={NAME}{digest}\nFROM ${{BASE}}\n")
    done = docker.run("check")
    assert done.returncode == 1
    assert done.stderr == (
        f"The base image {NAME} is not pinned by a digest: run `make pin`, and commit Dockerfile\n"
    )


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo 'no such image' >&2; exit 1", f"The digest of {NAME} is not known: no such image\n"),
        ("echo '<no value>'", f"The digest of {NAME} is not known: docker answered '<no value>'\n"),
        ("exit 0", f"The digest of {NAME} is not known: docker answered ''\n"),
    ],
)
def test_what_docker_cannot_tell_leaves_the_dockerfile_as_it_was(
    docker: Docker, script: str, message: str
) -> None:
    before = docker.file.read_bytes()
    docker.answers(script)
    done = docker.run("pin")
    assert (done.returncode, done.stderr) == (1, message)
    assert docker.file.read_bytes() == before


def test_a_machine_without_docker_is_told_so(docker: Docker) -> None:
    done = docker.run("pin")
    assert (done.returncode, done.stderr) == (
        1,
        "The command docker, with buildx, is needed to ask for the digest\n",
    )


@pytest.mark.parametrize("text", ["FROM python:3.13\n", f"ARG BASE={NAME}\nARG BASE={NAME}\n"])
def test_a_dockerfile_without_one_base_is_refused(docker: Docker, text: str) -> None:
    docker.file.write_text(text)
    assert docker.run("check").stderr == f"{docker.file} has to have one line ARG BASE=NAME:TAG\n"


def test_the_listener_is_made_from_the_python_that_lambda_runs() -> None:
    assert read_base(DOCKERFILE).name == NAME
