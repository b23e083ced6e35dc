"""Send instances by an association that a peer opened: the sub-operations of its C-GET."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chalicelib.domain.errors import InexistentItem, NacreError
from chalicelib.services.network.dicom_out import NOBODY, StoreAssociation
from chalicelib.services.network.exports import Exports
from chalicelib.services.network.sending import Sending
from chalicelib.storage.dynamodb.index import Index

PAGE = 100


class Getting:
    """Sends."""

    def __init__(self, sending: Sending, exports: Exports, index: Index) -> None:
        self._sending = sending
        self._exports = exports
        self._index = index

    def send(
        self, association: StoreAssociation, identifiers: Sequence[str], remote: str
    ) -> Iterator[tuple[str, NacreError | None]]:
        """Send instances; gives for each its SOP Instance UID, and why it was not sent, or None.

        What was sent is in the exports log then. The UID of one that was deleted meanwhile is empty.
        """
        for start in range(0, len(identifiers), PAGE):
            there = self._index.instances(identifiers[start : start + PAGE])
            for _ in range(len(identifiers[start : start + PAGE]) - len(there)):
                yield "", InexistentItem("An instance was deleted meanwhile")
            for instance, error in self._sending.send_by(association, list(there.values()), NOBODY):
                if error is None:
                    self._exports.tell([instance], remote)
                yield instance.sop_instance_uid, error
