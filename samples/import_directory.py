#!/usr/bin/env python3
"""Upload folders of DICOM files, and ZIP archives of them, to Nacre or to Orthanc.

Several connections work side by side. What is done stands in a journal, so that an import which was interrupted
goes on where it stopped. Files beyond what the server takes directly go through a presigned upload, if it has them.

    python import_directory.py ~/dicom --url http://localhost:8042
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from tqdm import tqdm
from urllib3.util import Retry

DIRECT_BYTES = 4_000_000  # what AWS's API Gateway and Lambda surely carry
TIMEOUT_SECONDS = 60
POLL_SECONDS = 0.5
RETRIES = Retry(
    total=6,
    backoff_factor=0.5,
    backoff_jitter=0.5,
    status_forcelist=[429, 502, 503, 504],
    allowed_methods=None,  # an upload may be repeated: the second is answered by AlreadyStored
    raise_on_status=False,
)


@dataclass
class Result:
    """What became of one file: how many instances have which status, and what went wrong."""

    path: Path
    statuses: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


class Refused(Exception):
    """The server will answer the same again."""


class Journal:
    """The files that are done, one line of JSON each, so that a line that was cut off harms no other."""

    def __init__(self, path: Path, url: str) -> None:
        self._path = path
        self._url = url
        self._lock = threading.Lock()
        self._done: set[tuple[str, int, int]] = set()
        if path.exists():
            self._done = set(self._read())
        self._file = path.open("a", encoding="utf-8")
        if self._file.tell():
            self._file.write("\n")  # ends a line that may have been cut off

    def holds(self, path: Path) -> bool:
        """Whether the file, as it is now, has been uploaded to this server."""
        return self._key(path) in self._done

    def add(self, path: Path) -> None:
        """Note that a file has been uploaded."""
        name, size, modified = self._key(path)
        line = json.dumps({"url": self._url, "path": name, "size": size, "modified": modified})
        with self._lock:
            self._file.write(line + "\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _key(self, path: Path) -> tuple[str, int, int]:
        stat = path.stat()
        return str(path.resolve()), stat.st_size, stat.st_mtime_ns

    def _read(self) -> Iterator[tuple[str, int, int]]:
        for line in self._path.read_text(encoding="utf-8").splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if entry["url"] == self._url:
                yield entry["path"], entry["size"], entry["modified"]


class Uploader:
    """Uploads files to one server, from any number of threads."""

    def __init__(
        self, url: str, user: tuple[str, str] | None, parallel: int, patience_seconds: float
    ) -> None:
        self._url = url
        self._patience_seconds = patience_seconds
        self._api = session(parallel)
        self._api.auth = user
        self._bucket = session(parallel)  # whose URLs are signed, and must not see the password
        self._has_presigned = True

    def upload(self, path: Path) -> Result:
        """Upload a file or a ZIP archive."""
        result = Result(path)
        try:
            answers = self._upload(path)
        except (Refused, OSError) as error:  # requests' errors are OSErrors
            result.problems.append(str(error) or type(error).__name__)
            return result
        for answer in answers:
            result.statuses[answer["Status"]] += 1
            if answer["Status"] == "Failure":
                result.problems.append(f"file {answer.get('Entry', 0) + 1} of it: {reason(answer)}")
        return result

    def _upload(self, path: Path) -> list[dict[str, Any]]:
        size = path.stat().st_size
        if size > DIRECT_BYTES and self._has_presigned:
            answers = self._upload_presigned(path, size)
            if answers is not None:
                return answers
            self._has_presigned = False
        with path.open("rb") as file:
            response = self._api.post(f"{self._url}/instances", data=file, timeout=TIMEOUT_SECONDS)
        if response.status_code == 413:
            answers = self._upload_presigned(path, size)
            if answers is not None:
                return answers
        answer = checked(response)
        return answer if isinstance(answer, list) else [answer]

    def _upload_presigned(self, path: Path, size: int) -> list[dict[str, Any]] | None:
        """Upload past the gateway; None if the server has no such way."""
        response = self._api.post(f"{self._url}/nacre/uploads", json={"Size": size}, timeout=TIMEOUT_SECONDS)
        if response.status_code in (404, 405):
            return None
        ticket = checked(response)
        with path.open("rb") as file:
            if "Parts" not in ticket:
                self._put(ticket["Url"], file, ticket["Headers"])
            for part in ticket.get("Parts", []):
                self._put(part["Url"], file.read(part["Size"]), {})
        if "Complete" in ticket:
            checked(self._api.post(self._url + ticket["Complete"], timeout=TIMEOUT_SECONDS))
        return self._outcome(ticket["ID"])

    def _put(self, url: str, data: Any, headers: dict[str, str]) -> None:
        checked(self._bucket.put(url, data=data, headers=headers, timeout=TIMEOUT_SECONDS))

    def _outcome(self, identifier: str) -> list[dict[str, Any]]:
        """Wait for what becomes of a presigned upload."""
        deadline = time.monotonic() + self._patience_seconds
        while time.monotonic() < deadline:
            response = self._api.get(f"{self._url}/nacre/uploads/{identifier}", timeout=TIMEOUT_SECONDS)
            status = checked(response)
            if status["Status"] == "Success":
                instances: list[dict[str, Any]] = status["Instances"]
                return instances
            if status["Status"] == "Failure":
                raise Refused(reason(status))
            time.sleep(POLL_SECONDS)
        raise Refused(f"Uploaded, but not taken in within {self._patience_seconds:.0f} seconds")


def session(parallel: int) -> requests.Session:
    """A session that repeats what fails for a while, with connections for all threads."""
    made = requests.Session()
    for scheme in ("http://", "https://"):
        made.mount(scheme, HTTPAdapter(pool_maxsize=parallel, max_retries=RETRIES))
    return made


def checked(response: requests.Response) -> Any:
    """The JSON of a good answer; raises `Refused` with the reason of another one."""
    if response.ok:
        return response.json() if response.content else {}
    try:
        error = response.json()
    except ValueError:
        error = {}
    raise Refused(reason(error) if error else f"{response.status_code} {response.reason}")


def reason(error: dict[str, Any]) -> str:
    """The words of one of Orthanc's errors."""
    return ": ".join(text for text in (error.get("Message"), error.get("Details")) if text)


def files_in(sources: Sequence[Path]) -> Iterator[Path]:
    """All files below folders, and files that are named themselves."""
    for source in sources:
        if not source.is_dir():
            yield source
        for folder, folders, names in os.walk(source):
            folders.sort()
            yield from (Path(folder, name) for name in sorted(names) if Path(folder, name).is_file())


def run(uploader: Uploader, paths: Sequence[Path], journal: Journal, parallel: int) -> list[Result]:
    """Upload files side by side, showing the progress."""
    results = []
    threads = ThreadPoolExecutor(parallel)
    try:
        tasks = [threads.submit(uploader.upload, path) for path in paths]
        for task in tqdm(as_completed(tasks), total=len(tasks), unit="file", disable=None):
            result = task.result()
            results.append(result)
            if not result.problems:
                journal.add(result.path)
    finally:
        threads.shutdown(cancel_futures=True)
    return results


def summarize(results: Sequence[Result], skipped: int) -> int:
    """Print what became of the files; the exit code is 1 if any of them failed."""
    total: Counter[str] = Counter()
    for result in results:
        total.update(result.statuses)
    failed = [result for result in results if result.problems]
    print(
        f"{len(results)} files: {total['Success']} instances stored,"
        f" {total['AlreadyStored']} stored before, {len(failed)} files failed;"
        f" {skipped} files of an earlier run skipped"
    )
    for result in failed:
        for problem in result.problems:
            print(f"  {result.path}: {problem}", file=sys.stderr)
    return 1 if failed else 0


def credentials(text: str) -> tuple[str, str] | None:
    """A user's name and password from ``NAME:PASSWORD``; without a password, it is asked for."""
    if not text:
        return None
    name, colon, password = text.partition(":")
    return name, password if colon else getpass.getpass(f"Password of {name}: ")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sources", nargs="+", type=Path, help="folders, DICOM files or ZIP archives")
    parser.add_argument("--url", default="http://localhost:8042", help="the server (default: %(default)s)")
    parser.add_argument("--user", default="", metavar="NAME[:PASSWORD]", help="asks for a missing password")
    parser.add_argument("--parallel", type=int, default=4, help="connections (default: %(default)s)")
    parser.add_argument(
        "--journal",
        type=Path,
        default=Path("import_directory.journal"),
        help="what is done; remove it to begin anew (default: ./%(default)s)",
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=600,
        help="seconds to wait until a presigned upload has been taken in (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    missing = [str(source) for source in options.sources if not source.exists()]
    if missing:
        parser.error(f"no such file or folder: {', '.join(missing)}")
    if options.parallel < 1:
        parser.error("--parallel must be at least 1")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Import; returns the exit code: 0 all is stored, 1 some files are not, 130 interrupted."""
    options = parse(arguments)
    url = options.url.rstrip("/")
    uploader = Uploader(url, credentials(options.user), options.parallel, options.patience)
    journal = Journal(options.journal, url)
    found = [path for path in files_in(options.sources) if path.resolve() != options.journal.resolve()]
    paths = [path for path in found if not journal.holds(path)]
    try:
        return summarize(run(uploader, paths, journal, options.parallel), len(found) - len(paths))
    except KeyboardInterrupt:
        print("Interrupted. Run the same command again to go on.", file=sys.stderr)
        return 130
    finally:
        journal.close()


if __name__ == "__main__":
    sys.exit(main())
