"""Modify instances, one after another, and store the results: the work of a job.

The UIDs of results follow from the job and the old UIDs, so that another worker may repeat what a dead one did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

from chalicelib.dicom.dictionary import Dictionary
from chalicelib.domain.errors import BadRequest, PayloadTooLarge, UnknownResource
from chalicelib.domain.jobs import Job
from chalicelib.domain.levels import Level
from chalicelib.domain.outcomes import Stored
from chalicelib.domain.resources import Instance
from chalicelib.services.bulk import Bulk
from chalicelib.services.ingest import Ingest
from chalicelib.services.jobs.work import JobRun
from chalicelib.services.reading import Reading
from chalicelib.services.reconstruct import Reconstruct
from chalicelib.services.transcoding import MAXIMUM_BYTES, Target, Transcoding
from chalicelib.storage.dynamodb.index import Index
from chalicelib.storage.s3.notes import JobNotes

if TYPE_CHECKING:
    from chalicelib.dicom.modification import Modification

TYPE = "ResourceModification"
PLAN = "plan"
TOGETHER_FILES = 8
TOGETHER_BYTES = 32 * 1024**2
"""Instances that are modified side by side: as many, or as large together."""


class InstanceModifier:
    """Makes the modified file of an instance. Costs reading the whole file."""

    def __init__(
        self,
        reading: Reading,
        ingest: Ingest,
        transcoding: Transcoding,
        dictionary: Dictionary,
        default_encoding: Callable[[], str],
    ) -> None:
        self._reading = reading
        self._ingest = ingest
        self._transcoding = transcoding
        self._dictionary = dictionary
        self._default_encoding = default_encoding

    def modification(self, fields: Mapping[str, Any], level: Level | None) -> Modification:
        """What the fields of a request ask for; raises as `parse_modification`."""
        from chalicelib.dicom.modification import parse_modification

        return parse_modification(fields, level, self._dictionary)

    def target(self, fields: Mapping[str, Any]) -> Target | None:
        """What the results are to be transcoded to, if to anything; raises `ParameterOutOfRange`."""
        syntax = fields.get("Transcode")
        return None if syntax is None else self._transcoding.target(syntax, fields.get("LossyQuality"))

    def file(self, instance: Instance, modification: Modification, seed: str) -> bytes:
        """The modified file, in the transfer syntax that it has.

        Parameters
        ----------
        seed
            What new UIDs follow from, besides the old ones.

        Raises
        ------
        BadRequest
            It cannot be modified so, see `chalicelib.dicom.modification.modify`.
        InexistentItem
            The file is gone with its instance.
        """
        from chalicelib.dicom.modification import Identity, modify

        if instance.file.size > MAXIMUM_BYTES:
            raise PayloadTooLarge("The file is too large to be modified")
        return modify(self._reading.file(instance), modification, Identity(seed), self._default_encoding())

    def store(
        self,
        instance: Instance,
        modification: Modification,
        target: Target | None,
        seed: str,
        origin: dict[str, str],
    ) -> Stored:
        """Store the modified instance beside the one it is made of; raises as `file` does.

        What cannot be transcoded is stored as it is, as Orthanc does.
        """
        file = self.file(instance, modification, seed)
        converted = target.convert(file) if target else None
        made_from = (instance.patient_id, instance.study_id, instance.series_id, instance.id)
        return self._ingest.store(converted.file if converted else file, origin, made_from=made_from)


class ModificationWork:
    """Modifies the instances that stand in a note in the bucket."""

    type = TYPE

    def __init__(
        self,
        modifier: InstanceModifier,
        index: Index,
        bulk: Bulk,
        reconstruct: Reconstruct,
        notes: JobNotes,
        pool: Executor,
    ) -> None:
        self._modifier = modifier
        self._index = index
        self._bulk = bulk
        self._reconstruct = reconstruct
        self._notes = notes
        self._pool = pool

    def run(self, run: JobRun) -> None:
        """Go on behind the last instance that was done."""
        plan = self._notes.get(run.job.id, PLAN)
        fields, sources = plan["fields"], plan["instances"]
        level = Level[run.job.arguments["level"]]
        keeps_source = fields.get("KeepSource", True)
        modify = _Step(self._modifier, run.job.id, fields, level, plan["origin"])
        progress = _Progress(run.job)
        while progress.done < len(sources):
            ahead = sources[progress.done : progress.done + TOGETHER_FILES]
            rows = self._index.instances(ahead)
            together = list(_together([rows.get(identifier) for identifier in ahead]))
            results = list(self._pool.map(modify, together))
            if not keeps_source:
                note = [[source, one.instance_id] for source, one in zip(ahead, results, strict=False) if one]
                self._notes.put(run.job.id, _note(progress.groups), note)
            progress.add(ahead[: len(together)], results, level)
            content = {**run.job.content, **progress.content(level)}
            run.checkpoint(progress.checkpoint(), 99 * progress.done // len(sources), content)
        self._revise(progress.overwritten)
        if not keeps_source:
            self._delete(run, progress)
        run.checkpoint(progress.checkpoint(), 100)

    def clean(self, job: Job) -> None:
        """What was stored stays; begun anew, the job goes on with the same UIDs."""

    def forget(self, job: Job) -> None:
        """Forget what is to be done."""
        self._notes.remove(job.id, [PLAN, *map(_note, range(_Progress(job).groups))])

    def _revise(self, series: Sequence[str]) -> None:
        """Read the main tags of resources anew whose instances were overwritten by modified ones."""
        for identifier in series:
            for _ in self._reconstruct.series(identifier):
                continue

    def _delete(self, run: JobRun, progress: _Progress) -> None:
        """Delete each source whose own copy is in the store: several may have been given the same identifiers."""
        for group in range(progress.groups):
            copies = dict(self._notes.get(run.job.id, _note(group)))
            rows = self._index.instances(list(dict.fromkeys(copies.values())))
            going = [source for source, copy in copies.items() if _is_copy(rows.get(copy), source)]
            list(self._pool.map(lambda identifier: self._bulk.delete([identifier]), going))
            run.checkpoint(progress.checkpoint(), 99)


class _Step:
    """Modifies one instance; what cannot be is an error, or with `Permissive` None."""

    def __init__(
        self,
        modifier: InstanceModifier,
        job_id: str,
        fields: Mapping[str, Any],
        level: Level,
        origin: dict[str, str],
    ) -> None:
        self._modifier = modifier
        self._seed = job_id
        self._modification = modifier.modification(fields, level)
        self._target = modifier.target(fields)
        self._is_permissive = bool(fields.get("Permissive"))
        self._origin = origin

    def __call__(self, instance: Instance | None) -> Stored | None:
        """The stored copy; `instance` is None if it has been deleted meanwhile."""
        try:
            if instance is None:
                raise UnknownResource
            return self._modifier.store(instance, self._modification, self._target, self._seed, self._origin)
        except (BadRequest, UnknownResource):
            if not self._is_permissive:
                raise
            return None


class _Progress:
    """How far a job has come, and what it has made."""

    def __init__(self, job: Job) -> None:
        checkpoint = job.checkpoint
        self.done: int = checkpoint.get("done", 0)
        self.failed: int = checkpoint.get("failed", 0)
        self.groups: int = checkpoint.get("groups", 0)
        """How many notes of sources and their copies there are."""
        self.overwritten: list[str] = list(checkpoint.get("series", []))
        """The series that had instances overwritten."""
        self._identifiers: list[str] = list(checkpoint.get("identifiers", []))

    def add(self, sources: Sequence[str], results: Sequence[Stored | None], level: Level) -> None:
        """Note what became of the next sources."""
        for source, stored in zip(sources, results, strict=True):
            if stored is None:
                self.failed += 1
            else:
                self._identifiers = list(stored.identifiers[: level + 1])
                if stored.instance_id == source:
                    series = stored.identifiers[Level.SERIES]
                    self.overwritten += [series] if series not in self.overwritten else []
            self.done += 1
        self.groups += 1

    def checkpoint(self) -> dict[str, Any]:
        """What another worker has to know."""
        return {
            "done": self.done,
            "failed": self.failed,
            "groups": self.groups,
            "series": self.overwritten,
            "identifiers": self._identifiers,
        }

    def content(self, level: Level) -> dict[str, Any]:
        """What Orthanc shows of it."""
        shown: dict[str, Any] = {"FailedInstancesCount": self.failed}
        if self._identifiers:
            identifier = self._identifiers[level]
            shown |= {
                "ID": identifier,
                "Path": f"/{level.plural}/{identifier}",
                "PatientID": self._identifiers[Level.PATIENT],
                "Type": level.label,
            }
        return shown


def _together(ahead: Sequence[Instance | None]) -> Iterator[Instance | None]:
    """As many of the next instances as are modified side by side; one at least."""
    total = 0
    for position, instance in enumerate(ahead):
        total += instance.file.size if instance else 0
        if position and total > TOGETHER_BYTES:
            return
        yield instance


def _is_copy(row: Instance | None, source: str) -> bool:
    """Whether an instance was made from another one, and from no other since."""
    return row is not None and row.id != source and row.metadata.get("ModifiedFrom") == source


def _note(group: int) -> str:
    """The name of the note of a group's copies."""
    return f"copies-{group}"
