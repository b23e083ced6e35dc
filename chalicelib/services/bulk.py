"""Many resources at once, of any levels."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import suppress

from chalicelib.domain.errors import UnknownResource
from chalicelib.domain.levels import Level
from chalicelib.services.browse import Browse, Node, id_of, level_of
from chalicelib.services.delete import Delete
from chalicelib.storage.dynamodb.index import Index


class Bulk:
    """Reads and deletes resources whose level nobody says."""

    def __init__(self, index: Index, browse: Browse, delete: Delete, pool: Executor) -> None:
        self._index = index
        self._browse = browse
        self._delete = delete
        self._pool = pool

    def nodes(self, identifiers: Sequence[str]) -> list[Node]:
        """Those of the resources that exist. Two calls for each at most, side by side."""
        return [node for node in self._pool.map(self._node, identifiers) if node is not None]

    def expand(self, identifiers: Sequence[str], level: Level | None) -> list[Node]:
        """The resources themselves, or their relatives at a level, each once; those that do not exist are left out."""
        nodes = self.nodes(identifiers)
        if level is not None:
            wanted = dict.fromkeys(i for node in nodes for i in self._relatives(node, level))
            return self._browse.get_many(level, list(wanted))
        return list({id_of(node): node for node in nodes}.values())

    def relatives(self, identifier: str, level: Level) -> list[str]:
        """The identifiers of a resource's relatives at a level.

        Raises
        ------
        UnknownResource
            There is no such resource.
        """
        node = self._node(identifier)
        if node is None:
            raise UnknownResource
        return self._relatives(node, level)

    def delete(self, identifiers: Sequence[str]) -> None:
        """Delete those of the resources that exist, with all below them, one after the other. Safe to repeat."""
        for identifier in dict.fromkeys(identifiers):
            node = self._node(identifier)
            if node is not None:
                with suppress(UnknownResource):  # deleted meanwhile, perhaps with one before it
                    self._delete.delete(level_of(node), identifier)

    def _node(self, identifier: str) -> Node | None:
        return self._index.family(identifier) or self._index.instance(identifier)

    def _relatives(self, node: Node, level: Level) -> list[str]:
        at = level_of(node)
        try:
            if at == level:
                return [id_of(node)]
            if at < level:
                return self._browse.descendants(at, id_of(node), level)
            return [id_of(self._browse.ancestor(at, id_of(node), level))]
        except UnknownResource:
            return []  # deleted meanwhile
