"""The composition root: settings and AWS clients in, services out."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.dicom.dictionary import Dictionary
from chalicelib.domain.clock import Clock, system_clock
from chalicelib.services.annotate import Annotate
from chalicelib.services.annotation_names import attachment_names, content_types, metadata_names
from chalicelib.services.archive.archives import ARCHIVE, Archives
from chalicelib.services.archive.build import MEDIA, ArchiveWork
from chalicelib.services.archive.files import FilesAhead
from chalicelib.services.archive.plan import Plans
from chalicelib.services.arrays import Arrays
from chalicelib.services.attachments import Attachments
from chalicelib.services.browse import Browse
from chalicelib.services.bulk import Bulk
from chalicelib.services.changes import Changes, Tallies
from chalicelib.services.check.checker import Checker
from chalicelib.services.content import Content
from chalicelib.services.delete import Delete
from chalicelib.services.delete_steps import DeleteSteps
from chalicelib.services.find.find import Find
from chalicelib.services.handed_out import HandedOut
from chalicelib.services.images import Images
from chalicelib.services.inbox import Inbox
from chalicelib.services.inbox_events import InboxEvents
from chalicelib.services.ingest import Ingest, Overwrite
from chalicelib.services.jobs.jobs import Jobs
from chalicelib.services.jobs.runner import Runner
from chalicelib.services.jobs.work import Work
from chalicelib.services.labels import Labels
from chalicelib.services.listing import Listing
from chalicelib.services.metadata import Metadata
from chalicelib.services.metrics import Metrics
from chalicelib.services.modalities import Modalities
from chalicelib.services.orphans import Orphans
from chalicelib.services.presigned import PresignedUploads
from chalicelib.services.protection import Protection
from chalicelib.services.reading import Reading
from chalicelib.services.rebuild import FileSource, Rebuild
from chalicelib.services.reception import Reception
from chalicelib.services.reconstruct import Reconstruct
from chalicelib.services.reconstruct_job import Reconstructions, ReconstructWork
from chalicelib.services.recount import Recount
from chalicelib.services.requested_tags import RequestedTags
from chalicelib.services.runtime_options import RuntimeOptions
from chalicelib.services.sweep import Sweeper
from chalicelib.services.system import System
from chalicelib.services.tags import Tags
from chalicelib.services.transcoding import Transcoding
from chalicelib.services.upload import Upload
from chalicelib.storage.dynamodb.annotation_writes import AnnotationWrites
from chalicelib.storage.dynamodb.index import Index
from chalicelib.storage.dynamodb.intakes import Intakes
from chalicelib.storage.dynamodb.jobs import JobStore
from chalicelib.storage.dynamodb.keys import Keys
from chalicelib.storage.dynamodb.log import SequencedLog
from chalicelib.storage.dynamodb.registry import Registry
from chalicelib.storage.dynamodb.table import Table
from chalicelib.storage.dynamodb.writes import IndexWrites
from chalicelib.storage.s3.archives import ArchiveFiles
from chalicelib.storage.s3.direct_uploads import DirectUploads
from chalicelib.storage.s3.file_listing import FileListing
from chalicelib.storage.s3.files import FileStore
from chalicelib.storage.s3.inbox import InboxBucket
from chalicelib.storage.s3.ranged import RangedObjects
from chalicelib.storage.sqs.queue import Queue

if TYPE_CHECKING:
    from chalicelib.settings import Settings
    from chalicelib.storage.clients import Clients

POOL_THREADS = 32
UPLOAD_THREADS = 8
EVENT_THREADS = 8


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
    handed_out: HandedOut
    changes: Changes
    modalities: Modalities
    annotate: Annotate
    metadata: Metadata
    labels: Labels
    attachments: Attachments
    jobs: Jobs
    job_runner: Runner
    archives: Archives
    transcoding: Transcoding
    protection: Protection
    delete: Delete
    orphans: Orphans
    sweeper: Sweeper
    reconstructions: Reconstructions
    rebuild: Rebuild
    checker: Checker
    system: System
    options: RuntimeOptions
    metrics: Metrics


def build(
    settings: Settings,
    clients: Clients,
    *,
    clock: Clock = system_clock,
    pool: Executor | None = None,
    work_pool: Callable[[int], Executor] = ThreadPoolExecutor,
    sleep: Callable[[float], None] = time.sleep,
) -> Services:
    """Put the services together. No AWS call is made.

    `pool` is for AWS calls; `work_pool` makes those for what waits for them. Events wait for uploads, and
    uploads for calls, so that none of the three may be another.
    """
    event_pool, upload_pool = work_pool(EVENT_THREADS), work_pool(UPLOAD_THREADS)
    pool = pool or ThreadPoolExecutor(POOL_THREADS, thread_name_prefix="aws")
    keys = Keys(settings.tenant)
    table = Table(clients.dynamodb, settings.index_table, sleep)
    index = Index(table, keys)
    options = RuntimeOptions(Registry(table, keys, "options"), settings, clock)
    encoding = options.encoding
    writes = IndexWrites(table, keys)
    log_table = Table(clients.dynamodb, settings.log_table, sleep)
    log = SequencedLog(log_table, settings.tenant, "changes", clock, settings.gap_grace_seconds)
    files = FileStore(clients.s3, settings.files_bucket, settings.tenant)
    tallies = Tallies(table, keys, log)
    ingest = Ingest(
        index,
        writes,
        log,
        files,
        pool,
        clock,
        overwrite=Overwrite(settings.overwrite_instances),
        stable_age_seconds=settings.stable_age,
        default_encoding=encoding,
        sleep=sleep,
    )
    inbox_bucket = InboxBucket(clients.s3, settings.inbox_bucket, settings.inbox_prefix)
    intakes = Intakes(table, keys, clock)
    inbox = Inbox(
        ingest,
        inbox_bucket,
        files,
        intakes,
        upload_pool,
        clock,
        overwrite=Overwrite(settings.overwrite_instances),
        default_encoding=encoding,
    )
    inbox_queue = Queue(clients.sqs, settings.inbox_queue_url)
    steps = DeleteSteps(index, writes, log, clock, keep_changes=settings.keep_deleted_changes, sleep=sleep)
    delete = Delete(index, steps, log, files, ingest, pool, clock)
    listing = FileListing(clients.s3, settings.files_bucket, settings.tenant, files)
    orphans = Orphans(index, listing, pool, clock)
    source = FileSource(listing, RangedObjects(clients.s3, settings.files_bucket), orphans)
    sweeper = Sweeper(
        index,
        writes,
        log,
        tallies,
        orphans,
        delete,
        clock,
        stable_age_seconds=settings.stable_age,
        sleep=sleep,
    )
    browse = Browse(index, pool)
    reading = Reading(index, browse, files, pool)
    dictionary = Dictionary(settings.dictionary)
    requested_tags = RequestedTags(browse, reading, encoding)
    annotate = Annotate(index, AnnotationWrites(table, keys), log, sleep=sleep)
    names = metadata_names(settings.user_metadata)
    bulk = Bulk(index, browse, delete, pool)
    archive_files = ArchiveFiles(clients.s3, settings.files_bucket, settings.tenant)
    files_ahead = FilesAhead(files, pool)
    reconstruct = Reconstruct(index, writes, files, pool, default_encoding=encoding, sleep=sleep)
    works: dict[str, Work] = {
        kind: ArchiveWork(kind, archive_files, files_ahead) for kind in (ARCHIVE, MEDIA)
    }
    works[ReconstructWork.type] = ReconstructWork(index, reconstruct)
    job_store = JobStore(table, keys)
    job_queue = Queue(clients.sqs, settings.jobs_queue_url)
    kept = settings.job_expiry
    jobs = Jobs(job_store, job_queue, files, works, clock, kept_seconds=kept)
    job_runner = Runner(job_store, job_queue, works, clock, kept_seconds=kept)
    recount = Recount(index, log, tallies, sweeper.follow, pool, sleep=sleep)
    rebuild = Rebuild(index, source, ingest, delete.under_way, recount, upload_pool, encoding)
    return Services(
        settings=settings,
        clock=clock,
        log=log,
        files=files,
        tallies=tallies,
        ingest=ingest,
        upload=Upload(ingest, upload_pool, settings.maximum_upload_bytes),
        reception=Reception(ingest, files, default_encoding=encoding),
        inbox=inbox,
        inbox_events=InboxEvents(inbox, inbox_bucket, inbox_queue, event_pool),
        presigned_uploads=PresignedUploads(
            DirectUploads(clients.s3, settings.inbox_bucket),
            intakes,
            clock,
            inbox_prefix=settings.inbox_prefix,
            tenant=settings.tenant,
        ),
        browse=browse,
        listing=Listing(index, tallies, pool, clock),
        reading=reading,
        requested_tags=requested_tags,
        find=Find(
            index,
            browse,
            reading,
            requested_tags,
            pool,
            names=names,
            default_encoding=encoding,
            maximum_scan=settings.maximum_find_scan,
        ),
        bulk=bulk,
        jobs=jobs,
        job_runner=job_runner,
        archives=Archives(
            browse,
            bulk,
            Plans(index, pool),
            jobs,
            job_runner,
            archive_files,
            files_ahead,
            maximum_inline_bytes=settings.maximum_inline_bytes,
        ),
        transcoding=Transcoding(reading, default_quality=settings.dicom_lossy_transcoding_quality),
        tags=Tags(
            reading,
            browse,
            default_encoding=encoding,
            maximum_bytes=settings.maximum_inline_bytes,
            dictionary=dictionary,
        ),
        content=Content(reading, maximum_bytes=settings.maximum_inline_bytes, dictionary=dictionary),
        images=Images(reading),
        arrays=Arrays(index, Images(reading)),
        handed_out=HandedOut(archive_files, maximum_inline_bytes=settings.maximum_inline_bytes),
        changes=Changes(log, tallies),
        modalities=Modalities(Registry(table, keys, "modalities"), settings.dicom_modalities, clock),
        annotate=annotate,
        metadata=Metadata(annotate, browse, names, settings.check_revisions),
        labels=Labels(annotate, index, pool),
        attachments=Attachments(
            annotate,
            files,
            clock,
            attachment_names(settings.user_content_type),
            content_types(settings.user_content_type),
            settings.check_revisions,
        ),
        protection=Protection(annotate),
        delete=delete,
        orphans=orphans,
        sweeper=sweeper,
        reconstructions=Reconstructions(index, reconstruct, jobs, job_runner),
        rebuild=rebuild,
        checker=Checker(index, writes, source, ingest, delete.under_way, rebuild, recount, pool, clock),
        system=System(settings),
        options=options,
        metrics=Metrics(tallies, log, job_store, clock),
    )
