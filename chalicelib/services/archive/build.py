"""Build an archive in the bucket: the job's work. Memory holds one part and the files that are read ahead.

After each part that ends with a file, the job notes how far it has come: another worker goes on from there. Parts that
were written after the last note are written again under the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from chalicelib.domain.jobs import Job, JobOutput
from chalicelib.services.archive.files import FilesAhead
from chalicelib.services.archive.media import DICOMDIR
from chalicelib.services.archive.plan import Entry
from chalicelib.services.archive.zip_stream import ZipStream
from chalicelib.services.jobs.work import JobRun
from chalicelib.storage.s3.archives import ZIP, ArchiveFiles

PART_BYTES = 8 * 1024**2
MAX_PARTS = 2000  # S3 allows 10,000; their ETags have to fit into an item of DynamoDB
PLAN = "plan"
OUTPUT = "archive"
MEGABYTE = 1024**2


class ArchiveWork:
    """Builds the archive of a job whose plan lies in the bucket; `kind` is ``Archive`` or ``Media``."""

    def __init__(
        self, kind: str, archives: ArchiveFiles, files: FilesAhead, part_bytes: int = PART_BYTES
    ) -> None:
        self.type = kind
        self._archives = archives
        self._files = files
        self._part_bytes = part_bytes

    def run(self, run: JobRun) -> None:
        """Build, from the job's checkpoint on."""
        job_id = run.job.id
        if OUTPUT in run.job.outputs:
            return
        whole = self._archives.size(job_id) if run.job.checkpoint else None
        if whole is not None:  # another worker put it together, and died
            self._finish(run, run.job.checkpoint, whole)
            return
        entries = [Entry(**fields) for fields in self._archives.get_note(job_id, PLAN)]
        part_bytes = max(self._part_bytes, sum(entry.size for entry in entries) // MAX_PARTS)
        build = _Build(self._archives, job_id, run.job.checkpoint)
        if not build.upload:
            build.begin()
            run.checkpoint(build.checkpoint(), 0)
        for done, (entry, pieces) in enumerate(self._files.read(entries[build.done :]), start=build.done + 1):
            build.done = done
            if pieces is not None:
                self._add(build, entry, pieces, part_bytes)
            if build.zip.waiting_bytes >= part_bytes:
                build.put_part()
                build.note()
                run.checkpoint(build.checkpoint(), 100 * done // (len(entries) + 1))
        self._finish(run, build.checkpoint(), build.finish())

    def _finish(self, run: JobRun, checkpoint: Mapping[str, Any], size: int) -> None:
        file_name = str(run.job.arguments["filename"])
        run.add_output(OUTPUT, JobOutput(self._archives.key(run.job.id), size, ZIP, file_name))
        content = {**run.job.content, "ArchiveSize": str(size), "ArchiveSizeMB": size // MEGABYTE}
        run.checkpoint(checkpoint, 100, content)

    def clean(self, job: Job) -> None:
        """Forget what a build has written, but for the archive of one that succeeded."""
        upload = job.checkpoint.get("upload")
        if OUTPUT not in job.outputs:
            if upload:
                self._archives.abort(job.id, upload)
            self._archives.remove(job.id)
        self._archives.remove_notes(job.id, _note_names(job))

    def forget(self, job: Job) -> None:
        """Forget what is to be built as well."""
        self.clean(job)
        self._archives.remove_notes(job.id, [PLAN])
        self._archives.remove_file(job.id, DICOMDIR)

    def _add(self, build: _Build, entry: Entry, pieces: Iterable[bytes], part_bytes: int) -> None:
        for _ in build.zip.add(entry.name, pieces, entry.size, deflates=entry.deflates):
            # A large file fills parts before it ends.
            if build.zip.waiting_bytes >= 2 * part_bytes:
                build.put_part()


class _Build:
    """How far a build has come."""

    def __init__(self, archives: ArchiveFiles, job_id: str, checkpoint: Mapping[str, Any]) -> None:
        self._archives = archives
        self._job_id = job_id
        self.upload: str = checkpoint.get("upload", "")
        self.done: int = checkpoint.get("done", 0)
        self._etags: list[str] = list(checkpoint.get("etags", []))
        self._notes: int = checkpoint.get("notes", 0)
        self.zip = ZipStream(checkpoint.get("offset", 0), self._noted())
        self._noted_files = len(self.zip.remembered())

    def begin(self) -> None:
        """Begin the upload."""
        self.upload = self._archives.begin(self._job_id)

    def put_part(self) -> None:
        """Write what waits as the next part."""
        number = len(self._etags) + 1
        self._etags.append(self._archives.put_part(self._job_id, self.upload, number, self.zip.take()))

    def note(self) -> None:
        """Remember the files since the last note, for the directory at the end of the archive."""
        self._archives.put_note(self._job_id, str(self._notes), self.zip.remembered(self._noted_files))
        self._notes += 1
        self._noted_files = len(self.zip.remembered())

    def checkpoint(self) -> dict[str, Any]:
        """What another worker has to know."""
        return {
            "upload": self.upload,
            "done": self.done,
            "etags": self._etags,
            "notes": self._notes,
            "offset": self.zip.offset,
        }

    def finish(self) -> int:
        """Write the rest and put the archive together; returns its size in bytes."""
        self.zip.close()
        size = self.zip.offset
        self.put_part()
        self._archives.finish(self._job_id, self.upload, self._etags)
        return size

    def _noted(self) -> Iterator[dict[str, Any]]:
        for number in range(self._notes):
            yield from self._archives.get_note(self._job_id, str(number))


def _note_names(job: Job) -> list[str]:
    return [str(number) for number in range(job.checkpoint.get("notes", 0))]


def in_memory(entries: Sequence[Entry], files: FilesAhead, directory: bytes | None) -> bytes:
    """A small archive at once, and the directory of a medium with it."""
    archive = ZipStream()
    for entry, pieces in files.read(entries):
        if pieces is not None:
            for _ in archive.add(entry.name, pieces, entry.size, deflates=entry.deflates):
                continue
    if directory is not None:
        for _ in archive.add(DICOMDIR, [directory], len(directory), deflates=True):
            continue
    archive.close()
    return archive.take()


def plan_note(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """A plan as the bucket keeps it."""
    return [asdict(entry) for entry in entries]
