"""Peers, and the jobs that ask them over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from chalicelib.bootstrap.foundations import Foundations
from chalicelib.services.bulk import Bulk
from chalicelib.services.jobs.jobs import Jobs
from chalicelib.services.jobs.synchronous import Waiting
from chalicelib.services.jobs.work import Work
from chalicelib.services.network.asking import Asking
from chalicelib.services.network.exports import Exports
from chalicelib.services.network.peer_client import HttpOptions
from chalicelib.services.network.peer_requests import PeerRequests, PeerRequestWork
from chalicelib.services.network.peer_sending import PeerDestination, PeerSending
from chalicelib.services.network.peer_store import TYPE, PeerStore
from chalicelib.services.network.spool import Spool
from chalicelib.services.network.store_work import StoreWork
from chalicelib.services.peers import Peers
from chalicelib.services.transcoding import Transcoding
from chalicelib.storage.dynamodb.registry import Registry
from chalicelib.storage.s3.notes import JobNotes


@dataclass(frozen=True, slots=True)
class PeerServices:
    """The peers, and what the API asks of them."""

    known: Peers
    requests: PeerRequests
    store: PeerStore


def make_peers(base: Foundations) -> Peers:
    """What knows the peers."""
    return Peers(Registry(base.table, base.keys, "peers"), base.settings.orthanc_peers, base.clock)


def peer_works(
    base: Foundations,
    peers: Peers,
    transcoding: Transcoding,
    spool: Spool,
    notes: JobNotes,
    exports: Exports,
) -> dict[str, Work]:
    """The kinds of jobs that ask peers; they run where those do that need DICOM, in the hospital's network."""
    settings = base.settings
    options = HttpOptions(
        settings.http_timeout,
        settings.https_verify_peers,
        settings.https_ca_certificates,
        settings.http_proxy,
    )
    sending = PeerSending(peers, options, transcoding, spool, base.clock)
    works: tuple[Work, ...] = (
        StoreWork(TYPE, partial(PeerDestination.of, sending), exports, base.index, notes),
        PeerRequestWork(sending, notes),
    )
    return {work.type: work for work in works}


def build_peers(
    peers: Peers, bulk: Bulk, transcoding: Transcoding, jobs: Jobs, waiting: Waiting, notes: JobNotes
) -> PeerServices:
    """Put them together."""
    return PeerServices(
        known=peers,
        requests=PeerRequests(peers, Asking(jobs, waiting, notes), notes),
        store=PeerStore(peers, bulk, jobs, notes, transcoding),
    )
