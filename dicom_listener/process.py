"""One process of the listener, put together: the composition root of this container."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
from pynetdicom import evt
from pynetdicom.dimse_primitives import C_FIND, C_GET, C_MOVE
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made at run time
    ModalityWorklistInformationFind,
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet,
    PatientRootQueryRetrieveInformationModelMove,
    StorageCommitmentPushModel,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

from chalicelib.bootstrap import Services, build
from chalicelib.domain.levels import Level
from chalicelib.domain.modalities import Operation
from chalicelib.observability import Telemetry
from chalicelib.services.runtime_options import RuntimeOptions
from chalicelib.settings import Settings
from chalicelib.storage.clients import make_clients
from dicom_listener.access import Access, Policy
from dicom_listener.committing import commitment_handler, report_handler
from dicom_listener.contexts import STORAGE_SYNTAXES, Contexts, StorageRules
from dicom_listener.find_answers import Find, serve_find
from dicom_listener.finding import find_handler
from dicom_listener.health import Health, start_health
from dicom_listener.listener import Listener, ListenerOptions, configure_pynetdicom
from dicom_listener.monitor import Monitor
from dicom_listener.peers import peer_of
from dicom_listener.renewal import Report
from dicom_listener.retrieving import Retrieve
from dicom_listener.scu import DicomScu
from dicom_listener.statuses import NOT_AUTHORISED, SUCCESS
from dicom_listener.storing import store_handler
from dicom_listener.tls import calling_contexts, listening_context
from dicom_listener.transport import Serving
from dicom_listener.workers import Workers
from dicom_listener.worklist import find_by_model, worklist_handler
from dicom_listener.worklist_files import Folder, Worklist

SERVICES = tuple(
    str(service)
    for service in (
        Verification,
        StorageCommitmentPushModel,
        PatientRootQueryRetrieveInformationModelFind,
        PatientRootQueryRetrieveInformationModelGet,
        PatientRootQueryRetrieveInformationModelMove,
        StudyRootQueryRetrieveInformationModelFind,
        StudyRootQueryRetrieveInformationModelGet,
        StudyRootQueryRetrieveInformationModelMove,
    )
)


def make_listener(
    settings: Settings,
    services: Services,
    listening: socket.socket,
    folder: Path,
    telemetry: Telemetry,
    monitor: Monitor,
) -> Listener:
    """A listener on a socket that is bound already; `folder` is for its objects on their way in."""
    configure_pynetdicom(folder)
    access = Access(policy(settings), services.modalities.find)
    options = ListenerOptions(
        aet=settings.dicom_aet,
        maximum_associations=settings.dicom_threads_count,
        maximum_pdu_bytes=settings.maximum_pdu_length,
        timeout_seconds=settings.dicom_scp_timeout,
    )
    handlers: list[evt.EventHandlerType] = [
        (evt.EVT_C_ECHO, _echo_handler(access)),
        (evt.EVT_C_STORE, store_handler(services.reception, access, telemetry)),
        (
            evt.EVT_N_ACTION,
            commitment_handler(services.network.commitment, access, telemetry),
        ),
    ]
    handlers.append(
        (evt.EVT_N_EVENT_REPORT, report_handler(services.network.commitment_reports, access, telemetry))
    )
    runner = services.network_runner
    assert runner is not None  # noqa: S101 - this process speaks DICOM
    retrieve = Retrieve(
        services.network.query,
        services.modalities,
        services.network.store,
        services.network.getting,
        services.jobs,
        runner,
        access,
        telemetry,
    )
    worklist = (str(ModalityWorklistInformationFind),) if settings.worklists.enable else ()
    contexts = Contexts((*SERVICES, *worklist), lambda: storage_rules(services.options))
    tls = listening_context(settings, reporter(telemetry))
    find = _find_handler(settings, services, access, telemetry)
    serving: Serving = {C_FIND: partial(serve_find, find), C_MOVE: retrieve.serve, C_GET: retrieve.serve}
    return Listener(options, listening, access, contexts, handlers, serving, monitor, tls)


def _find_handler(settings: Settings, services: Services, access: Access, telemetry: Telemetry) -> Find:
    resources = find_handler(
        services.network.query,
        access,
        telemetry,
        aet=settings.dicom_aet,
        limits=lambda level: limit_of(settings, level),
    )
    options = settings.worklists
    folder = Path(options.database) if options.database else None
    files = Folder(folder) if folder else services.network.worklist_objects
    worklist = worklist_handler(
        Worklist(files, telemetry),
        access,
        telemetry,
        limit=options.limit_answers,
        filter_issuer=options.filter_issuer_aet,
    )
    return find_by_model({str(ModalityWorklistInformationFind): worklist}, resources)


def limit_of(settings: Settings, level: Level) -> int:
    """How many answers a query may have at a level; 0 for any number."""
    return settings.limit_find_instances if level is Level.INSTANCE else settings.limit_find_results


def storage_rules(options: RuntimeOptions) -> StorageRules:
    """What may be stored now."""
    options.refresh()
    return StorageRules(
        frozenset(options.transfer_syntaxes(sorted(STORAGE_SYNTAXES))), options.unknown_classes
    )


def policy(settings: Settings) -> Policy:
    """The options that rule access."""
    always = {
        Operation.ECHO: settings.dicom_always_allow_echo,
        Operation.STORE: settings.dicom_always_allow_store,
        Operation.FIND: settings.dicom_always_allow_find,
        Operation.FIND_WORKLIST: settings.dicom_always_allow_find_worklist,
        Operation.GET: settings.dicom_always_allow_get,
        Operation.MOVE: settings.dicom_always_allow_move,
    }
    return Policy(
        aet=settings.dicom_aet,
        always_allowed=frozenset(operation for operation, allowed in always.items() if allowed),
        check_called_aet=settings.dicom_check_called_aet,
        check_modality_host=settings.dicom_check_modality_host,
        strict_aet_comparison=settings.strict_aet_comparison,
    )


def serve(settings: Settings, listening: socket.socket, telemetry: Telemetry) -> Callable[[float], bool]:
    """Serve associations from now on; returns what drains the listener (`Listener.drain`)."""
    folder = Path(settings.dicom_folder) / str(os.getpid())
    configure_pynetdicom(folder)
    settings = msgspec.structs.replace(settings, dicom_folder=str(folder))
    out = DicomScu(
        settings.maximum_pdu_length,
        calling_contexts(settings, reporter(telemetry)),
        settings.dicom_association_close_delay,
    )
    services = build(settings, make_clients(settings.aws_endpoint_url or None), dicom_out=out)
    monitor = Monitor(telemetry)
    listener = make_listener(settings, services, listening, folder, telemetry, monitor)
    workers = Workers(services, telemetry)
    if settings.health_port:
        health = Health(lambda: listener.is_serving, services.modalities.all)
        start_health(health, settings.http_host, settings.health_port)
    listener.start()
    workers.start()
    monitor.start()
    # pynetdicom looks for garbage after each 60 connections: what stays for ever is not to be looked through each time.
    gc.collect()
    gc.freeze()

    def drain(seconds: float) -> bool:
        workers.stop()
        done = listener.drain(seconds)
        out.close()
        monitor.stop()
        return done

    return drain


def reporter(telemetry: Telemetry) -> Report:
    """Logs that TLS files cannot be used."""
    return lambda error: telemetry.event("TLS files cannot be used, the former stay", error=error)


def _echo_handler(access: Access) -> Callable[[evt.Event], int]:
    def echo(event: evt.Event) -> int:
        return SUCCESS if access.is_allowed(peer_of(event.assoc), Operation.ECHO) else NOT_AUTHORISED

    return echo
