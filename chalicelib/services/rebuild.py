"""Rebuild the index from the files in the bucket, and nothing else.

Hour after hour, every file that no row names gets its entry under the key that it has; no file is copied, changed or
removed. Two files of one instance: the one that `OverwriteInstances` would have kept gets the entry, by the times at
which they were put. What a delete is still taking away gets none. To repeat it is safe, and cheap where the entries
are there already. Annotations come back last, from their copies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import BinaryIO, cast

from chalicelib.domain.errors import BadRequest, InexistentItem, InexistentTag
from chalicelib.domain.levels import Level
from chalicelib.domain.outcomes import Status
from chalicelib.services.adoption import Adoption, Refusal
from chalicelib.services.annotation_restore import AnnotationRestore
from chalicelib.services.bounded import BoundedReader
from chalicelib.services.delete_steps import UnderWay
from chalicelib.services.description import describe
from chalicelib.services.inbox import MAX_HEADER_BYTES, md5_of
from chalicelib.services.ingest import Ingest
from chalicelib.services.orphans import Orphans
from chalicelib.services.recount import Recount
from chalicelib.storage.dynamodb.index import Index
from chalicelib.storage.dynamodb.items import text
from chalicelib.storage.dynamodb.keys import COPY
from chalicelib.storage.dynamodb.table import Item
from chalicelib.storage.s3.file_listing import FileListing, StoredObject
from chalicelib.storage.s3.files import FileName
from chalicelib.storage.s3.ranged import RangedObjects, as_stream

BATCH = 500
MAXIMUM_REFUSALS = 10_000
DICOM = "application/dicom"


@dataclass(slots=True)
class Progress:
    """What a rebuild has done up to now; `place` is the key it has come to."""

    files: int = 0
    added: int = 0
    kept: int = 0
    """Files of instances that have another file."""
    attachments: int = 0
    annotated: int = 0
    """Resources that got their annotations back."""
    leaving: int = 0
    """Files that a delete is taking away, or has taken meanwhile."""
    place: str = ""
    refusals: list[Refusal] = field(default_factory=list)
    refused: int = 0
    corrected_statistics: bool = False

    def refuse(self, refusal: Refusal) -> None:
        """Note a file that got no entry; so many of them are kept as somebody may read."""
        self.refused += 1
        if len(self.refusals) < MAXIMUM_REFUSALS:
            self.refusals.append(refusal)


@dataclass(frozen=True, slots=True)
class FileSource:
    """Where files are looked for: listed, opened, and told apart from those that have an entry."""

    listing: FileListing
    objects: RangedObjects
    orphans: Orphans


class Rebuild:
    """Rebuilds the index of a tenant."""

    def __init__(
        self,
        index: Index,
        source: FileSource,
        ingest: Ingest,
        annotations: AnnotationRestore,
        under_way: Callable[[], UnderWay],
        recount: Recount,
        pool: Executor,
        default_encoding: Callable[[], str],
    ) -> None:
        self._index = index
        self._source = source
        self._ingest = ingest
        self._annotations = annotations
        self._under_way = under_way
        self._recount = recount
        self._pool = pool
        self._default_encoding = default_encoding

    def bring_back(self) -> int:
        """Put files that were set aside back where they were; returns how many. Safe to repeat."""
        aside = self._source.listing.aside()
        count = 0
        while batch := list(islice(aside, BATCH)):
            self._source.listing.bring_back(batch, self._pool)
            count += len(batch)
        return count

    def run(self, report: Callable[[Progress], None] = lambda _: None, *, anew: bool = False) -> Progress:
        """Give every file its entry, from where the last run was interrupted, or `anew` from the beginning.

        A listing call for each thousand files, a batch read for each hundred; for each file without an entry a ranged
        GET of its header (a second one of the whole where S3 does not know its MD5) and what an upload takes. Memory
        holds a batch. `report` hears of each.

        Raises
        ------
        NacreError
            AWS did not answer in time; the next run goes on behind the last batch.
        """
        self._source.orphans.postpone()
        progress = Progress(place="" if anew else self._place())
        objects = self._source.listing.walk(progress.place)
        while batch := list(islice(objects, BATCH)):
            self._remember(self.adopt(batch, progress))
            progress.place = batch[-1].key
            self._index.table.put(self._index.keys.rebuild() | {"after": text(progress.place)})
            report(progress)
        self._restore_remembered(progress)
        progress.corrected_statistics = self._recount.run()
        self._index.table.delete(self._index.keys.rebuild())
        return progress

    def adopt(self, objects: Sequence[StoredObject], progress: Progress) -> list[StoredObject]:
        """Give those of some files that need one their entries; the files of one instance one after another.

        Returns the copies of annotations among them that no row names: `restore` brings those back, once all files of
        their resources have their entries.
        """
        progress.files += len(objects)
        for one in objects:
            if one.is_foreign:
                progress.refuse(Refusal(one.key, "The key is none of the store's"))
        unknown = sorted(
            self._source.orphans.unknown(objects), key=lambda one: (one.owner_id, one.modified, one.key)
        )
        copies = [one for one in unknown if one.is_annotation_copy]
        files = [one for one in unknown if not one.is_annotation_copy]
        # In this order: a file that is still there after no delete was under way is none that a delete has forgotten.
        leaving = self._under_way()
        groups = [list(group) for _, group in groupby(files, key=lambda one: one.owner_id)]
        for outcomes in self._pool.map(lambda group: [self._adopt(one, leaving) for one in group], groups):
            _count(outcomes, progress)
        return copies

    def restore(self, copies: Sequence[StoredObject], progress: Progress) -> None:
        """Bring the annotations back that copies tell of; all copies of one resource have to be among them."""
        for outcome in self._annotations.run(copies, self._under_way):
            if isinstance(outcome, Refusal):
                progress.refuse(outcome)
            progress.annotated += outcome is Adoption.ADDED

    def _remember(self, copies: Sequence[StoredObject]) -> None:
        items = [self._index.keys.rebuild_copy(one.owner_id, one.key) for one in copies]
        list(self._pool.map(self._index.table.put, items))

    def _restore_remembered(self, progress: Progress) -> None:
        items = self._index.table.query(self._index.keys.partition("rebuild"), prefix=COPY)
        by_resource = groupby(map(_to_remembered, items), key=lambda pair: pair[0])
        groups = (list(group) for _, group in by_resource)
        while some := list(islice(groups, BATCH)):
            remembered = [pair for group in some for pair in group]
            objects = self._pool.map(lambda pair: self._source.listing.find(pair[1]), remembered)
            self.restore([one for one in objects if one is not None], progress)
            self._index.table.remove([self._index.keys.rebuild_copy(*pair) for pair in remembered])

    def _adopt(self, one: StoredObject, leaving: UnderWay) -> Adoption | Refusal:
        source = self._source.objects.open(one.key)
        if source is None:
            return Adoption.LEAVING
        version = source.version
        if version.content_type != DICOM:
            return Adoption.ATTACHMENT
        try:
            stream = as_stream(source)
            md5 = version.md5 or md5_of(stream)
            stream.seek(0)
            bounded = cast(BinaryIO, BoundedReader(stream, MAX_HEADER_BYTES))
            description = describe(bounded, version.size, md5, self._default_encoding())
        except (BadRequest, InexistentTag, InexistentItem) as error:
            return Refusal(one.key, error.details or error.orthanc_error)
        if description.identifiers[Level.INSTANCE] != one.owner_id:
            return Refusal(one.key, "The file is of another instance than its key")
        if leaving.takes(description.identifiers, one.key):
            return Adoption.LEAVING
        name = FileName(one.key, one.uuid, one.owner_id)
        status = self._ingest.adopt(description, name, version.modified)
        return Adoption.ADDED if status is Status.SUCCESS else Adoption.KEPT

    def _place(self) -> str:
        item = self._index.table.get(self._index.keys.rebuild())
        return item["after"]["S"] if item else ""


def _to_remembered(item: Item) -> tuple[str, str]:
    """The resource and the key that a copy was remembered by."""
    _, identifier, key = item["sk"]["S"].split("#", 2)
    return identifier, key


def _count(outcomes: Iterable[Adoption | Refusal], progress: Progress) -> None:
    for outcome in outcomes:
        match outcome:
            case Refusal():
                progress.refuse(outcome)
            case Adoption.ADDED:
                progress.added += 1
            case Adoption.KEPT:
                progress.kept += 1
            case Adoption.ATTACHMENT:
                progress.attachments += 1
            case Adoption.LEAVING:
                progress.leaving += 1


def refusals_of(progress: Progress) -> Iterator[str]:
    """The refusals as lines."""
    for refusal in progress.refusals:
        yield f"{refusal.key}: {refusal.reason}"
    if progress.refused > len(progress.refusals):
        yield f"... and {progress.refused - len(progress.refusals)} more"
