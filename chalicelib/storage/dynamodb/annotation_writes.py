"""The actions that annotate resources, to be put together into transactions."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.annotations import Annotations
from chalicelib.domain.levels import Level
from chalicelib.domain.resources import Instance, Resource, level_of
from chalicelib.storage.dynamodb.annotation_items import from_annotations, version_condition
from chalicelib.storage.dynamodb.items import text
from chalicelib.storage.dynamodb.keys import Keys
from chalicelib.storage.dynamodb.table import Item, Table


def incarnation_of(row: Resource | Instance) -> str:
    """The incarnation of a resource, of an instance that of its series."""
    return row.series_incarnation if isinstance(row, Instance) else row.incarnation


class AnnotationWrites:
    """Makes the actions of one tenant."""

    def __init__(self, table: Table, keys: Keys) -> None:
        self._table = table
        self._keys = keys

    def annotate(self, row: Resource | Instance, new: Annotations) -> list[Item]:
        """Replace the annotations of a resource that is still as it was read."""
        old = row.annotations
        level = level_of(row)
        values = {f":{name}": value for name, value in from_annotations(new).items()}
        values = {":new_an": values[":an"], ":new_av": values[":av"]}
        expression = "SET an = :new_an, av = :new_av"
        condition, known = version_condition(old)
        condition = f"{'pinc' if isinstance(row, Instance) else 'inc'} = :inc AND {condition}"
        key = self._keys.row(level, row.id)
        actions = [
            self._table.update_action(
                key, expression, values | known | {":inc": text(incarnation_of(row))}, None, condition
            )
        ]
        if isinstance(row, Instance):
            actions += self._annotate_edge(row, expression, values)
        for label in set(new.labels) - set(old.labels):
            actions.append(self._table.put_action(self._keys.label(label, level, row.id)))
            actions.append(self._table.put_action(self._keys.known_label(label)))
        return actions + self.unlabel(
            level, row.id, replace(old, labels=tuple(set(old.labels) - set(new.labels)))
        )

    def unlabel(self, level: Level, identifier: str, annotations: Annotations) -> list[Item]:
        """Remove the look-ups of a resource's labels."""
        return [
            self._table.delete_action(self._keys.label(label, level, identifier))
            for label in annotations.labels
        ]

    def _annotate_edge(self, instance: Instance, expression: str, values: Item) -> list[Item]:
        """The edge tells a delete what to take along; once the series is gone, it must not change any more."""
        edge = self._keys.edge(instance.series_id, instance.series_incarnation, instance.id)
        series = self._keys.resource(instance.series_id)
        living = {":inc": text(instance.series_incarnation)}
        return [
            self._table.update_action(edge, expression, values, None, "attribute_exists(pk)"),
            self._table.check_action(series, "inc = :inc", living),
        ]
