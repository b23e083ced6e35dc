"""Read the main tags of resources, and all else that the index took from their files, anew from the files.

That is needed after a change of what the index keeps, and of options that it depends on (`DefaultEncoding`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import replace
from io import BytesIO
from itertools import islice

from chalicelib.domain.errors import BadRequest, InexistentItem, InexistentTag, Unavailable, UnknownResource
from chalicelib.domain.levels import Level
from chalicelib.domain.resources import Instance, Resource
from chalicelib.services.description import Description, describe
from chalicelib.storage.dynamodb.errors import ConditionFailed, Conflict
from chalicelib.storage.dynamodb.index import Index
from chalicelib.storage.dynamodb.keys import SHARDS
from chalicelib.storage.dynamodb.revise import Row, revise_actions
from chalicelib.storage.dynamodb.table import backoff
from chalicelib.storage.dynamodb.writes import IndexWrites
from chalicelib.storage.s3.files import FileStore

CHUNK = 200
MAX_ATTEMPTS = 8


class Reconstruct:
    """Reconstructs resources. Each instance costs a ranged GET of its header, and a write if it changes."""

    def __init__(
        self,
        index: Index,
        writes: IndexWrites,
        files: FileStore,
        pool: Executor,
        *,
        default_encoding: Callable[[], str],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._index = index
        self._writes = writes
        self._files = files
        self._pool = pool
        self._default_encoding = default_encoding
        self._sleep = sleep

    def instance(self, identifier: str) -> None:
        """Reconstruct an instance, and what is above it; raises `UnknownResource` if there is none."""
        instance = self._index.instance(identifier)
        if instance is None:
            raise UnknownResource
        description = self._reconstruct(instance)
        if description is not None:
            for level in (Level.SERIES, Level.STUDY, Level.PATIENT):
                self._revise_resource(instance.ancestor(level), description)

    def level_alone(self, identifier: str) -> None:
        """Reconstruct a patient, study or series from one of its instances, and nothing below or above it."""
        resource = self._index.resource(identifier)
        if resource is None:
            raise UnknownResource
        first = next(iter(self.series_of(resource)), None)
        family = self._index.family(first) if first else None
        if family is None:
            raise UnknownResource
        instance = self._index.instance(family.children[0].id)
        description = self._describe(instance) if instance is not None else None
        if description is not None:
            self._revise_resource(identifier, description)

    def series(self, identifier: str) -> Iterator[int]:
        """Reconstruct the instances of a series, some at a time, and what they are the first of; yields how many.

        What is above a series takes its tags from the first instance of its first series, by identifier.
        """
        family = self._index.family(identifier)
        if family is None:
            return
        children = iter(family.children)
        is_first = True
        while chunk := list(islice(children, CHUNK)):
            instances = self._index.instances([child.id for child in chunk])
            ordered = [instances[child.id] for child in chunk if child.id in instances]
            described = list(self._pool.map(self._reconstruct_readable, ordered))
            first = next((one for one in described if one is not None), None)
            if is_first and first is not None:
                is_first = False
                self._revise_above(family.resource, first)
            yield len(chunk)

    def series_of(self, resource: Resource) -> list[str]:
        """The series of a resource above instances, in the order of their identifiers."""
        if resource.level is Level.SERIES:
            return [resource.id]
        below = [child.id for child in self._index.children(resource.id, resource.incarnation)]
        found = self._index.resources(below).values()
        return sorted(identifier for child in found for identifier in self.series_of(child))

    def all_series(self, after: str) -> Iterator[str]:
        """All series behind an identifier, in order."""
        for shard in SHARDS:
            if shard >= after[:1]:
                yield from self._index.list_shard(Level.SERIES, shard, after if shard == after[:1] else None)

    def _revise_above(self, series: Resource, description: Description) -> None:
        self._revise_resource(series.id, description)
        child = series
        while child.parent_id:
            family = self._index.family(child.parent_id)
            if family is None or family.children[0].id != child.id:
                return
            self._revise_resource(family.resource.id, description)
            child = family.resource

    def _reconstruct_readable(self, instance: Instance) -> Description | None:
        """As `_reconstruct`; a file that cannot be read any more stops nothing, its entry stays as it is."""
        try:
            return self._reconstruct(instance)
        except (BadRequest, InexistentTag):
            return None

    def _reconstruct(self, instance: Instance) -> Description | None:
        """Revise an instance; None if it has been deleted."""
        description = self._describe(instance)
        if description is not None:
            self._revise(lambda: self._index.instance(instance.id), lambda row: _revised(row, description))
        return description

    def _describe(self, instance: Instance) -> Description | None:
        file = instance.file
        try:
            header = self._files.get_range(file.key, 0, file.header_length)
        except InexistentItem:
            return None
        return describe(BytesIO(header), file.size, file.md5, self._default_encoding())

    def _revise_resource(self, identifier: str, description: Description) -> None:
        self._revise(
            lambda: self._index.resource(identifier),
            lambda row: _revised(row, description),
        )

    def _revise(self, read: Callable[[], Row | None], change: Callable[[Row], Row]) -> None:
        """Change a row that others may be changing."""
        for attempt in range(MAX_ATTEMPTS):
            row = read()
            if row is None:
                return
            actions = revise_actions(self._index.table, self._index.keys, self._writes, row, change(row))
            try:
                if actions:
                    self._index.table.transact(actions)
            except (ConditionFailed, Conflict):
                self._sleep(backoff(attempt))
            else:
                return
        raise Unavailable("The index is busy")


def _revised(row: Row, description: Description) -> Row:
    """The row as an upload of the file would make it now."""
    if isinstance(row, Instance):
        return replace(
            row,
            tags=description.tags[Level.INSTANCE],
            metadata={**row.metadata, **description.metadata},
            index_in_series=description.index_in_series,
            file=replace(
                row.file,
                pixel_data_offset=description.pixel_data_offset,
                first_frame_end=description.first_frame_end,
            ),
        )
    return replace(
        row,
        tags=description.tags[row.level],
        patient_tags=description.patient_tags if row.level is Level.STUDY else {},
        expected_instances=description.expected_instances if row.level is Level.SERIES else None,
    )
