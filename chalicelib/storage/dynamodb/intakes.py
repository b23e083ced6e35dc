"""What became of the objects of the inbox, and the uploads that are on their way to it.

An object's partition holds a row (`!`) for the object, one for each file if it is an archive (`e#{position}`), and
one for the presigned upload that it comes by (`upload`), if any. Rows carry the version of the object they tell of.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from chalicelib.domain.clock import Clock
from chalicelib.domain.outcomes import Intake, Outcome, Refused, Status, Stored
from chalicelib.storage.dynamodb.errors import ConditionFailed
from chalicelib.storage.dynamodb.items import document, number, text
from chalicelib.storage.dynamodb.keys import ROW, Key, Keys
from chalicelib.storage.dynamodb.table import Item, Table

RETENTION_SECONDS = 7 * 86400
ENTRY = "e#"
UPLOAD = "upload"


@dataclass(frozen=True, slots=True)
class PendingUpload:
    """A presigned upload: its size in bytes (0 if not told) and where the request for it came from."""

    size: int
    origin: dict[str, str]
    multipart_id: str = ""


class Intakes:
    """Notes and tells what became of objects, for a week."""

    def __init__(self, table: Table, keys: Keys, clock: Clock) -> None:
        self._table = table
        self._keys = keys
        self._clock = clock

    def receipt(self, key: str, version: str, entry: int | None = None) -> Callable[[Outcome], Item]:
        """Makes the action that notes what became of an object, or of one file in it, if that is not noted yet."""
        return lambda outcome: self._action(self._key(key, entry), version, _to_document(outcome))

    def note(self, key: str, version: str, outcome: Outcome, entry: int | None = None) -> None:
        """Note what became of an object, or of one file in it, if that is not noted yet."""
        self._note(self._action(self._key(key, entry), version, _to_document(outcome)))

    def note_archive(self, key: str, version: str, files: int) -> None:
        """Note that all files of an archive are done."""
        self._note(self._action(self._key(key, None), version, {"files": files}))

    def noted_entries(self, key: str, version: str) -> dict[int, Outcome]:
        """What became of the files of an archive that are done, by their places. One query."""
        items = self._table.query(self._partition(key), prefix=ENTRY)
        return {
            int(item["sk"]["S"][len(ENTRY) :]): _to_outcome(json.loads(item["d"]["S"]))
            for item in items
            if item["v"]["S"] == version
        }

    def find(self, key: str) -> tuple[Intake | None, PendingUpload | None]:
        """What became of an object (None: nothing yet), and the upload it comes by (None: none). One query."""
        rows = {item["sk"]["S"]: item for item in self._table.query(self._partition(key))}
        upload = rows.pop(UPLOAD, None)
        pending = PendingUpload(**json.loads(upload["d"]["S"])) if upload else None
        return (_to_intake(rows) if ROW in rows else None), pending

    def upload(self, key: str) -> PendingUpload | None:
        """The upload by which an object comes. One call."""
        item = self._table.get(self._upload_key(key))
        return PendingUpload(**json.loads(item["d"]["S"])) if item else None

    def begin_upload(self, key: str, upload: PendingUpload) -> None:
        """Remember an upload."""
        body = {"d": document(asdict(upload)), "expires": self._expires()}
        self._table.put(self._upload_key(key) | body)

    def end_upload(self, key: str) -> None:
        """Forget an upload."""
        self._table.delete(self._upload_key(key))

    def count_failure(self, key: str) -> int:
        """Count that an object could not be taken in for no known reason; returns how often that was."""
        values = {":one": number(1), ":expires": self._expires()}
        counter: Item = {"pk": text(self._partition(key)), "sk": text("failures")}
        after = self._table.update(counter, "SET expires = :expires ADD n :one", values)
        return int(after["n"]["N"])

    def _note(self, action: Item) -> None:
        with suppress(ConditionFailed):
            self._table.transact([action])

    def _action(self, key: Key, version: str, body: dict[str, Any]) -> Item:
        item = {**key, "v": text(version), "d": document(body), "expires": self._expires()}
        return self._table.put_action(item, "attribute_not_exists(pk) OR v <> :v", {":v": text(version)})

    def _key(self, key: str, entry: int | None) -> Key:
        own = self._keys.inbox(key)
        return own if entry is None else {"pk": own["pk"], "sk": text(f"{ENTRY}{entry:06d}")}

    def _upload_key(self, key: str) -> Key:
        return {"pk": text(self._partition(key)), "sk": text(UPLOAD)}

    def _partition(self, key: str) -> str:
        return self._keys.inbox(key)["pk"]["S"]

    def _expires(self) -> dict[str, str]:
        return number(int(self._clock()) + RETENTION_SECONDS)


def _to_document(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Stored):
        return {"status": outcome.status, "ids": outcome.identifiers}
    return {"code": outcome.orthanc_status, "message": outcome.message, "details": outcome.details}


def _to_outcome(body: dict[str, Any]) -> Outcome:
    if "ids" in body:
        patient, study, series, instance = body["ids"]
        return Stored(Status(body["status"]), (patient, study, series, instance))
    return Refused(body["code"], body["message"], body["details"])


def _to_intake(rows: dict[str, Item]) -> Intake:
    row = rows[ROW]
    body = json.loads(row["d"]["S"])
    if "files" in body:
        current = [
            item for sk, item in sorted(rows.items()) if sk.startswith(ENTRY) and item["v"] == row["v"]
        ]
        return Intake(tuple(_to_outcome(json.loads(item["d"]["S"])) for item in current))
    outcome = _to_outcome(body)
    return Intake(refusal=outcome) if isinstance(outcome, Refused) else Intake((outcome,))
