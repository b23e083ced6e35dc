"""Queries of remote modalities whose answers are kept for a day: Orthanc's `/queries`."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from chalicelib.dicom import queries as dicom
from chalicelib.dicom.tags_json import Json
from chalicelib.domain.clock import Clock
from chalicelib.domain.errors import InexistentItem, ParameterOutOfRange, UnknownResource
from chalicelib.domain.levels import Level
from chalicelib.domain.modalities import Remote
from chalicelib.services.modalities import Modalities
from chalicelib.services.network.remotes import UNCHANGED, Changes, Remotes
from chalicelib.services.network.requests import Requests
from chalicelib.storage.dynamodb.registry import Registry
from chalicelib.storage.s3.notes import JobNotes

KEPT_SECONDS = 86_400.0
NOTE = "query"


@dataclass(frozen=True, slots=True)
class AnsweredQuery:
    """A query and its answers, these in Explicit VR Little Endian. `fields` are those that the user gave."""

    modality: str
    level: Level
    fields: Mapping[int, str]
    remote: Remote
    retrieve_method: str
    answers: tuple[bytes, ...]

    def answer(self, index: int, default_encoding: str) -> Json:
        """One answer in Orthanc's full format; raises `ParameterOutOfRange` if there is none."""
        if not 0 <= index < len(self.answers):
            raise ParameterOutOfRange
        return dicom.answer(self.answers[index], default_encoding)


class Queries:
    """Asks, and keeps the answers. Every node sees them."""

    def __init__(
        self,
        remotes: Remotes,
        modalities: Modalities,
        requests: Requests,
        registry: Registry,
        notes: JobNotes,
        clock: Clock,
        default_encoding: Callable[[], str],
    ) -> None:
        self._remotes = remotes
        self._modalities = modalities
        self._requests = requests
        self._registry = registry
        self._notes = notes
        self._clock = clock
        self._default_encoding = default_encoding

    def ask(
        self,
        name: str,
        level: Level,
        fields: Mapping[int, str],
        changes: Changes = UNCHANGED,
        *,
        normalises: bool = True,
    ) -> str:
        """Ask a modality; gives the identifier of the query.

        Parameters
        ----------
        normalises
            Whether to leave out what a query at the level may not have.

        Raises
        ------
        InexistentItem
            No modality has this name.
        NetworkProtocol
            It does not answer.
        """
        modality = self._modalities.get(name)
        remote = self._remotes.of(name, modality, changes)
        asked = dicom.normalised(level, fields) if normalises else fields
        asked = dicom.without_wildcards(dicom.with_identifiers(level, asked), modality.manufacturer)
        answers = self._requests.find(
            remote, dicom.model_of(level, dicom.FIND), dicom.identifier(level, asked)
        )
        query_id = str(uuid.uuid4())
        kept = {
            "modality": name,
            "level": int(level),
            "fields": {str(tag): text for tag, text in fields.items()},
            "remote": asdict(remote),
            "method": modality.retrieve_method,
            "answers": [base64.b64encode(one).decode() for one in answers],
        }
        self._notes.put(query_id, NOTE, kept)
        now = self._clock()
        self._registry.put(query_id, {"at": now}, expires=now + KEPT_SECONDS)
        return query_id

    def below(self, query_id: str, index: int, level: Level, fields: Mapping[int, str]) -> str:
        """Ask the same modality for what is below an answer; raises as `get`, `AnsweredQuery.answer` and `ask`."""
        query = self.get(query_id)
        parent = dicom.parent_fields(query.level, query.answer(index, self._default_encoding()))
        changes = Changes(local_aet=query.remote.local_aet, timeout_seconds=query.remote.timeout_seconds)
        return self.ask(query.modality, level, {**fields, **parent}, changes)

    def all(self) -> list[str]:
        """The identifiers of the queries. One call."""
        return sorted(name for name, value in self._registry.all().items() if self._is_kept(value))

    def get(self, query_id: str) -> AnsweredQuery:
        """A query. Two calls.

        Raises
        ------
        UnknownResource
            There is none.
        """
        if not self._is_kept(self._registry.get(query_id) if len(query_id) < 64 else None):
            raise UnknownResource
        try:
            kept: dict[str, Any] = self._notes.get(query_id, NOTE)
        except InexistentItem:
            raise UnknownResource from None
        return AnsweredQuery(
            modality=kept["modality"],
            level=Level(kept["level"]),
            fields={int(tag): text for tag, text in kept["fields"].items()},
            remote=Remote(**kept["remote"]),
            retrieve_method=kept["method"],
            answers=tuple(base64.b64decode(one) for one in kept["answers"]),
        )

    def remove(self, query_id: str) -> None:
        """Forget a query; one that is not there does not matter."""
        if self._is_kept(self._registry.get(query_id) if len(query_id) < 64 else None):
            self._registry.forget(query_id)
            self._notes.remove(query_id, [NOTE])

    def _is_kept(self, value: Any) -> bool:
        return value is not None and value["at"] > self._clock() - KEPT_SECONDS
