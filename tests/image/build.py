"""The steps of the Dockerfile, carried out one by one in roots of their own."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import asdict, dataclass, field
from fcntl import LOCK_EX, flock
from pathlib import Path

from infra.image import DOCKERFILE
from infra.package.build import ROOT, RUNTIME
from tests.image.base import ENVIRONMENT, make_base, make_wheels
from tests.image.dockerfile import Stage, Step, context_files, expand, read

CONTAIN = Path(__file__).with_name("contain.sh")
NAMESPACES = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private")
HOW = ("base.py", "build.py", "contain.sh", "dockerfile.py")
WHEELS = "/mnt"
BUILD_ARGUMENTS = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": WHEELS}


@dataclass
class Image:
    """A root, and what the Dockerfile says of how it is run."""

    root: Path
    environment: dict[str, str] = field(default_factory=lambda: dict(ENVIRONMENT))
    folder: str = "/"
    user: str = "0:0"
    entrypoint: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    stop_signal: str = "SIGTERM"


def contained(image: Image, mode: str, binds: dict[Path, str], user: str, *command: str) -> list[str]:
    """The command line that runs a command in the root of an image, with the image's variables alone."""
    mounts = " ".join(f"{source}:{target}" for source, target in binds.items())
    variables = [f"{name}={value}" for name, value in image.environment.items()]
    chroot = [f"--userspec={user}", "--groups=", str(image.root), "env", "-i", "-C", image.folder]
    return [*NAMESPACES, "sh", str(CONTAIN), str(image.root), mode, mounts, *chroot, *variables, *command]


class Builder:
    """Builds the stages of one Dockerfile in a folder."""

    def __init__(self, base: Path, wheels: Path, folder: Path) -> None:
        self._base, self._wheels, self._folder = base, wheels, folder
        self._built: dict[str, Image] = {}

    def build(self, stages: list[Stage]) -> Image:
        """Build all stages; gives the last."""
        for number, stage in enumerate(stages):
            image = Image(self._folder / str(number))
            subprocess.run(["cp", "-a", "--reflink=auto", self._base, image.root], check=True)
            for step in stage.steps:
                getattr(self, f"_{step.name.lower()}")(image, step)
            self._built[stage.name] = image
        return image

    def _env(self, image: Image, step: Step) -> None:
        names, values = step.values[::2], step.values[1::2]
        before = dict(image.environment)
        for name, value in zip(names, values, strict=True):
            image.environment[name] = expand(value, before)

    def _workdir(self, image: Image, step: Step) -> None:
        image.folder = step.values[0]
        _inside(image.root, image.folder).mkdir(parents=True, exist_ok=True)

    def _run(self, image: Image, step: Step) -> None:
        command = step.values if step.is_exec else ("/bin/sh", "-c", step.values[0])
        arguments = [f"{name}={value}" for name, value in BUILD_ARGUMENTS.items()]
        line = contained(
            image, "rw", {self._wheels: WHEELS}, image.user, "/usr/bin/env", *arguments, *command
        )
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"RUN {step.values[0]}\n{done.stdout}{done.stderr}"

    def _copy(self, image: Image, step: Step) -> None:
        *sources, target = step.values
        to = _inside(image.root, str(Path(image.folder, target)))
        allowed = None if step.source else context_files(ROOT)
        origin = self._built[step.source].root if step.source else ROOT
        for source in sources:
            path = origin / source.lstrip("/")
            assert path.exists(), f"COPY {source}: there is none"
            if path.is_dir():
                _copy_folder(path, to, origin, allowed)
            else:
                assert allowed is None or source in allowed, f"COPY {source}: .dockerignore leaves it out"
                to.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, to)

    def _volume(self, image: Image, step: Step) -> None:
        image.volumes += step.values

    def _user(self, image: Image, step: Step) -> None:
        image.user = step.values[0]

    def _expose(self, image: Image, step: Step) -> None:
        image.ports += step.values

    def _stopsignal(self, image: Image, step: Step) -> None:
        image.stop_signal = step.values[0]

    def _entrypoint(self, image: Image, step: Step) -> None:
        assert step.is_exec
        image.entrypoint = step.values


def _inside(root: Path, path: str) -> Path:
    return root / path.lstrip("/")


def _copy_folder(source: Path, target: Path, origin: Path, allowed: set[str] | None) -> None:
    """Copy what is in a folder; from the context, what is allowed."""
    if allowed is None:
        target.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", "--reflink=auto", f"{source}/.", target], check=True)
        return
    for path in source.rglob("*"):
        if path.relative_to(origin).as_posix() in allowed:
            to = target / path.relative_to(source)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, to)


def built(folder: Path) -> Image:
    """The listener's image, built in a folder unless it is there, of the very same files; one builder at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        flock(lock, LOCK_EX)
        kept = folder / f"{_digest()}.json"
        if not kept.exists():
            for older in folder.glob("*.json"):
                older.unlink()
            kept.write_text(json.dumps(asdict(_build(folder)), default=str))
        fields = json.loads(kept.read_text())
    return Image(**fields | {"root": Path(fields["root"])})


def _build(folder: Path) -> Image:
    stages = read(DOCKERFILE)
    folder = folder.resolve()
    root, base = folder / "root", folder / re.sub(r"\W", "-", stages[0].base)
    make_base(stages[0].base, base)
    shutil.rmtree(root, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        wheels, built_stages = Path(scratch, "wheels"), Path(scratch, "stages")
        built_stages.mkdir()
        make_wheels(wheels, RUNTIME)
        image = Builder(base, wheels, built_stages).build(stages)
        image.root = image.root.rename(root)
    return image


def _digest() -> str:
    """Tells one set of files to build from, and of ways to, from any other."""
    files = [ROOT / name for name in context_files(ROOT)]
    files += [DOCKERFILE, ROOT / ".dockerignore", *map(Path(__file__).with_name, HOW)]
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path}\n".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
