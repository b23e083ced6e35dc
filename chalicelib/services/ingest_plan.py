"""What one transaction must write so that an instance and its missing ancestors appear, all or nothing."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.domain.changes import NEW
from chalicelib.domain.clock import orthanc_time
from chalicelib.domain.levels import Level
from chalicelib.domain.resources import Instance, Resource, StoredFile
from chalicelib.services.description import Description
from chalicelib.storage.dynamodb.items import edge_of
from chalicelib.storage.dynamodb.log import SequencedLog
from chalicelib.storage.dynamodb.table import Item
from chalicelib.storage.dynamodb.writes import IndexWrites
from chalicelib.storage.s3.files import FileName


@dataclass(frozen=True, slots=True)
class Lineage:
    """The rows found for the four levels of a file, and which of them form a living chain from the patient."""

    rows: tuple[Resource | None, ...]
    instance: Instance | None
    live: tuple[Resource, ...]

    @classmethod
    def of(cls, rows: Sequence[Resource | None], instance: Instance | None) -> Lineage:
        """Judge the rows of patient, study and series, top down."""
        live: list[Resource] = []
        for row in rows:
            if row is None or (live and row.parent_incarnation != live[-1].incarnation):
                break
            live.append(row)
        return cls(tuple(rows), instance, tuple(live))

    @property
    def missing_levels(self) -> int:
        """How many of patient, study and series have to be created."""
        return Level.INSTANCE - len(self.live)

    @property
    def sleepers(self) -> list[Resource]:
        """The living ancestors that are stable, and will not be once the instance is there."""
        return [row for row in self.live if row.is_stable]

    @property
    def is_whole(self) -> bool:
        """Whether the instance is there and all its ancestors live."""
        return self.live_instance is not None

    @property
    def live_instance(self) -> Instance | None:
        """The instance, if it belongs to the living series."""
        if self.instance is None or self.missing_levels:
            return None
        return self.instance if self.instance.series_incarnation == self.live[-1].incarnation else None


@dataclass(frozen=True, slots=True)
class Plan:
    """The actions of a transaction; `claims` tells which position claims which number of the changes log."""

    actions: list[Item]
    claims: dict[int, int]


@dataclass(frozen=True, slots=True)
class PlanMaker:
    """Puts transactions together; `due` is when the stability of new resources is judged (epoch seconds)."""

    writes: IndexWrites
    changes: SequencedLog
    due: int
    trimmed: int
    keeps_files: bool = False
    """Whether the file of an instance whose place is taken stays in the bucket: all files were found there.

    Then the entry in the log tells when the file was put there, for the times of the resources above.
    """

    def plan(
        self, lineage: Lineage, description: Description, instance: Instance, numbers: Sequence[int]
    ) -> Plan:
        """Place an instance; numbers that are not needed are given back in the same transaction.

        The entries stand in Orthanc's order: the instance, then its new ancestors upward.
        """
        created = _create_ancestors(lineage, description, numbers, self.due, instance)
        chain = [*lineage.live, *created]
        placed = replace(instance, series_incarnation=chain[-1].incarnation, change_number=numbers[0])
        entry = _entry(placed, _taken_over(lineage, placed))
        if self.keeps_files:
            entry["at"] = placed.stored_at
        actions = [self.changes.put_action(numbers[0], NEW[Level.INSTANCE], entry)]
        for resource in reversed(created):
            body = {"id": resource.id, "was": int(lineage.rows[resource.level] is not None)}
            actions.append(self.changes.put_action(resource.change_numbers[0], NEW[resource.level], body))
        actions += [self.changes.seal_action(number) for number in numbers[len(actions) :]]
        for resource in created:
            actions += self._create(resource, lineage.rows[resource.level])
        if created and lineage.live:
            actions.append(self.writes.require(lineage.live[-1]))
        actions += self.writes.add(placed, lineage.instance)
        actions += self._leave(lineage, placed)
        return Plan(actions, dict(enumerate(numbers)))

    def _create(self, resource: Resource, dead: Resource | None) -> list[Item]:
        killed = self.changes.kill_actions(dead.change_numbers, self.trimmed) if dead else []
        return self.writes.create(resource, dead) + killed

    def _leave(self, lineage: Lineage, placed: Instance) -> list[Item]:
        """Take what the instance leaves behind out of the index: an overwritten file, or a dead series' edge."""
        before = _taken_over(lineage, placed)
        if before is None:
            return []
        actions = self.changes.kill_actions([before.change_number, *before.annotations.numbers], self.trimmed)
        if before.file.key == placed.file.key:
            return [*actions, self.writes.cut(before.series_id, edge_of(before))]
        if self.keeps_files:
            return actions
        record: dict[str, object] = {
            "id": before.id,
            "incarnation": before.file.uuid,
            "files": [before.file.key, *before.annotations.file_keys],
        }
        return [*actions, self.writes.begin_deletion(before.id, before.file.uuid, record)]


def new_instance(
    description: Description, name: FileName, metadata: dict[str, str], stored_at: float
) -> Instance:
    """The instance of a described file, not yet placed in a series; `stored_at` in epoch seconds."""
    patient, study, series, instance = description.identifiers
    return Instance(
        id=instance,
        series_id=series,
        study_id=study,
        patient_id=patient,
        series_incarnation="",
        tags=description.tags[Level.INSTANCE],
        metadata={**description.metadata, "ReceptionDate": orthanc_time(stored_at), **metadata},
        file=StoredFile(
            key=name.key,
            uuid=name.uuid,
            size=description.size,
            md5=description.md5,
            header_length=description.header_length,
            pixel_data_offset=description.pixel_data_offset,
            first_frame_end=description.first_frame_end,
        ),
        sop_instance_uid=description.sop_instance_uid,
        index_in_series=description.index_in_series,
        change_number=0,
        stored_at=stored_at,
    )


def _create_ancestors(
    lineage: Lineage, description: Description, numbers: Sequence[int], due: int, first: Instance
) -> list[Resource]:
    """The patient, study and series that are missing for their first instance."""
    created: list[Resource] = []
    parent = lineage.live[-1] if lineage.live else None
    for level in list(Level)[len(lineage.live) : Level.INSTANCE]:
        own = {"RemoteAET": first.metadata.get("RemoteAET", "")} if level is Level.SERIES else {}
        parent = Resource(
            level=level,
            id=description.identifiers[level],
            incarnation=secrets.token_hex(6),
            parent_id=parent.id if parent else "",
            parent_incarnation=parent.incarnation if parent else "",
            tags=description.tags[level],
            patient_tags=description.patient_tags if level is Level.STUDY else {},
            metadata=own | description.made_from.get(level, {}),
            expected_instances=description.expected_instances if level is Level.SERIES else None,
            last_update=first.stored_at,
            due=due,
            change_numbers=(numbers[Level.INSTANCE - level],),
        )
        created.append(parent)
    return created


def _entry(instance: Instance, overwritten: Instance | None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": instance.id,
        "up": [instance.patient_id, instance.study_id, instance.series_id],
        "inc": instance.series_incarnation,
        "n": instance.file.size,
    }
    if overwritten is not None:
        body["was"] = overwritten.file.size
    return body


def _taken_over(lineage: Lineage, placed: Instance) -> Instance | None:
    """The instance whose place, or whose file, the placed one takes: its edge will not be deleted by others."""
    before = lineage.instance
    if before is None or lineage.live_instance is not None or before.file.key == placed.file.key:
        return before
    return None
