"""What is asked of a modification, as Orthanc's `/modify` takes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.dicom.dictionary import STANDARD, Dictionary
from chalicelib.dicom.file_parts import SOP_INSTANCE_UID
from chalicelib.dicom.identifiers import patient_identifier
from chalicelib.dicom.modification.paths import TagPath, parse_path
from chalicelib.dicom.scanner import MAXIMUM_DEPTH
from chalicelib.domain.errors import BadFileFormat, BadRequest
from chalicelib.domain.levels import Level

PATIENT_ID, STUDY_INSTANCE_UID, SERIES_INSTANCE_UID = 0x00100020, 0x0020000D, 0x0020000E
IDENTIFIERS = {
    PATIENT_ID: "PatientID",
    STUDY_INSTANCE_UID: "StudyInstanceUID",
    SERIES_INSTANCE_UID: "SeriesInstanceUID",
    SOP_INSTANCE_UID: "SOPInstanceUID",
}
"""The tags by which resources are told apart, top down."""
_NO_GROUPS_OF_FILES = frozenset((0x0000, 0xFFFE))
"""Those of commands (PS3.7) and of the delimiters of items (PS3.5 7.5)."""
UIDS = (STUDY_INSTANCE_UID, SERIES_INSTANCE_UID, SOP_INSTANCE_UID)


@dataclass(frozen=True, slots=True)
class Modification:
    """What is to be done to files.

    Above `level` their identifiers stay; at it and below, they get new UIDs, unless those are kept or replaced.
    """

    level: Level
    removed: frozenset[TagPath] = frozenset()
    replaced: Mapping[TagPath, Any] = field(default_factory=dict)
    """The new values, as in JSON: a text, a list of items by tag, or None for an empty one."""
    kept: frozenset[TagPath] = frozenset()
    removes_private_tags: bool = False
    private_creator: str = ""
    dictionary: Dictionary = STANDARD

    def replacement(self, tag: int) -> Any:
        """The new value of an element of the file itself; None if it has none."""
        return self.replaced.get(TagPath((), tag))

    def is_kept(self, tag: int) -> bool:
        """Whether an element of the file itself is to be kept."""
        return TagPath((), tag) in self.kept

    @property
    def keeps_identity(self) -> bool:
        """Whether results take the place of what they are made of."""
        is_renewed = any(
            level >= self.level and not self.is_kept(uid) for level, uid in enumerate(UIDS, start=1)
        )
        return not is_renewed and not any(self.replacement(tag) is not None for tag in IDENTIFIERS)

    def patient(self, before: str) -> str:
        """Orthanc's identifier of the patient that results belong to, by that of the patient they are made of."""
        new = self.replacement(PATIENT_ID)
        return before if not isinstance(new, str) else patient_identifier(new)


def parse_modification(
    fields: Mapping[str, Any], level: Level | None, dictionary: Dictionary = STANDARD
) -> Modification:
    """The modification that the fields of a request ask for.

    Parameters
    ----------
    level
        Of the resource; None to go by which identifiers are replaced, as Orthanc does with single instances.

    Raises
    ------
    BadRequest
        A list is none, or an identifier is touched without `Force`.
    BadFileFormat
        A field has the wrong type.
    UnknownDicomTag, ParameterOutOfRange
        A path names no element.
    """
    force = _flag(fields, "Force")
    removes_private_tags = _flag(fields, "RemovePrivateTags")
    creator = fields.get("PrivateCreator", "")
    if not isinstance(creator, str):
        raise BadFileFormat("String value expected in field: PrivateCreator")
    removed = _paths(fields, "Remove", "removed", dictionary, force=force)
    values = fields.get("Replace", {})
    if not isinstance(values, dict):
        raise BadRequest
    replaced = {parse_path(text, dictionary): value for text, value in values.items()}
    _check_values(replaced)
    _check_force(replaced, "replaced", force=force)
    kept = _paths(fields, "Keep", "kept", dictionary, force=force)
    return Modification(
        level=_level(replaced) if level is None else level,
        removed=frozenset(removed) - replaced.keys() - set(kept),
        replaced={path: value for path, value in replaced.items() if path not in kept},
        kept=frozenset(kept),
        removes_private_tags=removes_private_tags,
        private_creator=creator,
        dictionary=dictionary,
    )


def check_removals(modification: Modification) -> None:
    """Raise `BadRequest` if an identifier is to be removed: files without it cannot be stored."""
    if any(path.root in IDENTIFIERS for path in modification.removed):
        raise BadRequest("It is forbidden to remove one of the main Dicom identifiers")


def _check_values(replaced: Mapping[TagPath, Any]) -> None:
    """Refuse what would make files that nobody can read."""
    for path, value in replaced.items():
        if path.tag >> 16 in _NO_GROUPS_OF_FILES:
            raise BadRequest("A file has no elements of this group")
        if len(path.steps) + _depth(value) > MAXIMUM_DEPTH:
            raise BadRequest("The new value is nested too deeply")


def _depth(value: Any) -> int:
    """How many sequences are in one another in a new value."""
    depth, inside = 0, [value]
    while inside := [one for it in inside for one in _inside(it)]:
        depth += 1
    return depth


def _inside(value: Any) -> list[Any]:
    items = value if isinstance(value, list) else []
    return [below for item in items if isinstance(item, dict) for below in item.values()]


def _level(replaced: Mapping[TagPath, Any]) -> Level:
    for level, tag in enumerate(IDENTIFIERS):
        if TagPath((), tag) in replaced:
            return Level(level)
    return Level.INSTANCE


def _paths(
    fields: Mapping[str, Any], name: str, done: str, dictionary: Dictionary, *, force: bool
) -> list[TagPath]:
    texts = fields.get(name, [])
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise BadRequest
    paths = [parse_path(text, dictionary) for text in texts]
    _check_force(paths, done, force=force)
    return paths


def _check_force(paths: Sequence[TagPath] | Mapping[TagPath, Any], done: str, *, force: bool) -> None:
    touched = {path.root for path in paths}
    for tag, name in IDENTIFIERS.items():
        if tag in touched and not force:
            raise BadRequest(
                f'Marking tag "{name}" as to be {done} requires the "Force" option to be set to true'
            )


def _flag(fields: Mapping[str, Any], name: str) -> bool:
    value = fields.get(name, False)
    if not isinstance(value, bool):
        raise BadFileFormat(f'Member "{name}" should be a Boolean value')
    return value
