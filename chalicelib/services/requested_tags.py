"""The tags a client asks for beside the main ones (`requestedTags`): from the index, computed, or from a file."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.domain.levels import Level
from chalicelib.domain.resources import Family, Instance
from chalicelib.services.browse import Browse, Node
from chalicelib.services.reading import Reading

COMPUTED = {
    "NumberOfPatientRelatedStudies": Level.PATIENT,
    "NumberOfPatientRelatedSeries": Level.PATIENT,
    "NumberOfPatientRelatedInstances": Level.PATIENT,
    "ModalitiesInStudy": Level.STUDY,
    "SOPClassesInStudy": Level.STUDY,
    "NumberOfStudyRelatedSeries": Level.STUDY,
    "NumberOfStudyRelatedInstances": Level.STUDY,
    "NumberOfSeriesRelatedInstances": Level.SERIES,
    "InstanceAvailability": Level.INSTANCE,
}


class RequestedTags:
    """Finds the values of requested tags."""

    def __init__(self, browse: Browse, reading: Reading) -> None:
        self._browse = browse
        self._reading = reading

    def of(self, node: Node, names: Sequence[str]) -> dict[str, str]:
        """The values of those tags (keywords) that the resource, its ancestors or one of its files has."""
        found: dict[str, str] = {}
        level = Level.INSTANCE if isinstance(node, Instance) else node.resource.level
        stored = self._stored(node)
        missing = []
        for name in names:
            if COMPUTED.get(name) is level:
                found[name] = self._compute(node, name)
            elif name in stored:
                found[name] = stored[name]
            elif name not in COMPUTED:
                missing.append(name)
        if missing:
            found |= self._from_file(node, level, missing)
        return found

    def _stored(self, node: Node) -> dict[str, str]:
        if isinstance(node, Instance):
            return node.tags
        return {**node.resource.patient_tags, **node.resource.tags}

    def _from_file(self, node: Node, level: Level, names: Sequence[str]) -> dict[str, str]:
        from chalicelib.dicom.maintags import MainValues, requested_tags

        if isinstance(node, Instance):
            instance: Instance | None = node
        else:
            instance = self._browse.some_instance(level, node.resource.id)
        if instance is None:
            return {}
        return requested_tags(MainValues(self._reading.header_of(instance), "Latin1"), names)

    def _compute(self, node: Node, name: str) -> str:
        if isinstance(node, Instance):
            return "ONLINE"
        level, identifier = node.resource.level, node.resource.id
        if name == "ModalitiesInStudy":
            return "\\".join(sorted({f.resource.tags.get("Modality", "") for f in self._series(node)} - {""}))
        if name == "SOPClassesInStudy":
            return "\\".join(sorted(self._sop_classes(node)))
        usage = self._browse.usage(level, identifier)
        if name.endswith("Studies"):
            return str(usage.studies)
        return str(usage.series if name.endswith("Series") else usage.instances)

    def _series(self, study: Family) -> list[Family]:
        nodes = self._browse.get_many(Level.SERIES, [child.id for child in study.children])
        return [node for node in nodes if isinstance(node, Family)]

    def _sop_classes(self, study: Family) -> set[str]:
        """One instance of each series tells its SOP class."""
        first = [series.children[0].id for series in self._series(study) if series.children]
        instances = self._browse.get_many(Level.INSTANCE, first)
        return {i.metadata.get("SopClassUid", "") for i in instances if isinstance(i, Instance)} - {""}
