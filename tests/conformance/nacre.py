"""Our side: the application in process, on a fresh store for each scenario."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from chalicelib.application import make_app
from chalicelib.observability import Telemetry
from chalicelib.settings import VARIABLES
from dicom_listener.listener import configure_pynetdicom
from dicom_listener.scu import DicomScu
from tests.conformance import one_file
from tests.conformance.corpus import corpus
from tests.conformance.exchanges import Exchange, Request, load
from tests.conformance.session import Replay
from tests.conformance.topics import SCENARIOS
from tests.support.client import Answer, Client
from tests.support.local_world import local_world
from tests.support.world import World

OPTIONS = {"Name": "Store", "DicomAet": "ORTHANC", "StableAge": 3600}


class Nacre:
    """A store under the scenarios."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._client = Client(make_app(world.services, Telemetry(logging.getLogger("conformance"), None)))

    def send(self, request: Request) -> Answer:
        """Send a request and wait for the answer."""
        return self._client.request(request.method, request.path, request.body.data, request.headers)

    def wait_until_stable(self) -> None:
        """Let `StableAge` pass."""
        self._world.settle()

    def work(self) -> None:
        """Let all jobs end."""
        services = self._world.services
        while services.job_runner.run_next() or services.network_runner.run_next():
            continue

    def catch_up(self) -> None:
        """Let background work be done, but no time pass."""
        self._world.services.sweeper.tick()


@contextmanager
def fresh(options: Mapping[str, object]) -> Iterator[Nacre]:
    """An empty store."""
    variable = {name: variable.removeprefix("NACRE_") for variable, name in VARIABLES.items()}
    values = {**OPTIONS, **options}.items()
    settings = {variable[name]: v if isinstance(v, str) else json.dumps(v) for name, v in values}
    with local_world(dicom_out=DicomScu(16384), dicom_folder=_folder(), **settings) as world:
        yield Nacre(world)


@cache
def _folder() -> str:
    """Where files of this process lie on their way; pynetdicom is set up with it once."""
    folder = mkdtemp()
    configure_pynetdicom(Path(folder))
    return folder


def scenario_names() -> list[str]:
    """Every scenario: those about the store and one for each file."""
    return [*SCENARIOS, *corpus()]


def replay(name: str) -> list[tuple[Exchange, Exchange]]:
    """Play a scenario on a fresh store; returns what Orthanc and Nacre answered to each request."""
    recorded = load(name)
    play, options = SCENARIOS.get(name, (None, {}))
    with fresh(options) as nacre:
        session = Replay(nacre, recorded)
        if play is None:
            one_file.play(session, name, corpus()[name])
        else:
            play(session)
    return list(zip(recorded, session.exchanges, strict=True))
