"""The actions that change the index, to be put together into transactions.

Every secondary item (edge, listing, look-up) carries the incarnation it was made for, so that a delete of an
earlier incarnation can never take what a later one owns.
"""

from __future__ import annotations

from chalicelib.domain.levels import Level
from chalicelib.domain.resources import Child, Instance, Resource, level_of
from chalicelib.storage.dynamodb.annotation_items import version_condition
from chalicelib.storage.dynamodb.annotation_writes import AnnotationWrites
from chalicelib.storage.dynamodb.items import (
    document,
    edge_of,
    from_edge,
    from_instance,
    from_resource,
    number,
    text,
)
from chalicelib.storage.dynamodb.keys import Keys, digest
from chalicelib.storage.dynamodb.table import Item, Table

UID_KEYWORDS = {
    Level.STUDY: "StudyInstanceUID",
    Level.SERIES: "SeriesInstanceUID",
    Level.INSTANCE: "SOPInstanceUID",
}
TEXT_KEYWORDS = {
    Level.PATIENT: ("PatientID", "PatientName", "PatientBirthDate"),
    Level.STUDY: ("AccessionNumber", "StudyDate", "StudyDescription"),
    Level.SERIES: (),
}
"""The texts that are looked up by value, by beginning and by range."""


def normalise(value: str) -> str:
    """The form under which text is looked up: upper case, without accents, as Orthanc's identifiers."""
    import unicodedata

    decomposed = unicodedata.normalize("NFKD", value)
    return "".join(c for c in decomposed if not unicodedata.combining(c)).upper().strip()


class IndexWrites:
    """Makes the actions of one tenant; `annotations` makes those that annotate."""

    def __init__(self, table: Table, keys: Keys) -> None:
        self._table = table
        self._keys = keys
        self.annotations = AnnotationWrites(table, keys)

    def create(self, resource: Resource, replaced: Resource | None) -> list[Item]:
        """Create a patient, study or series; `replaced` is the dead row that stands in its place."""
        condition = "inc = :old" if replaced else "attribute_not_exists(pk)"
        values = {":old": text(replaced.incarnation)} if replaced else None
        actions = [
            self._table.put_action(from_resource(self._keys, resource), condition, values),
            *map(self._table.put_action, self.secondary(resource)),
        ]
        if resource.due is not None:
            actions.append(self.remind(resource, resource.due))
        return actions

    def secondary(self, row: Resource | Instance) -> list[Item]:
        """The items that lead to a row: the edge from its parent, its entry in the listing, its look-ups."""
        if isinstance(row, Instance):
            edge = edge_of(row)
            lookup = self._keys.uid(edge.lookup, Level.INSTANCE, row.id)
            return [
                from_edge(self._keys, row.series_id, edge),
                lookup | {"inc": text(row.series_incarnation)},
            ]
        owned = {"inc": text(row.incarnation)}
        items = [self._keys.listing(row.level, row.id) | owned]
        items += [key | owned for key in self._lookup_keys(row)]
        if row.parent_id:
            edge_key = self._keys.edge(row.parent_id, row.parent_incarnation, row.id)
            items.append(edge_key | {"cinc": text(row.incarnation)})
        return items

    def leading_to(self, row: Resource | Instance) -> list[Item]:
        """The secondary items of a row and the look-ups of its labels: all that is to be found by it."""
        level = level_of(row)
        labels: list[Item] = [self._keys.label(label, level, row.id) for label in row.annotations.labels]
        return [*self.secondary(row), *labels]

    def require(self, parent: Resource) -> Item:
        """Hold the transaction to a parent that is still the incarnation it was."""
        condition = "inc = :inc"
        return self._table.check_action(
            self._keys.resource(parent.id), condition, {":inc": text(parent.incarnation)}
        )

    def add(self, instance: Instance, replaced: Instance | None) -> list[Item]:
        """Add an instance to its series; `replaced` is the row that stands in its place."""
        condition = "f = :old" if replaced else "attribute_not_exists(pk)"
        values = {":old": text(replaced.file.key)} if replaced else None
        actions = [
            self._table.put_action(from_instance(self._keys, instance), condition, values),
            *map(self._table.put_action, self.secondary(instance)),
        ]
        if replaced:
            actions += self.annotations.unlabel(Level.INSTANCE, instance.id, replaced.annotations)
        return actions

    def remove(self, resource: Resource, *, keep_edge: bool = False) -> list[Item]:
        """Remove a patient, study or series with what refers to it; its children are left."""
        inc = {":inc": text(resource.incarnation)}
        mine = "attribute_not_exists(pk) OR inc = :inc"
        as_read, version = version_condition(resource.annotations)
        secondary = [self._keys.listing(resource.level, resource.id), *self._lookup_keys(resource)]
        actions = [
            self._table.delete_action(
                self._keys.resource(resource.id), f"inc = :inc AND {as_read}", inc | version
            ),
            *(self._table.delete_action(key, mine, inc) for key in secondary),
        ]
        if resource.parent_id and not keep_edge:
            edge = self._keys.edge(resource.parent_id, resource.parent_incarnation, resource.id)
            actions.append(self._table.delete_action(edge))
        if resource.due is not None:
            actions.append(
                self._table.delete_action(self._keys.due(resource.due, resource.level, resource.id))
            )
        return actions + self.annotations.unlabel(resource.level, resource.id, resource.annotations)

    def remove_instance(self, series_id: str, child: Child) -> list[Item]:
        """Remove an instance that still belongs to the incarnation its edge was made for."""
        inc = {":inc": text(child.parent_incarnation)}
        as_read, version = version_condition(child.annotations)
        return [
            self.cut(series_id, child),
            self._table.delete_action(
                self._keys.instance(child.id), f"pinc = :inc AND {as_read}", inc | version
            ),
            *self.annotations.unlabel(Level.INSTANCE, child.id, child.annotations),
            self._table.delete_action(
                self._keys.uid(child.lookup, Level.INSTANCE, child.id),
                "attribute_not_exists(pk) OR inc = :inc",
                inc,
            ),
        ]

    def cut(self, series_id: str, child: Child) -> Item:
        """Remove the edge to an instance, if it leads to the file we know."""
        edge = self._keys.edge(series_id, child.parent_incarnation, child.id)
        return self._table.delete_action(edge, "f = :f", {":f": text(child.file_key)})

    def remind(self, resource: Resource, due: int) -> Item:
        """Have the stability of a resource judged at `due` (seconds since the epoch)."""
        reminder = {"id": text(resource.id), "inc": text(resource.incarnation)}
        return self._table.put_action(self._keys.due(due, resource.level, resource.id) | reminder)

    def wake(self, resource: Resource, due: int) -> list[Item]:
        """Make a stable resource unstable until it is judged at `due`."""
        expression = "SET st = :no, due = :due"
        values = {
            ":no": {"BOOL": False},
            ":yes": {"BOOL": True},
            ":due": number(due),
            ":inc": text(resource.incarnation),
        }
        condition = "inc = :inc AND st = :yes"
        key = self._keys.resource(resource.id)
        return [
            self._table.update_action(key, expression, values, None, condition),
            self.remind(resource, due),
        ]

    def touch(self, resource: Resource, at: float) -> Item:
        """Keep the time (epoch seconds) at which an instance last arrived below a resource."""
        values = {":at": number(at), ":inc": text(resource.incarnation)}
        key = self._keys.resource(resource.id)
        return self._table.update_action(key, "SET lu = :at", values, None, "inc = :inc AND lu < :at")

    def complete(self, series: Resource, newest: int, change_number: int) -> Item:
        """Mark a series as completed by its newest instance (that one's change number), once for each such."""
        values = {
            ":newest": number(newest),
            ":inc": text(series.incarnation),
            ":seq": {"NS": [str(change_number)]},
        }
        condition = "inc = :inc AND (attribute_not_exists(done) OR done < :newest)"
        key = self._keys.resource(series.id)
        return self._table.update_action(key, "SET done = :newest ADD seq :seq", values, None, condition)

    def postpone(self, resource: Resource, due: int, later: int) -> list[Item]:
        """Have a resource judged `later` than it was `due`."""
        values = {":due": number(due), ":later": number(later), ":inc": text(resource.incarnation)}
        key = self._keys.resource(resource.id)
        return [
            self._table.update_action(key, "SET due = :later", values, None, "inc = :inc AND due = :due"),
            self._table.delete_action(self._keys.due(due, resource.level, resource.id)),
            self.remind(resource, later),
        ]

    def settle(self, resource: Resource, due: int, change_number: int) -> list[Item]:
        """Mark a resource as stable, unless anything has arrived below it since it was read."""
        values = {
            ":yes": {"BOOL": True},
            ":due": number(due),
            ":lu": number(resource.last_update),
            ":inc": text(resource.incarnation),
            ":seq": {"NS": [str(change_number)]},
        }
        key = self._keys.resource(resource.id)
        expression = "SET st = :yes REMOVE due ADD seq :seq"
        condition = "inc = :inc AND due = :due AND lu = :lu"
        return [
            self._table.update_action(key, expression, values, None, condition),
            self._table.delete_action(self._keys.due(due, resource.level, resource.id)),
        ]

    def begin_deletion(self, identifier: str, incarnation: str, body: dict[str, object]) -> Item:
        """Record a delete that is to be finished even if this process dies."""
        return self._table.put_action(self._keys.deletion(identifier, incarnation) | {"d": document(body)})

    def _lookup_keys(self, resource: Resource) -> list[dict[str, dict[str, str]]]:
        keys = []
        uid_keyword = UID_KEYWORDS.get(resource.level)
        if uid_keyword:
            uid = resource.tags.get(uid_keyword, "")
            keys.append(self._keys.uid(digest(uid), resource.level, resource.id))
        for keyword in TEXT_KEYWORDS[resource.level]:
            value = resource.tags.get(keyword)
            if value is not None:
                keys.append(self._keys.text(keyword, normalise(value), resource.id))
        return keys
