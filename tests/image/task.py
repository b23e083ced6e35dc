"""Runs the image as ECS is told to by a task definition."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from infra.stages import Stage
from tests.dicom.peers import tool
from tests.image.build import Image, contained
from tests.infra.synthesized import of_type, synthesized, templates

INIT = "/sbin/docker-init"
START_SECONDS = 60.0


def definition(family: str, stage: Stage | None = None) -> dict[str, Any]:
    """The one container of a task definition of a stage, prod by default."""
    made = synthesized(stage) if stage else templates()
    tasks = [task["Properties"] for _, task in of_type(made, "AWS::ECS::TaskDefinition")]
    (task,) = [task for task in tasks if task["Family"] == family]
    (container,) = task["ContainerDefinitions"]
    return dict(container)


def variables(container: Mapping[str, Any], surroundings: Mapping[str, str]) -> dict[str, str]:
    """The environment of a container; what other stacks or secrets hold is taken from `surroundings`."""
    given = {one["Name"]: one["Value"] for one in container["Environment"]}
    given |= {one["Name"]: one["ValueFrom"] for one in container.get("Secrets", [])}
    return {
        name: value if isinstance(value, str) else surroundings[name] for name, value in given.items()
    } | {name: surroundings[name] for name in ("NACRE_AWS_ENDPOINT_URL", "AWS_REGION")}


@dataclass
class Container:
    """A running container."""

    process: subprocess.Popen[bytes]
    image: Image
    definition: Mapping[str, Any]
    output: Path
    scratch: Path

    @property
    def pid(self) -> int:
        """The container's first process, as the machine numbers it; 0 before there is one."""
        number = self.process.pid
        return int(Path(f"/proc/{number}/task/{number}/children").read_text() or 0)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command inside, as the container's user."""
        user, group = self.image.user.split(":")
        inside = ["nsenter", f"--target={self.pid}", "--mount", "--pid", "--root", "--wd"]
        inside += [f"--setuid={user}", f"--setgid={group}", "env", "-i"]
        given = [f"{name}={value}" for name, value in self.image.environment.items()]
        return subprocess.run(
            [*inside, *given, *command], capture_output=True, text=True, check=False, timeout=30
        )

    def is_healthy(self) -> bool:
        """What the task definition's own command says."""
        kind, command = self.definition["HealthCheck"]["Command"]
        assert kind == "CMD-SHELL"
        return self.run("/bin/sh", "-c", command).returncode == 0

    def wait_until_healthy(self) -> None:
        """Returns when the container serves."""
        deadline = time.monotonic() + START_SECONDS
        while not (self.pid and self.is_healthy()):
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.2)

    def ask_to_stop(self) -> None:
        """What ECS does first; it kills after the definition's StopTimeout."""
        os.kill(self.pid, signal.Signals[self.image.stop_signal])

    def kill(self) -> None:
        """End all of its processes. That `unshare` ends does not: its first process became another user's."""
        if self.process.poll() is None:
            os.kill(self.pid or self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def running(
    image: Image, container: Mapping[str, Any], environment: Mapping[str, str], folder: Path
) -> Iterator[Container]:
    """Run the image as a container definition says, with a new volume for each of its mounts."""
    assert container["ReadonlyRootFilesystem"] is True
    image = replace(image, environment=image.environment | dict(environment))
    binds = {_volume(image, one, folder): one["ContainerPath"] for one in container["MountPoints"]}
    command = image.entrypoint
    if container["LinuxParameters"]["InitProcessEnabled"]:
        (image.root / INIT.lstrip("/")).touch()  # as Docker does, to mount its own there
        binds[Path(tool("tini-static"))] = INIT
        command = (INIT, "--", *command)
    output = folder / "output"
    with output.open("wb") as sink:
        process = subprocess.Popen(
            contained(image, "ro", binds, image.user, *command), stdout=sink, stderr=subprocess.STDOUT
        )
    made = Container(process, image, container, output, next(iter(binds)))
    try:
        yield made
    finally:
        made.kill()


def _volume(image: Image, mount: Mapping[str, Any], folder: Path) -> Path:
    """An empty folder: of the owner that the image gives it where it says VOLUME, else root's. So does Fargate."""
    path = folder / mount["SourceVolume"]
    path.mkdir(mode=0o755)
    if mount["ContainerPath"] in image.volumes:
        told = (image.root / mount["ContainerPath"].lstrip("/")).stat()
        os.chown(path, told.st_uid, told.st_gid)
        shutil.copymode(image.root / mount["ContainerPath"].lstrip("/"), path)
    return path
