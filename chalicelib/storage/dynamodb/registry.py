"""Small things that users configure at run time, by name: remote modalities and peers. Every node sees them."""

from __future__ import annotations

import json
from typing import Any

from chalicelib.storage.dynamodb.items import document, number
from chalicelib.storage.dynamodb.keys import Keys
from chalicelib.storage.dynamodb.table import Table


class Registry:
    """The entries of one kind. A name that was removed is remembered, so that it can hide one of the options'."""

    def __init__(self, table: Table, keys: Keys, kind: str) -> None:
        self._table = table
        self._keys = keys
        self._kind = kind

    def all(self) -> dict[str, Any]:
        """Every entry by name; None for one that was removed. One query."""
        items = self._table.query(self._keys.registry_partition(self._kind))
        return {item["sk"]["S"]: json.loads(item["d"]["S"]) for item in items}

    def get(self, name: str) -> Any:
        """An entry, None if there is none. One call."""
        item = self._table.get(self._keys.registered(self._kind, name))
        return json.loads(item["d"]["S"]) if item else None

    def put(self, name: str, value: Any, expires: float | None = None) -> None:
        """Write an entry, or None for one that is removed; `expires` (epoch seconds) is when it may go. One call."""
        expiry = {"expires": number(int(expires))} if expires is not None else {}
        self._table.put(self._keys.registered(self._kind, name) | {"d": document(value)} | expiry)

    def forget(self, name: str) -> None:
        """Remove an entry, with nothing left of it. One call."""
        self._table.delete(self._keys.registered(self._kind, name))
