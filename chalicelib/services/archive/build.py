"""Build an archive in the bucket: the job's work. Memory holds one part and the files that are read ahead.

After each part that ends with a file, the job notes how far it has come: another worker goes on from there. Parts that
were written after the last note are written again under the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from chalicelib.domain.jobs import Job, JobOutput
from chalicelib.services.archive.files import Content, FilesAhead
from chalicelib.services.archive.media import DICOMDIR, directory, from_note
from chalicelib.services.archive.plan import Entry
from chalicelib.services.archive.zip_stream import Packed, ZipStream, pack
from chalicelib.services.jobs.work import JobRun
from chalicelib.services.transcoding import Target
from chalicelib.storage.s3.archives import ZIP, ArchiveFiles
from chalicelib.storage.s3.notes import JobNotes

if TYPE_CHECKING:
    from chalicelib.dicom.dicomdir import Record

MEDIA = "Media"

PART_BYTES = 8 * 1024**2
MAX_PARTS = 2000  # S3 allows 10,000; their ETags have to fit into an item of DynamoDB
PLAN, RECORDS = "plan", "records"
OUTPUT = "archive"
MEGABYTE = 1024**2


class ArchiveWork:
    """Builds the archive of a job whose plan lies in the bucket; `kind` is ``Archive`` or ``Media``."""

    def __init__(
        self,
        kind: str,
        archives: ArchiveFiles,
        notes: JobNotes,
        files: FilesAhead,
        part_bytes: int = PART_BYTES,
    ) -> None:
        self.type = kind
        self._archives = archives
        self._notes = notes
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
        entries = [Entry(**fields) for fields in self._notes.get(job_id, PLAN)]
        part_bytes = max(self._part_bytes, sum(entry.size for entry in entries) // MAX_PARTS)
        build = _Build(self._archives, self._notes, job_id, run.job.checkpoint)
        if not build.upload:
            build.begin()
            run.checkpoint(build.checkpoint(), 0)
        wish = run.job.arguments.get("transcode")
        files = self._files.read(entries[build.done :], Target(**wish) if wish else None)
        for done, (entry, content) in enumerate(files, start=build.done + 1):
            build.done = done
            for _ in _added(build.zip, entry, content):
                # A large file fills parts before it ends.
                if build.zip.waiting_bytes >= 2 * part_bytes:
                    build.put_part()
            if content is not None:
                build.transcoded.update(transcoded(entry))
            if build.zip.waiting_bytes >= part_bytes:
                build.put_part()
                build.note()
                run.checkpoint(build.checkpoint(), 100 * done // (len(entries) + 1))
        if self.type == MEDIA:
            build.add_directory([from_note(record) for record in self._notes.get(job_id, RECORDS)])
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
        self._notes.remove(job.id, _note_names(job))

    def forget(self, job: Job) -> None:
        """Forget what is to be built as well."""
        self.clean(job)
        self._notes.remove(job.id, [PLAN, RECORDS])


class _Build:
    """How far a build has come."""

    def __init__(
        self, archives: ArchiveFiles, notes: JobNotes, job_id: str, checkpoint: Mapping[str, Any]
    ) -> None:
        self._archives = archives
        self._notes = notes
        self._job_id = job_id
        self.upload: str = checkpoint.get("upload", "")
        self.done: int = checkpoint.get("done", 0)
        self._etags: list[str] = list(checkpoint.get("etags", []))
        self._noted: int = checkpoint.get("notes", 0)
        self.transcoded: dict[str, list[str]] = {}
        self.zip = ZipStream(checkpoint.get("offset", 0), self._remembered())
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
        files = self.zip.remembered(self._noted_files)
        names = self.transcoded.keys() & {file["filename"] for file in files}
        became = {name: self.transcoded[name] for name in names}
        self._notes.put(self._job_id, str(self._noted), {"files": files, "transcoded": became})
        self._noted += 1
        self._noted_files = len(self.zip.remembered())

    def add_directory(self, records: Sequence[Record]) -> None:
        """Add the DICOMDIR, after all files that it tells of."""
        _add_directory(self.zip, records, self.transcoded)

    def checkpoint(self) -> dict[str, Any]:
        """What another worker has to know."""
        return {
            "upload": self.upload,
            "done": self.done,
            "etags": self._etags,
            "notes": self._noted,
            "offset": self.zip.offset,
        }

    def finish(self) -> int:
        """Write the rest and put the archive together; returns its size in bytes."""
        self.zip.close()
        size = self.zip.offset
        self.put_part()
        self._archives.finish(self._job_id, self.upload, self._etags)
        return size

    def _remembered(self) -> Iterator[dict[str, Any]]:
        for number in range(self._noted):
            note = self._notes.get(self._job_id, str(number))
            self.transcoded.update(note["transcoded"])
            yield from note["files"]


def _note_names(job: Job) -> list[str]:
    return [str(number) for number in range(job.checkpoint.get("notes", 0))]


def in_memory(
    entries: Sequence[Entry], files: FilesAhead, records: Sequence[Record] | None, target: Target | None
) -> bytes:
    """A small archive at once, with a directory if there are records for it."""
    archive = ZipStream()
    became: dict[str, list[str]] = {}
    for entry, content in files.read(entries, target):
        became.update(transcoded(entry))
        for _ in _added(archive, entry, content):
            continue
    if records is not None:
        _add_directory(archive, records, became)
    archive.close()
    return archive.take()


def _added(archive: ZipStream, entry: Entry, content: Content | None) -> Iterator[None]:
    """Add a file, unless it is gone; pauses after each piece of a large one."""
    if isinstance(content, Packed):
        archive.add_packed(entry.name, content)
    elif content is not None:
        yield from archive.add(entry.name, content, entry.size, deflates=entry.deflates)


def transcoded(entry: Entry) -> dict[str, list[str]]:
    """What a file became, by its name; nothing if it is as it was."""
    return {entry.name: [entry.sop_instance_uid, entry.transfer_syntax]} if entry.transfer_syntax else {}


def _add_directory(
    archive: ZipStream, records: Sequence[Record], became: Mapping[str, Sequence[str]]
) -> None:
    archive.add_packed(DICOMDIR, pack(directory(records, became), deflates=True))


def plan_note(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """A plan as the bucket keeps it."""
    return [asdict(entry) for entry in entries]
