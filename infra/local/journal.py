"""A write-through journal of the emulator's DynamoDB: every acknowledged write is on disk before its answer leaves.

The emulator keeps its tables in memory alone. Here each request that writes is one SQLite transaction, so that a
process that is killed at any moment leaves all of a request or nothing, and the next start reads the tables back.
In WAL mode with ``synchronous=NORMAL`` a commit outlives the process, though not a loss of power.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS tables (name TEXT PRIMARY KEY, request TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS items (
    name TEXT NOT NULL, pk TEXT NOT NULL, sk TEXT NOT NULL, item TEXT NOT NULL, PRIMARY KEY (name, pk, sk)
) WITHOUT ROWID;
"""
_PUT = "INSERT INTO items VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET item = excluded.item"
_GET = "SELECT item FROM items WHERE name = ? AND pk = ? AND sk = ?"
_REMOVE = "DELETE FROM items WHERE name = ? AND pk = ? AND sk = ?"


class Journal:
    """The tables on disk. Used by one process, from any of its threads."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.executescript(_SCHEMA)
        self._lock = threading.RLock()

    @contextmanager
    def request(self) -> Iterator[None]:
        """Make all writes inside one transaction, of which an exception leaves nothing."""
        with self._lock:
            self._connection.execute("BEGIN")
            try:
                yield
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def put(self, table: str, pk: str, sk: str, item: dict[str, Any]) -> None:
        """Keep an item."""
        with self._lock:
            self._connection.execute(_PUT, (table, pk, sk, json.dumps(item, separators=(",", ":"))))

    def item(self, table: str, pk: str, sk: str) -> dict[str, Any] | None:
        """An item, or None."""
        row = self._connection.execute(_GET, (table, pk, sk)).fetchone()
        return json.loads(row[0]) if row else None

    def remove(self, table: str, pk: str, sk: str) -> None:
        """Forget an item."""
        with self._lock:
            self._connection.execute(_REMOVE, (table, pk, sk))

    def create_table(self, name: str, request: dict[str, Any]) -> None:
        """Keep the request that a table was created by."""
        with self._lock:
            self._connection.execute(
                "INSERT OR IGNORE INTO tables VALUES (?, ?)", (name, json.dumps(request))
            )

    def delete_table(self, name: str) -> None:
        """Forget a table and its items."""
        with self._lock:
            self._connection.execute("DELETE FROM tables WHERE name = ?", (name,))
            self._connection.execute("DELETE FROM items WHERE name = ?", (name,))

    def tables(self) -> list[dict[str, Any]]:
        """The requests of all tables."""
        return [json.loads(text) for (text,) in self._connection.execute("SELECT request FROM tables")]

    def items(self) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
        """All items: table, partition key, sort key, item."""
        for table, pk, sk, text in self._connection.execute("SELECT name, pk, sk, item FROM items"):
            yield table, pk, sk, json.loads(text)
