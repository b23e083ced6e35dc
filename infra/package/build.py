"""From the checkout to a deployable package.

Chalice makes the template and picks the application's files, but not the dependencies: for a wheel that does not
fit the runtime it only warns, or builds from source, and it packages for the Python that it happens to run on.
Here pip gets them for the runtime of Lambda, from wheels alone, whichever Python this is; a missing wheel is an error.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from infra.package.interpreters import python_of
from infra.package.template import complete
from infra.package.trimming import trim

ROOT = Path(__file__).parents[2]
RUNTIME = "3.13"
GLIBC_MINORS = range(17, 35)  # python3.12 and later run on Amazon Linux 2023: glibc 2.34
REGION = "us-east-1"  # Chalice asks for one and uses its partition alone; the template holds none
LAMBDA_FOLDER = "/var/task"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date that a ZIP can hold


class NotPackaged(Exception):
    """The package cannot be built; the message says why."""


@dataclass(frozen=True, slots=True)
class Package:
    """What was built."""

    archive: Path
    template: Path
    has_bytecode: bool


def build(output: Path, *, stage: str = "prod", python: str = RUNTIME) -> Package:
    """Build the package of one stage.

    Parameters
    ----------
    output
        Folder for the ZIP and the template; its contents are replaced.
    stage
        A stage of .chalice/config.json: its environment gives the names of tables, buckets and queues.
    python
        Version of Python that Lambda runs, such as ``3.13``.

    Raises
    ------
    NotPackaged
        A dependency has no wheel for the runtime, or Chalice does not package the application.
    """
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    archive, template = output / "deployment.zip", output / "sam.json"
    with tempfile.TemporaryDirectory() as scratch:
        dependencies, code = Path(scratch, "dependencies"), Path(scratch, "code")
        install(dependencies, python)
        trim(dependencies)
        template.write_text(make_template(code, stage=stage, python=python))
        (code / "sam.json").unlink()
        _unpack(code / "deployment.zip", code)
        has_bytecode = all(add_bytecode(folder, python) for folder in (code, dependencies))
        write_archive(archive, [code, dependencies])
    return Package(archive, template, has_bytecode)


def make_template(output: Path, *, stage: str = "prod", python: str = RUNTIME) -> str:
    """Let Chalice package the application alone into a folder; gives the completed template as text.

    Raises
    ------
    NotPackaged
        Chalice does not package the application.
    """
    stage_environment(stage)
    with tempfile.TemporaryDirectory() as project:
        _lay_out(Path(project))
        _chalice("package", "--stage", stage, str(output.resolve()), project=project)
    template = complete(json.loads((output / "sam.json").read_text()), python)
    return json.dumps(template, indent=2, sort_keys=True) + "\n"


def stage_environment(stage: str) -> dict[str, str]:
    """The environment variables that .chalice/config.json gives a stage."""
    config = json.loads((ROOT / ".chalice/config.json").read_text())
    try:
        return dict(config["stages"][stage]["environment_variables"])
    except KeyError:
        raise NotPackaged(f".chalice/config.json has no environment for the stage {stage}") from None


def install(target: Path, python: str) -> None:
    """Put all that the application imports into a folder, as wheels for Lambda's Python on x86_64.

    Raises
    ------
    NotPackaged
        A dependency has no wheel that the runtime can load.
    """
    # Chalice's command adds its runtime by itself; its requirements are those of the command.
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    wanted = [line for line in lines if "==" in line and not line.startswith("chalice==")]
    command = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    command += ["--target", str(target), "--constraint", str(ROOT / "constraints.txt")]
    command += wheel_options(python)
    _run([sys.executable, *command, *wanted], ROOT, dict(os.environ))
    shutil.rmtree(target / "bin", ignore_errors=True)


def wheel_options(python: str) -> list[str]:
    """The options of pip for wheels of a Python such as ``3.13`` on x86_64, whichever Python this is."""
    tag = f"cp{python.replace('.', '')}"
    platforms = [f"manylinux_2_{minor}_x86_64" for minor in GLIBC_MINORS] + ["manylinux2014_x86_64"]
    options = ["--only-binary=:all:", "--implementation", "cp", "--python-version", python]
    options += [part for abi in (tag, "abi3", "none") for part in ("--abi", abi)]
    return options + [part for platform in platforms for part in ("--platform", platform)]


def add_bytecode(folder: Path, python: str) -> bool:
    """Compile a folder for Lambda's Python, if this machine has one; says whether.

    Lambda cannot keep what it compiles: without bytecode every cold start compiles all it imports.
    """
    interpreter = python_of(python)
    if interpreter is None:
        return False
    # Files in the ZIP have no times to compare with: the bytecode is not checked against its source.
    command = [interpreter, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    command += ["-x", "/tests/", "-s", str(folder), "-p", LAMBDA_FOLDER, str(folder)]
    _run(command, folder, dict(os.environ))
    return True


def write_archive(archive: Path, folders: list[Path]) -> None:
    """Zip the contents of folders: sorted, dated alike, readable by all."""
    files = {path.relative_to(folder).as_posix(): path for folder in folders for path in folder.rglob("*")}
    with ZipFile(archive, "w", ZIP_DEFLATED) as zipped:
        for name, path in sorted(files.items()):
            if path.is_file():
                entry = ZipInfo(name, EPOCH)
                entry.external_attr = 0o644 << 16
                zipped.writestr(entry, path.read_bytes(), ZIP_DEFLATED)


def unzipped_bytes(archive: Path) -> int:
    """What a ZIP holds, unpacked."""
    with ZipFile(archive) as zipped:
        return sum(entry.file_size for entry in zipped.infolist())


def _lay_out(project: Path) -> None:
    """The project as Chalice is to see it: without requirements."""
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(ROOT / "chalicelib", project / "chalicelib", ignore=ignored)
    shutil.copy(ROOT / "app.py", project)
    (project / ".chalice").mkdir()
    shutil.copy(ROOT / ".chalice/config.json", project / ".chalice")


def _chalice(*arguments: str, project: str) -> None:
    """Run Chalice's command without what the user's environment says of Nacre or AWS."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("NACRE_", "AWS_"))
    }
    environment |= {"AWS_DEFAULT_REGION": REGION, "AWS_CONFIG_FILE": os.devnull}
    environment |= {"AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true"}
    environment |= {"PYTHONDONTWRITEBYTECODE": "1"}
    script = "from chalice.cli import main; main()"
    _run([sys.executable, "-c", script, *arguments], Path(project), environment)


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(  # noqa: S603 - pip and chalice, with arguments of our own
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise NotPackaged(f"{' '.join(command[:4])} failed:\n{done.stdout}{done.stderr}")


def _unpack(archive: Path, folder: Path) -> None:
    with ZipFile(archive) as zipped:
        zipped.extractall(folder)
    archive.unlink()
