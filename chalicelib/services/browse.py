"""Find one's way in the tree: resources, their relatives, and look-ups by DICOM identifier."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from chalicelib.domain.errors import UnknownResource
from chalicelib.domain.levels import Level
from chalicelib.domain.resources import Family, Instance
from chalicelib.storage.dynamodb.index import Index
from chalicelib.storage.dynamodb.writes import normalise

Node = Family | Instance
"""A resource as it is read: a patient, study or series with its children, or an instance."""


def id_of(node: Node) -> str:
    """The identifier of a resource."""
    return node.id if isinstance(node, Instance) else node.resource.id


def level_of(node: Node) -> Level:
    """The level of a resource."""
    return Level.INSTANCE if isinstance(node, Instance) else node.resource.level


@dataclass(frozen=True, slots=True)
class Usage:
    """How much lies below a resource; counts of levels that do not lie below it are 0."""

    studies: int = 0
    series: int = 0
    instances: int = 0
    size: int = 0


class Browse:
    """Reads the tree."""

    def __init__(self, index: Index, pool: Executor) -> None:
        self._index = index
        self._pool = pool

    def get(self, level: Level, identifier: str) -> Node:
        """A resource by its identifier. One query.

        Raises
        ------
        UnknownResource
            There is none at this level.
        """
        node = self._find(level, identifier)
        if node is None:
            raise UnknownResource
        return node

    def get_many(self, level: Level, identifiers: Sequence[str]) -> list[Node]:
        """Those of the resources that exist, in the order asked for."""
        if level is Level.INSTANCE:
            found = self._index.instances(identifiers)
            return [found[identifier] for identifier in identifiers if identifier in found]
        families = self._pool.map(self._index.family, identifiers)
        return [family for family in families if family is not None]

    def ancestor(self, level: Level, identifier: str, target: Level) -> Node:
        """The ancestor of a resource at a level above it."""
        node = self.get(level, identifier)
        if isinstance(node, Instance):
            return self.get(target, node.ancestor(target))
        parent_id = node.resource.parent_id
        if level - target == 1:
            return self.get(target, parent_id)
        return self.ancestor(Level(level - 1), parent_id, target)

    def descendants(self, level: Level, identifier: str, target: Level) -> list[str]:
        """The identifiers of all descendants of a resource at a level below it, in order within each parent."""
        node = self.get(level, identifier)
        if isinstance(node, Instance):
            raise UnknownResource
        return sorted(
            child.id for family in self._families_above([node], target) for child in family.children
        )

    def descendants_of(self, level: Level, identifiers: Sequence[str], target: Level) -> list[str]:
        """As `descendants`, of several resources one after the other; one that does not exist has none."""
        families = [node for node in self.get_many(level, identifiers) if isinstance(node, Family)]
        above = self._families_above([f for f in families if f.resource.level is level], target)
        return [
            identifier for family in above for identifier in sorted(child.id for child in family.children)
        ]

    def some_instance(self, level: Level, identifier: str) -> Instance | None:
        """One instance of a resource, to read from its file what all of them share."""
        node: Node = self.get(level, identifier)
        while isinstance(node, Family):
            if not node.children:
                return None
            child_level = Level(node.resource.level + 1)
            found = self._find(child_level, node.children[0].id)
            if found is None:
                return None
            node = found
        return node

    def usage(self, level: Level, identifier: str) -> Usage:
        """How much lies below a resource; reads the edges below it, no instance."""
        node = self.get(level, identifier)
        if isinstance(node, Instance):
            return Usage(size=node.file.size)
        counts = {Level.STUDY: 0, Level.SERIES: 0, Level.INSTANCE: 0}
        families = [node]
        for child_level in list(Level)[level + 1 :]:
            counts[child_level] = sum(len(family.children) for family in families)
            if child_level is not Level.INSTANCE:
                families = self._children(families)
        size = sum(child.size for family in families for child in family.children)
        return Usage(counts[Level.STUDY], counts[Level.SERIES], counts[Level.INSTANCE], size)

    def lookup(self, value: str) -> list[tuple[Level, str]]:
        """The resources that carry a PatientID (in any case) or a Study, Series or SOP Instance UID."""
        if not value:
            return []
        patients = self._index.lookup_text("PatientID", normalise(value))
        return sorted({*self._index.lookup_uid(value), *((Level.PATIENT, found) for found in patients)})

    def _find(self, level: Level, identifier: str) -> Node | None:
        if level is Level.INSTANCE:
            return self._index.instance(identifier)
        family = self._index.family(identifier)
        return family if family is not None and family.resource.level is level else None

    def _families_above(self, families: list[Family], target: Level) -> list[Family]:
        """The families whose children are at `target`."""
        while families and families[0].resource.level + 1 < target:
            families = self._children(families)
        return families

    def _children(self, families: Iterable[Family]) -> list[Family]:
        identifiers = [child.id for family in families for child in family.children]
        found = self._pool.map(self._index.family, identifiers)
        return [family for family in found if family is not None]
