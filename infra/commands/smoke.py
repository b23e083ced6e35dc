"""Try a store out by the examples of README.md, and remove what they have stored.

What is stored is one image of a patient that does not exist. The examples that need another DICOM node are run with
`--peer` only (locally it can be the store itself): they make it known as the modality PACS, which must not be one yet,
and forget it in the end.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from infra.commands.answers import check_of
from infra.commands.common import CommandFailed, Say, run, say
from infra.commands.examples import Example, examples
from infra.commands.image import patient_id, write_image
from infra.package.build import ROOT

SECONDS = 120
FILE = "image.dcm"
_URL = re.compile(r"https?://[\w.:\[\]-]+(/[\w./~-]*)?")
_PEER = re.compile(r"(?P<aet>[\w.-]{1,16})@(?P<host>[\w.-]+):(?P<port>\d{1,5})")
_HOST = re.compile(r"[\w.-]+")
_IDENTIFIER = re.compile(r"[0-9a-f-]{36,44}")


@dataclass(frozen=True)
class Target:
    """The store to try."""

    url: str
    user: str = ""
    password: str = field(default="", repr=False)
    host: str = ""
    port: int = 104
    peer: str = ""

    def texts(self) -> dict[str, str]:
        """What stands in the examples, and what is to stand there.

        Raises
        ------
        CommandFailed
            An address is none.
        """
        if not _URL.fullmatch(self.url) or (self.host and not _HOST.fullmatch(self.host)):
            raise CommandFailed("The URL has to be one like https://host/api, the host a name or an address")
        texts = {
            "http://localhost:8042": self.url.rstrip("/"),
            "localhost 4242": f"{self.host} {self.port}",
            '"123"': f'"{patient_id()}"',
        }
        if self.peer:
            peer = _PEER.fullmatch(self.peer)
            if peer is None:
                raise CommandFailed("The peer has to be given as AET@HOST:PORT")
            told = f'"AET": "{peer["aet"]}", "Host": "{peer["host"]}", "Port": {peer["port"]}'
            texts['"AET": "PACS", "Host": "10.0.0.7", "Port": 104'] = told
            texts["-aet PACS "] = f"-aet {peer['aet']} "
        return texts


class Trial:
    """Runs examples against one store, in a folder that nobody else reads."""

    def __init__(self, target: Target, folder: Path, say: Say) -> None:
        self._target, self._folder, self._say = target, folder, say
        self._texts = target.texts()
        self._known: dict[str, str] = {}
        self._lay_out()

    def run(self, page: str) -> tuple[int, int]:
        """Run all examples of a page; gives how many were right, and how many were not."""
        counts = {True: 0, False: 0}
        upload: Example | None = None
        for example in examples(page):
            reason = self._why_not(example)
            if reason:
                self._say(f"not run ({reason}): {example.line}")
                continue
            wrong = self.wrong_with(example)
            counts[not wrong] += 1
            self._say(f"{'WRONG, ' + wrong if wrong else 'ok'}: {example.line}")
            if "/instances --data-binary" in example.line:
                upload = example
            if "-X DELETE" in example.line and upload is not None:
                self.wrong_with(upload)  # the examples that follow are about it as well
        return counts[True], counts[False]

    def wrong_with(self, example: Example) -> str:
        """What is wrong with the answer to an example; empty if nothing is."""
        if unknown := example.variables - self._known.keys():
            return f"{', '.join(sorted(unknown))} is not known"
        check = check_of(example.line)
        if check is None:
            return "nobody has said what the answer is to be like (infra/commands/answers.py)"
        code, status, body, errors = self._ask(example.replaced(self._texts))
        if code:
            return f"the command ended with {code}: {errors[-200:].decode(errors='replace').strip()}"
        if example.tool == "curl" and status != 200:
            return f"the status is {status or 'missing'}"
        wrong = check(body, self._known)
        if not wrong:
            self._learn(example, body)
        return wrong and f"the answer {wrong}"

    def clean_up(self) -> None:
        """Remove what was stored, and the modality."""
        removed = {"PATIENT": "patients/$PATIENT", "MODALITY": "modalities/PACS"}
        for variable, path in removed.items():
            if variable in self._known:
                line = f"curl -X DELETE {self._target.url.rstrip('/')}/{path}"
                _, status, _, _ = self._ask(Example(line))
                if status not in (200, 404):
                    self._say(f"WRONG, it could not be removed ({status}): {line}")

    def _why_not(self, example: Example) -> str:
        if example.tool != "curl":
            if not self._target.host:
                return "needs --host"
            if not shutil.which(example.tool):
                return f"needs {example.tool}, of dcmtk"
        if example.needs_peer:
            if not self._target.peer:
                return "needs --peer"
            if "MODALITY" not in self._known and self._status_of("/modalities/PACS") != 404:
                return "there is a modality PACS, or none can be asked for"
        return ""

    def _status_of(self, path: str) -> int:
        return self._ask(Example(f"curl {self._target.url.rstrip('/')}{path}"))[1]

    def _learn(self, example: Example, body: bytes) -> None:
        if "/instances --data-binary" in example.line:
            answer = json.loads(body)
            for name, key in (("ID", "ID"), ("STUDY", "ParentStudy"), ("PATIENT", "ParentPatient")):
                self._know(name, answer[key])
        elif "/query " in example.line:
            self._know("QUERY", json.loads(body)["ID"])
        elif "-X PUT" in example.line and "/modalities/" in example.line:
            self._known["MODALITY"] = "PACS"

    def _know(self, name: str, value: object) -> None:
        if not isinstance(value, str) or not _IDENTIFIER.fullmatch(value):
            raise CommandFailed("The store answers with an identifier that is none")
        self._known[name] = value

    def _ask(self, example: Example) -> tuple[int, int, bytes, bytes]:
        """Run a line; gives its exit code, the status of HTTP, the answer and what it complained of."""
        headers = self._folder / "headers"
        headers.unlink(missing_ok=True)
        path = os.pathsep.join((str(self._folder / "bin"), os.environ.get("PATH", os.defpath)))
        environment = {**os.environ, **self._known, "PATH": path}
        try:
            done = subprocess.run(  # noqa: S603 - the lines are those of our own page
                ["bash", "-c", example.line],  # noqa: S607
                cwd=self._folder,
                env=environment,
                capture_output=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return 1, 0, b"", f"no answer within {SECONDS} s".encode()
        statuses = re.findall(
            r"^HTTP/\S+ (\d+)", headers.read_text() if headers.exists() else "", re.MULTILINE
        )
        shown = done.stdout if example.tool == "curl" else done.stdout + done.stderr
        body = (self._folder / example.output).read_bytes() if example.output else shown
        return done.returncode, int(statuses[-1]) if statuses else 0, body, done.stderr

    def _lay_out(self) -> None:
        """The image, and a curl that signs in without anybody seeing the password."""
        write_image(self._folder / FILE)
        curl = shutil.which("curl")
        if curl is None:
            raise CommandFailed("The command curl is missing")
        lines = ["silent", "show-error", "dump-header = headers"]
        if self._target.user:
            secret = f"{self._target.user}:{self._target.password}"
            secret = secret.replace("\\", "\\\\").replace('"', '\\"')
            lines.append(f'user = "{secret}"')
        (self._folder / "curlrc").write_text("\n".join(lines) + "\n")
        (self._folder / "bin").mkdir()
        wrapper = self._folder / "bin/curl"
        wrapper.write_text(f'#!/bin/sh\nexec {curl} --config {self._folder}/curlrc "$@"\n')
        wrapper.chmod(0o700)


def smoke(target: Target, page: str, say: Say) -> int:
    """Run the examples of a page; gives how many were wrong.

    Raises
    ------
    CommandFailed
        They cannot be run.
    """
    with tempfile.TemporaryDirectory() as folder:  # for its owner alone
        trial = Trial(target, Path(folder), say)
        try:
            right, wrong = trial.run(page)
        finally:
            trial.clean_up()
    say(f"{right} examples are right, {wrong} are wrong")
    return wrong


def main() -> int:
    """Read the arguments and try a store out; 1 if an example is wrong."""
    parser = argparse.ArgumentParser(prog="python -m infra.commands.smoke", description=__doc__)
    parser.add_argument("--url", required=True, help="where the API is, such as https://.../api")
    parser.add_argument(
        "--user", default="", help="who signs in; the password is asked for, or read from stdin"
    )
    parser.add_argument("--host", default="", help="the DICOM listener, for the examples that speak DICOM")
    parser.add_argument("--port", type=int, default=104, help="its port (104)")
    parser.add_argument("--peer", default="", help="AET@HOST:PORT of a DICOM node that knows the store")
    parser.add_argument("--page", type=Path, default=ROOT / "README.md", help="where the examples stand")
    options = parser.parse_args()

    def command() -> int:
        password = ""
        if options.user:
            ask = getpass.getpass if sys.stdin.isatty() else sys.stdin.readline
            password = ask().rstrip("\r\n")
        target = Target(options.url, options.user, password, options.host, options.port, options.peer)
        return 1 if smoke(target, options.page.read_text(), say) else 0

    return run(command)


if __name__ == "__main__":
    sys.exit(main())
