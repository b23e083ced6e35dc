"""The metadata of resources, under Orthanc's names: the store's own, and what users define."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.domain.annotations import Annotations, Value
from chalicelib.domain.changes import ChangeType
from chalicelib.domain.clock import orthanc_time
from chalicelib.domain.errors import AbsentElement, UnknownResource
from chalicelib.domain.levels import Level
from chalicelib.domain.main_dicom_tags import signature
from chalicelib.domain.resources import Family, Instance, Resource
from chalicelib.services.annotate import Annotate, Row
from chalicelib.services.annotation_names import Names
from chalicelib.services.browse import Browse, Node
from chalicelib.services.revisions import Revision, check

IS_MISSING = 'HTTP header "If-Match" is missing, as "CheckRevisions" is "true"'


def last_update(family: Family) -> float:
    """When an instance last arrived below a resource, in seconds since the epoch."""
    return max((child.stored_at for child in family.children), default=0.0) or family.resource.last_update


def metadata_of(row: Resource | Instance, names: Names) -> dict[str, str]:
    """All metadata of a row, by name."""
    own = row.metadata
    if isinstance(row, Resource):
        own = {
            "LastUpdate": orthanc_time(row.last_update),
            "MainDicomTagsSignature": signature(row.level),
            **row.metadata,
        }
    return own | {names.name(number): value.shown for number, value in row.annotations.metadata.items()}


def metadata_of_node(node: Node, names: Names) -> dict[str, str]:
    """As `metadata_of`, of a resource with its children."""
    if isinstance(node, Instance):
        return metadata_of(node, names)
    return metadata_of(node.resource, names) | {"LastUpdate": orthanc_time(last_update(node))}


@dataclass(frozen=True, slots=True)
class Metadata:
    """Reads metadata, and changes what users may change.

    With `check_revisions` (option `CheckRevisions`), whoever changes something has to know its revision.
    """

    annotate: Annotate
    browse: Browse
    names: Names
    check_revisions: bool

    def all(self, level: Level, identifier: str) -> dict[str, str]:
        """All metadata of a resource by name, in the order of their numbers. One query."""
        found = metadata_of_node(self.browse.get(level, identifier), self.names)
        return dict(sorted(found.items(), key=lambda item: self.names.number(item[0])))

    def get(self, level: Level, identifier: str, name: str) -> tuple[bytes, Revision]:
        """A value, and its revision.

        Raises
        ------
        UnknownResource, InexistentItem
            There is no such resource, or no such name.
        AbsentElement
            The resource has no such metadata.
        """
        number = self.names.number(name)
        node = self.browse.get(level, identifier)
        text = metadata_of_node(node, self.names).get(self.names.name(number))
        if text is None:
            raise AbsentElement
        row = node if isinstance(node, Instance) else node.resource
        value = row.annotations.metadata.get(number) or Value(text)
        return value.data, _revision(value)

    def put(self, level: Level, identifier: str, name: str, data: bytes, known: Revision | None) -> Revision:
        """Set a value, any bytes; returns its revision.

        Raises
        ------
        Forbidden
            The name is the store's own.
        BadRevision
            The value is not the one that the client knows.
        """
        number = self.names.user_number(name)

        def edit(row: Row) -> Annotations:
            there = row.annotations.metadata.get(number)
            check(_revision(there) if there else None, known, is_required=self.check_revisions)
            return row.annotations.with_value(number, Value.of(data, there.revision + 1 if there else 0))

        new = self.annotate.change(level, identifier, edit, ChangeType.UPDATED_METADATA)
        return _revision(new.metadata[number])

    def delete(self, level: Level, identifier: str, name: str, known: Revision | None) -> None:
        """Remove a value; raises as `put` does, and `UnknownResource` if it is not there."""
        number = self.names.user_number(name)

        def edit(row: Row) -> Annotations:
            there = row.annotations.metadata.get(number)
            if there is None:
                raise UnknownResource
            check(_revision(there), known, is_required=self.check_revisions, details=IS_MISSING)
            return row.annotations.with_value(number, None)

        self.annotate.change(level, identifier, edit, ChangeType.UPDATED_METADATA)


def _revision(value: Value) -> Revision:
    return Revision(value.revision, value.md5)
