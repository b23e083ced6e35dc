"""All services, as routes, workers and commands get them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.bootstrap.network_services import NetworkServices
from chalicelib.bootstrap.peer_services import PeerServices
from chalicelib.domain.clock import Clock
from chalicelib.services.annotate import Annotate
from chalicelib.services.archive.archives import Archives
from chalicelib.services.arrays import Arrays
from chalicelib.services.attachments import Attachments
from chalicelib.services.browse import Browse
from chalicelib.services.bulk import Bulk
from chalicelib.services.changes import Changes, Tallies
from chalicelib.services.check.checker import Checker
from chalicelib.services.content import Content
from chalicelib.services.delete import Delete
from chalicelib.services.find.find import Find
from chalicelib.services.handed_out import HandedOut
from chalicelib.services.images import Images
from chalicelib.services.inbox import Inbox
from chalicelib.services.inbox_events import InboxEvents
from chalicelib.services.ingest import Ingest
from chalicelib.services.jobs.jobs import Jobs
from chalicelib.services.jobs.runner import Runner
from chalicelib.services.labels import Labels
from chalicelib.services.listing import Listing
from chalicelib.services.metadata import Metadata
from chalicelib.services.metrics import Metrics
from chalicelib.services.modalities import Modalities
from chalicelib.services.modification.modifications import Modifications
from chalicelib.services.orphans import Orphans
from chalicelib.services.presigned import PresignedUploads
from chalicelib.services.protection import Protection
from chalicelib.services.reading import Reading
from chalicelib.services.rebuild import Rebuild
from chalicelib.services.reception import Reception
from chalicelib.services.reconstruct_job import Reconstructions
from chalicelib.services.requested_tags import RequestedTags
from chalicelib.services.runtime_options import RuntimeOptions
from chalicelib.services.schedule import Schedule
from chalicelib.services.slices import Slices
from chalicelib.services.sweep import Sweeper
from chalicelib.services.system import System
from chalicelib.services.tags import Tags
from chalicelib.services.transcoding import Transcoding
from chalicelib.services.upload import Upload
from chalicelib.storage.dynamodb.log import SequencedLog
from chalicelib.storage.s3.files import FileStore

if TYPE_CHECKING:
    from chalicelib.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that routes, workers and commands use."""

    settings: Settings
    clock: Clock
    log: SequencedLog
    files: FileStore
    tallies: Tallies
    ingest: Ingest
    upload: Upload
    reception: Reception
    inbox: Inbox
    inbox_events: InboxEvents
    presigned_uploads: PresignedUploads
    browse: Browse
    listing: Listing
    find: Find
    bulk: Bulk
    reading: Reading
    requested_tags: RequestedTags
    tags: Tags
    content: Content
    images: Images
    arrays: Arrays
    slices: Slices
    handed_out: HandedOut
    changes: Changes
    modalities: Modalities
    network: NetworkServices
    peers: PeerServices
    network_runner: Runner | None
    annotate: Annotate
    metadata: Metadata
    labels: Labels
    attachments: Attachments
    jobs: Jobs
    job_runner: Runner
    archives: Archives
    modifications: Modifications
    transcoding: Transcoding
    protection: Protection
    delete: Delete
    orphans: Orphans
    sweeper: Sweeper
    schedule: Schedule
    reconstructions: Reconstructions
    rebuild: Rebuild
    checker: Checker
    system: System
    options: RuntimeOptions
    metrics: Metrics
