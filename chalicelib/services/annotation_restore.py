"""Bring annotations back from their copies in the bucket, for a rebuild and for a check that mends.

The newest copy of a resource counts. It is written as any other change, with a new copy; the copies that it came from
are set aside, as are those that a newer change has overtaken. What the row has by itself is never overwritten by what
belongs to an earlier life of the resource.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from itertools import groupby

from chalicelib.domain.annotations import Annotations
from chalicelib.domain.errors import BadRequest, InexistentItem, UnknownResource
from chalicelib.services.adoption import Adoption, Refusal
from chalicelib.services.annotate import Annotate, Row
from chalicelib.services.delete_steps import UnderWay
from chalicelib.services.orphans import Orphans
from chalicelib.storage.dynamodb.annotation_writes import incarnation_of
from chalicelib.storage.s3.annotation_copies import AnnotationCopies, AnnotationCopy
from chalicelib.storage.s3.file_listing import FileListing, StoredObject


class AnnotationRestore:
    """Restores annotations."""

    def __init__(
        self,
        annotate: Annotate,
        copies: AnnotationCopies,
        listing: FileListing,
        orphans: Orphans,
        pool: Executor,
    ) -> None:
        self._annotate = annotate
        self._copies = copies
        self._listing = listing
        self._orphans = orphans
        self._pool = pool

    def run(
        self, objects: Sequence[StoredObject], under_way: Callable[[], UnderWay]
    ) -> list[Adoption | Refusal]:
        """Bring back what copies that no row names tell of: all copies of a resource have to be among them.

        A GET for each copy, a change of each resource, and what it takes to set a copy aside. Returns what became of
        each resource, and of each object that was none of its copies.
        """
        leaving = under_way()
        found = sorted(objects, key=lambda one: one.owner_id)
        groups = [list(group) for _, group in groupby(found, key=lambda one: one.owner_id)]
        outcomes: list[Adoption | Refusal] = []
        done: list[StoredObject] = []
        for some, copies in self._pool.map(lambda group: self._restore(group, leaving), groups):
            outcomes += some
            done += copies
        # One that was being written meanwhile may be named by now; one that is overtaken never will be.
        unknown = self._orphans.unknown(done) if done else []
        if unknown:
            self._listing.set_aside(unknown, self._pool)
        return outcomes

    def _restore(
        self, group: Sequence[StoredObject], leaving: UnderWay
    ) -> tuple[list[Adoption | Refusal], list[StoredObject]]:
        """What became of a resource, and the copies that have done their service."""
        outcomes: list[Adoption | Refusal] = []
        read: list[tuple[StoredObject, AnnotationCopy]] = []
        for one in group:
            try:
                copy = self._copies.get(one.key)
            except InexistentItem:
                outcomes.append(Adoption.LEAVING)
                continue
            except BadRequest as error:
                outcomes.append(Refusal(one.key, error.details))
                continue
            if copy.id != one.owner_id:
                outcomes.append(Refusal(one.key, "The annotations are of another resource than their key"))
            elif leaving.takes({copy.id}, one.key):
                outcomes.append(Adoption.LEAVING)
            else:
                read.append((one, copy))
        if not read:
            return outcomes, []
        outcome = self._apply([copy for _, copy in read])
        if outcome is None:
            return [*outcomes, Refusal(read[0][0].key, "There is no resource that has these annotations")], []
        return [*outcomes, outcome], [one for one, _ in read]

    def _apply(self, copies: Sequence[AnnotationCopy]) -> Adoption | None:
        """Give a resource the newest of its annotations, if they are newer than what it has; None if there is none."""
        latest = max(copies, key=lambda copy: copy.at).incarnation
        newest = max(
            (copy for copy in copies if copy.incarnation == latest), key=lambda copy: copy.annotations.version
        )
        outcome = Adoption.KEPT

        def edit(row: Row) -> Annotations:
            nonlocal outcome
            has = row.annotations
            is_same_life = incarnation_of(row) == newest.incarnation
            if newest.annotations.version > has.version if is_same_life else not has.version:
                outcome = Adoption.ADDED
                return replace(newest.annotations, numbers=has.numbers)
            outcome = Adoption.KEPT
            return has

        try:
            self._annotate.change(newest.level, newest.id, edit)
        except UnknownResource:
            return None
        return outcome
