"""Which files an archive has: found once, when it is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from chalicelib.domain.levels import Level
from chalicelib.domain.resources import Family, Instance, Resource
from chalicelib.services.archive.names import Folder, file_name
from chalicelib.services.browse import Node
from chalicelib.storage.dynamodb.index import Index

PIXELS_UNCOMPRESSED = frozenset(["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"])


def deflates(transfer_syntax: str) -> bool:
    """Whether a file of a transfer syntax is worth deflating."""
    return transfer_syntax in PIXELS_UNCOMPRESSED


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of an archive: its name, where it lies, its size in bytes, and whether it is worth deflating.

    The UIDs are those of a file that was transcoded.
    """

    name: str
    key: str
    size: int
    deflates: bool
    sop_instance_uid: str = ""
    transfer_syntax: str = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """An instance and the resources above it."""

    patient: Resource
    study: Resource
    series: Resource
    instance: Instance

    def entry(self, name: str) -> Entry:
        """The instance's file under a name."""
        file = self.instance.file
        return Entry(name, file.key, file.size, deflates(self.instance.metadata.get("TransferSyntax", "")))


@dataclass(slots=True)
class _Tree:
    """What is to be in the archive, by identifier: the series with their instances, and what is above them."""

    rows: dict[str, Resource]
    instances: dict[str, dict[str, Instance]]


class Plans:
    """Plans archives."""

    def __init__(self, index: Index, pool: Executor) -> None:
        self._index = index
        self._pool = pool

    def plan(self, nodes: Iterable[Node]) -> list[Placed]:
        """The instances of some resources, in Orthanc's order: by identifier at each level."""
        tree = _Tree({}, {})
        for node in nodes:
            self._add(tree, node)
        self._add_ancestors(tree)
        return list(_in_order(tree))

    def _add(self, tree: _Tree, node: Node) -> None:
        if isinstance(node, Instance):
            tree.instances.setdefault(node.series_id, {})[node.id] = node
            return
        families = [node]
        while families and families[0].resource.level is not Level.SERIES:
            children = [child.id for family in families for child in family.children]
            found = self._pool.map(self._index.family, children)
            families = [family for family in found if family is not None]
        for family in families:
            self._add_series(tree, family)

    def _add_series(self, tree: _Tree, series: Family) -> None:
        instances = self._index.instances([child.id for child in series.children])
        tree.instances.setdefault(series.resource.id, {}).update(instances)

    def _add_ancestors(self, tree: _Tree) -> None:
        wanted: Sequence[str] = list(tree.instances)
        while wanted:
            found = self._index.resources(wanted)
            tree.rows.update(found)
            wanted = list({row.parent_id for row in found.values() if row.parent_id})


def _in_order(tree: _Tree) -> Iterator[Placed]:
    """The instances, patient by patient, study by study, series by series, each by identifier."""
    series_rows = sorted((tree.rows[i] for i in tree.instances if i in tree.rows), key=lambda row: row.id)
    whole = []
    for series in series_rows:
        study = tree.rows.get(series.parent_id)
        patient = tree.rows.get(study.parent_id) if study else None
        if study is not None and patient is not None:  # else one of them was deleted meanwhile
            whole.append((patient, study, series))
    for patient, study, series in sorted(whole, key=lambda rows: [row.id for row in rows]):
        for instance in _ordered(tree.instances[series.id]):
            yield Placed(patient, study, series, instance)


def _ordered(instances: dict[str, Instance]) -> list[Instance]:
    """The instances of a series by their place in it, those without one last."""
    return sorted(instances.values(), key=lambda i: (i.index_in_series is None, i.index_in_series or 0, i.id))


def archive_entries(placed: Iterable[Placed]) -> list[Entry]:
    """The files of an archive: a folder for each patient, study and series."""
    folders: dict[str, Folder] = {}
    numbers: Counter[str] = Counter()
    root = Folder("")
    entries = []
    for p in placed:
        patient, study, series = p.patient.tags, p.study.tags, p.series.tags
        modality = series.get("Modality", "")
        for row, above, name, otherwise in (
            (p.patient, root, _two(patient, "PatientID", "PatientName"), "Unknown Patient"),
            (p.study, p.patient, _two(study, "AccessionNumber", "StudyDescription"), "Unknown Study"),
            (p.series, p.study, _two(series, "Modality", "SeriesDescription"), "Unknown Series"),
        ):
            if row.id not in folders:
                parent = above if isinstance(above, Folder) else folders[above.id]
                folders[row.id] = parent.folder(name, otherwise)
        numbers[p.series.id] += 1
        entries.append(p.entry(f"{folders[p.series.id].path}{file_name(modality, numbers[p.series.id])}"))
    return entries


def _two(tags: dict[str, str], one: str, other: str) -> str:
    return f"{tags.get(one, '')} {tags.get(other, '')}"
