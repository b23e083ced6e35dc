"""Reading the index: rows, families, listings and look-ups, all strongly consistent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from chalicelib.domain.levels import Level
from chalicelib.domain.resources import Child, Family, Instance, Resource
from chalicelib.storage.dynamodb.items import is_edge, kind_of, to_child, to_instance, to_resource
from chalicelib.storage.dynamodb.keys import EDGE, ROW, Keys, cut, digest
from chalicelib.storage.dynamodb.table import Item, Table

IDENTIFIER_LENGTH = 44
"""Of Orthanc's identifiers. A longer one is nobody's, and DynamoDB refuses to look for it."""

BEYOND_ANY_TEXT = "\U0010ffff"
"""Sorts behind every value."""


class Index:
    """The index of one tenant."""

    def __init__(self, table: Table, keys: Keys) -> None:
        self.table = table
        self.keys = keys

    def family(self, identifier: str) -> Family | None:
        """A patient, study or series with its children. One query for each megabyte."""
        if len(identifier) > IDENTIFIER_LENGTH:
            return None
        items = list(self.table.query(self.keys.resource_partition(identifier)))
        if not items or items[0]["sk"]["S"] != ROW:
            return None
        resource = to_resource(items[0])
        children = (to_child(item) for item in items[1:] if is_edge(item))
        return Family(resource, tuple(c for c in children if c.parent_incarnation == resource.incarnation))

    def children(self, parent: str, incarnation: str, limit: int | None = None) -> Iterator[Child]:
        """The children of one incarnation of a resource, whether it still exists or not."""
        partition = self.keys.resource_partition(parent)
        for item in self.table.query(partition, prefix=f"{EDGE}{incarnation}#", limit=limit):
            yield to_child(item)

    def instance(self, identifier: str) -> Instance | None:
        """An instance by its identifier. One call."""
        if len(identifier) > IDENTIFIER_LENGTH:
            return None
        item = self.table.get(self.keys.instance(identifier))
        return to_instance(item) if item else None

    def resource(self, identifier: str) -> Resource | None:
        """A patient, study or series without its children. One call."""
        if len(identifier) > IDENTIFIER_LENGTH:
            return None
        item = self.table.get(self.keys.resource(identifier))
        return to_resource(item) if item else None

    def instances(self, identifiers: Sequence[str]) -> dict[str, Instance]:
        """Those of the instances that exist. One call per hundred."""
        items = self.table.batch_get([self.keys.instance(identifier) for identifier in identifiers])
        return {instance.id: instance for instance in map(to_instance, items)}

    def resources(self, identifiers: Iterable[str]) -> dict[str, Resource]:
        """Those of the patients, studies and series that exist. One call per hundred."""
        items = self.table.batch_get([self.keys.resource(identifier) for identifier in identifiers])
        return {resource.id: resource for resource in map(to_resource, items)}

    def lineage(self, identifiers: Sequence[str]) -> tuple[list[Resource | None], Instance | None]:
        """The patient, study, series and instance with these identifiers, in one call."""
        *above, instance_id = identifiers
        keys = [self.keys.resource(identifier) for identifier in above]
        items = self.table.batch_get([*keys, self.keys.instance(instance_id)])
        instance: Instance | None = None
        found: dict[str, Resource] = {}
        for item in items:
            if item["sk"]["S"] == ROW:
                resource = to_resource(item)
                found[resource.id] = resource
            else:
                instance = to_instance(item)
        return [found.get(identifier) for identifier in above], instance

    def items(self, segment: int = 0, segments: int = 1) -> Iterator[Item]:
        """All items of the tenant in one of several segments of the table: for maintenance alone."""
        mine = self.keys.partition("")
        return (item for item in self.table.scan(segment, segments) if item["pk"]["S"].startswith(mine))

    def rows(self, segment: int = 0, segments: int = 1) -> Iterator[Resource | Instance]:
        """All resources in one of several segments of the table: for maintenance alone."""
        for item in self.items(segment, segments):
            kind = kind_of(item)
            if kind == "i":
                yield to_instance(item)
            elif kind == "r" and item["sk"]["S"] == ROW:
                yield to_resource(item)

    def list_shard(
        self,
        level: Level,
        shard: str,
        after: str | None = None,
        limit: int | None = None,
        first: int | None = None,
    ) -> Iterator[str]:
        """Identifiers of one shard of a level's listing, in order."""
        partition = self.keys.listing_partition(level, shard)
        for item in self.table.query(partition, after=after, limit=limit, first=first):
            yield item["sk"]["S"]

    def lookup_uid(self, uid: str) -> list[tuple[Level, str]]:
        """The studies, series and instances that carry this UID. One query."""
        found = []
        for item in self.table.query(self.keys.partition("u", digest(uid))):
            level, identifier = item["sk"]["S"].split("#", 1)
            found.append((Level(int(level)), identifier))
        return found

    def lookup_text(self, keyword: str, value: str, first: int | None = None) -> Iterator[str]:
        """The resources whose normalised value of a text tag is exactly this; `first` as in `Table.query`."""
        prefix = f"{cut(value)}\0"
        for item in self.table.query(self.keys.partition("x", keyword), prefix=prefix, first=first):
            yield item["sk"]["S"][len(prefix) :]

    def texts_with_prefix(
        self, keyword: str, prefix: str, first: int | None = None
    ) -> Iterator[tuple[str, str]]:
        """The normalised values of a text tag that begin with `prefix`, in order, each with its resource."""
        partition = self.keys.partition("x", keyword)
        return self._texts(self.table.query(partition, prefix=cut(prefix), first=first))

    def texts_between(
        self, keyword: str, low: str, high: str, first: int | None = None
    ) -> Iterator[tuple[str, str]]:
        """The normalised values of a text tag from `low` to `high`, both included; an empty end is open."""
        until = f"{cut(high)}\0~" if high else BEYOND_ANY_TEXT
        partition = self.keys.partition("x", keyword)
        return self._texts(self.table.query(partition, after=cut(low), until=until, first=first))

    def _texts(self, items: Iterator[Item]) -> Iterator[tuple[str, str]]:
        for item in items:
            value, identifier = item["sk"]["S"].rsplit("\0", 1)
            yield value, identifier

    def known_labels(self) -> list[str]:
        """Every label that was ever used, in order."""
        return [item["sk"]["S"] for item in self.table.query(self.keys.partition("labels"))]

    def is_label_used(self, label: str) -> bool:
        """Whether a resource has the label."""
        return any(True for _ in self.table.query(self.keys.label_partition(label), limit=1))

    def labelled(self, label: str, level: Level, first: int | None = None) -> Iterator[str]:
        """The resources of a level that have a label."""
        prefix = f"{int(level)}#"
        for item in self.table.query(self.keys.label_partition(label), prefix=prefix, first=first):
            yield item["sk"]["S"][len(prefix) :]
