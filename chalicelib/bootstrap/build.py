"""Put the services together."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TYPE_CHECKING

from chalicelib.bootstrap.foundations import Foundations
from chalicelib.bootstrap.job_services import build_jobs
from chalicelib.bootstrap.network_services import build_network, make_sending, make_spool, network_works
from chalicelib.bootstrap.peer_services import build_peers, make_peers, peer_works
from chalicelib.bootstrap.services import Services
from chalicelib.dicom.dictionary import Dictionary
from chalicelib.domain.clock import Clock, system_clock
from chalicelib.services.annotate import Annotate
from chalicelib.services.annotation_names import attachment_names, content_types, metadata_names
from chalicelib.services.annotation_restore import AnnotationRestore
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
from chalicelib.services.labels import Labels
from chalicelib.services.listing import Listing
from chalicelib.services.metadata import Metadata
from chalicelib.services.metrics import Metrics
from chalicelib.services.modalities import Modalities
from chalicelib.services.network.dicom_out import DicomOut
from chalicelib.services.network.exports import Exports
from chalicelib.services.network.query import DicomQuery
from chalicelib.services.orphans import Orphans
from chalicelib.services.presigned import PresignedUploads
from chalicelib.services.protection import Protection
from chalicelib.services.reading import Reading
from chalicelib.services.rebuild import FileSource, Rebuild
from chalicelib.services.reception import Reception
from chalicelib.services.recount import Recount
from chalicelib.services.requested_tags import RequestedTags
from chalicelib.services.schedule import Schedule
from chalicelib.services.slices import Slices
from chalicelib.services.sweep import Sweeper
from chalicelib.services.system import System
from chalicelib.services.tags import Tags
from chalicelib.services.transcoding import Transcoding
from chalicelib.services.upload import Upload
from chalicelib.storage.dynamodb.intakes import Intakes
from chalicelib.storage.dynamodb.registry import Registry
from chalicelib.storage.s3.annotation_copies import AnnotationCopies
from chalicelib.storage.s3.archives import ArchiveFiles
from chalicelib.storage.s3.direct_uploads import DirectUploads
from chalicelib.storage.s3.file_listing import FileListing
from chalicelib.storage.s3.inbox import InboxBucket
from chalicelib.storage.s3.notes import JobNotes
from chalicelib.storage.s3.ranged import RangedObjects
from chalicelib.storage.sqs.queue import Queue

if TYPE_CHECKING:
    from chalicelib.settings import Settings
    from chalicelib.storage.clients import Clients


def build(
    settings: Settings,
    clients: Clients,
    *,
    clock: Clock = system_clock,
    pool: Executor | None = None,
    work_pool: Callable[[int], Executor] = ThreadPoolExecutor,
    sleep: Callable[[float], None] = time.sleep,
    dicom_out: DicomOut | None = None,
) -> Services:
    """Put the services together. No AWS call is made.

    With `dicom_out` this process speaks DICOM, and does the jobs that need it.

    `pool` is for AWS calls; `work_pool` makes those for what waits for them. Events wait for uploads, and
    uploads for calls, so that none of the three may be another.
    """
    base = Foundations.lay(settings, clients, clock=clock, pool=pool, work_pool=work_pool, sleep=sleep)
    keys, table, index, writes, log, files = (
        base.keys,
        base.table,
        base.index,
        base.writes,
        base.log,
        base.files,
    )
    pool, upload_pool = base.pool, base.upload_pool
    encoding = base.options.encoding
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
        pool,
        clock,
        stable_age_seconds=settings.stable_age,
        sleep=sleep,
    )
    browse = Browse(index, pool)
    reading = Reading(index, browse, files, pool)
    dictionary = Dictionary(settings.dictionary)
    requested_tags = RequestedTags(browse, reading, encoding)
    copies = AnnotationCopies(files, clock)
    annotate = Annotate(index, writes, log, copies, pool, clock, sleep=sleep)
    names = metadata_names(settings.user_metadata)
    bulk = Bulk(index, browse, delete, pool)
    archive_files = ArchiveFiles(clients.s3, settings.files_bucket, settings.tenant)
    transcoding = Transcoding(reading, default_quality=settings.dicom_lossy_transcoding_quality)
    notes = JobNotes(clients.s3, settings.files_bucket, settings.tenant)
    exports = Exports(
        base.exports_log,
        index,
        clock,
        is_kept=settings.log_exported_resources,
        days=settings.exports_kept_days,
        sleep=sleep,
    )
    reception = Reception(ingest, files, default_encoding=encoding)
    spool, peers = make_spool(base, reading, dicom_out), make_peers(base)
    sending = make_sending(transcoding, spool, dicom_out)
    works = network_works(base, sending, reception, notes, exports, dicom_out)
    works |= peer_works(base, peers, transcoding, spool, notes, exports)
    by_jobs = build_jobs(
        base, ingest, browse, bulk, reading, transcoding, dictionary, archive_files, notes, works
    )
    modalities = Modalities(Registry(table, keys, "modalities"), settings.dicom_modalities, clock)
    network_runner = by_jobs.network_runner if dicom_out else None
    find = Find(
        index,
        browse,
        reading,
        requested_tags,
        pool,
        names=names,
        default_encoding=encoding,
        maximum_scan=settings.maximum_find_scan,
    )
    query = DicomQuery(find, browse, requested_tags)
    network = build_network(
        base, bulk, modalities, by_jobs.jobs, network_runner, notes, exports, sending, query
    )
    recount = Recount(index, log, tallies, sweeper.follow, pool, sleep=sleep)
    restore = AnnotationRestore(annotate, copies, listing, orphans, pool)
    rebuild = Rebuild(index, source, ingest, restore, delete.under_way, recount, upload_pool, encoding)
    return Services(
        settings=settings,
        clock=clock,
        log=log,
        files=files,
        tallies=tallies,
        ingest=ingest,
        upload=Upload(ingest, upload_pool, settings.maximum_upload_bytes),
        reception=reception,
        inbox=inbox,
        inbox_events=InboxEvents(inbox, inbox_bucket, inbox_queue, base.event_pool),
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
        find=find,
        bulk=bulk,
        jobs=by_jobs.jobs,
        job_runner=by_jobs.runner,
        archives=by_jobs.archives,
        modifications=by_jobs.modifications,
        transcoding=transcoding,
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
        slices=Slices(browse),
        handed_out=HandedOut(archive_files, maximum_inline_bytes=settings.maximum_inline_bytes),
        changes=Changes(log, tallies),
        modalities=modalities,
        network=network,
        peers=build_peers(peers, bulk, transcoding, by_jobs.jobs, network.waiting, notes),
        network_runner=network_runner,
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
        schedule=Schedule(sweeper, inbox, by_jobs.runner, network.exports),
        reconstructions=by_jobs.reconstructions,
        rebuild=rebuild,
        checker=Checker(
            index, writes, source, ingest, delete.under_way, rebuild, annotate, recount, pool, clock
        ),
        system=System(settings),
        options=base.options,
        metrics=Metrics(tallies, log, by_jobs.store, clock),
    )
