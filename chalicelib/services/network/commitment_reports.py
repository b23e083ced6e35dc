"""Storage commitment by others: what this store asked them to keep, and what they reported."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chalicelib.domain.errors import BadSequenceOfCalls, InexistentItem
from chalicelib.domain.levels import Level
from chalicelib.services.bulk import Bulk
from chalicelib.services.network.dicom_out import CommitmentReport, Reference
from chalicelib.services.network.remotes import Changes, Remotes
from chalicelib.services.network.requests import Requests
from chalicelib.storage.dynamodb.index import Index
from chalicelib.storage.s3.notes import JobNotes

NOTE = "commitment"
_TRANSACTION = re.compile(r"2\.25\.[0-9]{1,39}")


@dataclass(frozen=True, slots=True)
class Transaction:
    """What was asked of a modality, by its AE title; `report` is None until it has come."""

    remote_aet: str
    asked: Sequence[Reference]
    report: CommitmentReport | None = None


def asked_of(notes: JobNotes, transaction_uid: str) -> list[Reference]:
    """What a transaction is about; raises `InexistentItem` if there is none."""
    return [Reference(*one) for one in notes.get(transaction_uid, NOTE)["asked"]]


class CommitmentReports:
    """Asks, and keeps the answers: in the bucket, for as long as archives."""

    def __init__(
        self, remotes: Remotes, requests: Requests, bulk: Bulk, index: Index, notes: JobNotes
    ) -> None:
        self._remotes = remotes
        self._requests = requests
        self._bulk = bulk
        self._index = index
        self._notes = notes

    def references(self, resources: Iterable[str]) -> list[Reference]:
        """The instances of resources; raises `UnknownResource` if there is no such one."""
        identifiers = [i for one in resources for i in self._bulk.relatives(one, Level.INSTANCE)]
        return self.of_instances(identifiers)

    def ask(self, modality: str, changes: Changes, references: Sequence[Reference]) -> str:
        """Ask a modality whether it keeps instances; the identifier of the transaction.

        Raises
        ------
        InexistentItem
            No modality has this name.
        NetworkProtocol
            It cannot be asked.
        """
        remote = self._remotes.remote(modality, changes)
        transaction_uid = self.expect(remote.aet, references)
        self._requests.commit(remote, transaction_uid, references)
        return transaction_uid

    def expect(self, remote_aet: str, references: Sequence[Reference]) -> str:
        """Begin a transaction; its identifier. That is to be before the request: the report may come first."""
        transaction_uid = f"2.25.{uuid.uuid4().int}"
        self._put(transaction_uid, Transaction(remote_aet, references))
        return transaction_uid

    def of_instances(self, identifiers: Sequence[str]) -> list[Reference]:
        """Instances as storage commitment names them; those that are gone are left out."""
        rows = self._index.instances(list(dict.fromkeys(identifiers)))
        return [
            Reference(rows[i].metadata.get("SopClassUid", ""), rows[i].sop_instance_uid)
            for i in identifiers
            if i in rows
        ]

    def get(self, transaction_uid: str) -> Transaction:
        """A transaction; raises `InexistentItem` if there is none."""
        missing = InexistentItem(f"No storage commitment transaction with UID: {transaction_uid[:64]}")
        if not _TRANSACTION.fullmatch(transaction_uid):
            raise missing
        try:
            kept = self._notes.get(transaction_uid, NOTE)
        except InexistentItem:
            raise missing from None
        asked = [Reference(*one) for one in kept["asked"]]
        if kept["success"] is None:
            return Transaction(kept["remote_aet"], asked)
        success = [Reference(*one) for one in kept["success"]]
        failures = [(Reference(*one), reason) for one, reason in kept["failures"]]
        report = CommitmentReport(transaction_uid, success, failures)
        return Transaction(kept["remote_aet"], asked, report)

    def receive(self, remote_aets: Iterable[str], report: CommitmentReport) -> bool:
        """Keep a report; False if none was asked of this modality."""
        try:
            transaction = self.get(report.transaction_uid)
        except InexistentItem:
            return False
        if transaction.remote_aet not in remote_aets:
            return False
        self._put(report.transaction_uid, Transaction(transaction.remote_aet, transaction.asked, report))
        return True

    def remove(self, transaction_uid: str) -> None:
        """Delete here what was asked for and is kept there.

        Raises
        ------
        InexistentItem
            There is no such transaction.
        BadSequenceOfCalls
            No report has come, or one of a failure.
        """
        transaction = self.get(transaction_uid)
        report = transaction.report
        if report is None or report.failures:
            raise BadSequenceOfCalls(
                f"Cannot remove DICOM instances after failure in storage commitment transaction: {transaction_uid}"
            )
        asked = set(transaction.asked)
        for reference in report.success:
            if reference in asked:
                self._bulk.delete(self._identifiers(reference))

    def _identifiers(self, reference: Reference) -> list[str]:
        named = self._index.lookup_uid(reference.sop_instance_uid)
        found = self._index.instances([i for level, i in named if level is Level.INSTANCE])
        return [i for i, row in found.items() if row.metadata.get("SopClassUid") == reference.sop_class_uid]

    def _put(self, transaction_uid: str, transaction: Transaction) -> None:
        report = transaction.report
        value = {
            "remote_aet": transaction.remote_aet,
            "asked": transaction.asked,
            "success": None if report is None else report.success,
            "failures": [] if report is None else report.failures,
        }
        self._notes.put(transaction_uid, NOTE, value)
