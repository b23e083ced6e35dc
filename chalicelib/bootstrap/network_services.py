"""What is asked of other nodes, and the jobs that do it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from chalicelib.bootstrap.foundations import Foundations
from chalicelib.domain.modalities import Remote
from chalicelib.services.bulk import Bulk
from chalicelib.services.jobs.jobs import Jobs
from chalicelib.services.jobs.runner import Runner
from chalicelib.services.jobs.synchronous import Waiting
from chalicelib.services.jobs.work import Work
from chalicelib.services.modalities import Modalities
from chalicelib.services.network.asking import Asking
from chalicelib.services.network.commitment import Commitment, CommitmentWork
from chalicelib.services.network.commitment_reports import CommitmentReports, asked_of
from chalicelib.services.network.dicom_out import DicomOut, NoDicom
from chalicelib.services.network.direct_queries import DirectQueries
from chalicelib.services.network.exports import Exports
from chalicelib.services.network.getting import Getting
from chalicelib.services.network.modality_destination import TYPE, ModalityDestination
from chalicelib.services.network.modality_store import ModalityStore
from chalicelib.services.network.queries import Queries
from chalicelib.services.network.query import DicomQuery
from chalicelib.services.network.remotes import Remotes
from chalicelib.services.network.requests import Requests, RequestWork
from chalicelib.services.network.retrieve_work import GET, MOVE, Retrievals, RetrieveWork
from chalicelib.services.network.sending import Sending
from chalicelib.services.network.spool import Spool
from chalicelib.services.network.store_work import StoreWork
from chalicelib.services.reading import Reading
from chalicelib.services.reception import Reception
from chalicelib.services.transcoding import Transcoding
from chalicelib.storage.dynamodb.registry import Registry
from chalicelib.storage.s3.notes import JobNotes
from chalicelib.storage.s3.worklists import WorklistObjects


@dataclass(frozen=True, slots=True)
class NetworkServices:
    """What the API asks of other nodes."""

    remotes: Remotes
    requests: Requests
    store: ModalityStore
    waiting: Waiting
    exports: Exports
    query: DicomQuery
    getting: Getting
    queries: Queries
    direct_queries: DirectQueries
    retrievals: Retrievals
    worklist_objects: WorklistObjects
    commitment: Commitment
    commitment_reports: CommitmentReports


def make_spool(base: Foundations, reading: Reading, out: DicomOut | None) -> Spool:
    """What fetches files that are to be sent."""
    folder = Path(base.settings.dicom_folder if out else tempfile.gettempdir())
    return Spool(reading, base.pool, folder)


def make_sending(transcoding: Transcoding, spool: Spool, out: DicomOut | None) -> Sending:
    """What sends files by DICOM; of use only in a process that speaks it."""
    return Sending(out or NoDicom(), transcoding, spool)


def network_works(
    base: Foundations,
    sending: Sending,
    reception: Reception,
    notes: JobNotes,
    exports: Exports,
    out: DicomOut | None,
) -> dict[str, Work]:
    """The kinds of jobs that need DICOM; only a process that has it may run them."""
    dicom = out or NoDicom()

    def commit(remote: Remote, transaction_uid: str) -> None:
        dicom.commit(remote, transaction_uid, asked_of(notes, transaction_uid))

    works: tuple[Work, ...] = (
        StoreWork(TYPE, partial(ModalityDestination.of, sending, commit), exports, base.index, notes),
        RequestWork(dicom, sending, notes),
        CommitmentWork(dicom, base.index, notes, base.pool),
        *(RetrieveWork(kind, dicom, reception, notes) for kind in (MOVE, GET)),
    )
    return {work.type: work for work in works}


def build_network(
    base: Foundations,
    bulk: Bulk,
    modalities: Modalities,
    jobs: Jobs,
    runner: Runner | None,
    notes: JobNotes,
    exports: Exports,
    sending: Sending,
    query: DicomQuery,
) -> NetworkServices:
    """Put them together; `runner` is there where this process does such jobs itself."""
    settings = base.settings
    remotes = Remotes(modalities, aet=settings.dicom_aet, timeout_seconds=settings.dicom_scu_timeout)
    waiting = Waiting(jobs, runner, base.clock, sleep=base.sleep)
    requests = Requests(Asking(jobs, waiting, notes), notes)
    commitment_reports = CommitmentReports(remotes, requests, bulk, base.index, notes)
    return NetworkServices(
        remotes=remotes,
        requests=requests,
        store=ModalityStore(remotes, requests, commitment_reports, bulk, jobs, notes, base.options.encoding),
        waiting=waiting,
        exports=exports,
        query=query,
        direct_queries=DirectQueries(remotes, modalities, requests, base.options.encoding),
        queries=Queries(
            remotes,
            modalities,
            requests,
            Registry(base.table, base.keys, "queries"),
            notes,
            base.clock,
            base.options.encoding,
        ),
        retrievals=Retrievals(jobs, notes),
        getting=Getting(sending, exports, base.index),
        commitment_reports=commitment_reports,
        commitment=Commitment(remotes, jobs, notes),
        worklist_objects=WorklistObjects(base.clients.s3, settings.files_bucket, settings.tenant),
    )
