"""kill -9 under load, at random points: what was acknowledged is in the store, what was begun is sent, and told.

``KILL_ROUNDS=50 python -m pytest tests/dicom/test_kill.py`` kills fifty times.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import requests
from pydicom.uid import generate_uid

from chalicelib.bootstrap import build
from chalicelib.domain.jobs import JobState
from chalicelib.services.network.store_work import BATCH
from chalicelib.settings import Settings
from chalicelib.storage.clients import make_clients
from dicom_listener.statuses import SUCCESS
from infra.local.stack import offline
from infra.resources import define
from tests.dicom.scp import Scp
from tests.listener.peer import associated, image
from tests.support.checker import problems
from tests.support.stack import RunningStack

ROUNDS = int(os.environ.get("KILL_ROUNDS", "3"))
SENDERS = 3
PER_STUDY = 25
AT_ONCE = 2  # jobs to one modality
LONGEST_PAUSE_SECONDS = 0.5
PATIENCE_SECONDS = 240.0


@dataclass
class Load:
    """Senders that store studies, and have each sent on when it is complete, whatever happens to the stack."""

    stack: RunningStack
    stop: threading.Event = field(default_factory=threading.Event)
    abandoned: threading.Event = field(default_factory=threading.Event)
    acknowledged: list[str] = field(default_factory=list)
    sent_on: list[str] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator[None]:
        """They, until the end of the block; each ends with the study that it is at."""
        threads = [threading.Thread(target=self._run) for _ in range(SENDERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        except BaseException:
            self.abandoned.set()
            raise
        finally:
            self.stop.set()
            for thread in threads:
                thread.join()

    def _run(self) -> None:
        try:
            while not self.stop.is_set():
                study = str(generate_uid())[:60]
                images = [str(generate_uid()) for _ in range(PER_STUDY)]
                self._store(study, images)
                self._send_on(study, images)
        except BaseException as error:
            self.failures.append(error)

    def wait_for(self, images: int, jobs: int) -> None:
        """Until so many more images are acknowledged, and so many more jobs asked for, than now.

        Kills come by the progress of the load, not by time: on a machine of any speed they meet it at its work.
        """
        images += len(self.acknowledged)
        jobs += len(self.jobs)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (len(self.acknowledged) < images or len(self.jobs) < jobs) and not self.failures:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def _store(self, study: str, images: list[str]) -> None:
        """Store the images of a study, each until it is acknowledged."""
        waiting = list(images)
        while waiting and not self.abandoned.is_set():
            with associated(self.stack.dicom_port) as association:
                while waiting and association.is_established:
                    dataset = image(StudyInstanceUID=study, SeriesInstanceUID=f"{study}.1")
                    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = waiting[0]
                    try:
                        answer = association.send_c_store(dataset)
                    except RuntimeError:  # it has just ended
                        break
                    if answer.get("Status") == SUCCESS:
                        self.acknowledged.append(waiting.pop(0))
            if waiting:
                self.abandoned.wait(0.1)

    def _send_on(self, study: str, images: list[str]) -> None:
        """Have a study sent on, until that is acknowledged."""
        while not self.abandoned.is_set():
            try:
                found = self._post("/tools/lookup", data=study).json()
                (identifier,) = [one["ID"] for one in found]
                body = {"Resources": [identifier], "Asynchronous": True}
                self.jobs.append(self._post("/modalities/peer/store", json=body).json()["ID"])
                self.sent_on += images
            except requests.RequestException:
                self.abandoned.wait(0.1)
            else:
                return

    def _post(self, path: str, **content: Any) -> requests.Response:
        answer = requests.post(self.stack.url + path, timeout=30, **content)
        answer.raise_for_status()
        return answer


def test_nothing_is_lost_by_kills_under_load(tmp_path: Path) -> None:
    chance = random.Random(ROUNDS)
    stack = RunningStack(tmp_path, NACRE_LOG_EXPORTED_RESOURCES="true")
    with services_over(tmp_path) as world:
        world.services.sweeper.tick()  # as in a new store before its first upload
    with Scp() as receiver:
        try:
            stack.start()
            load = Load(stack)
            assert requests.put(f"{stack.url}/modalities/peer", json=receiver.modality(), timeout=10).ok
            with load.running():
                for number in range(ROUNDS):
                    load.wait_for(images=chance.randint(1, PER_STUDY * SENDERS), jobs=number % 2)
                    time.sleep(chance.uniform(0, LONGEST_PAUSE_SECONDS))
                    kill(stack, chance)
                    let_leases_run_out(tmp_path)
                    stack.start()
            assert load.failures == []
            wait_for_jobs(stack)
            judge(stack, load, receiver)
        finally:
            stack.kill()
    check(tmp_path)


def kill(stack: RunningStack, chance: random.Random) -> None:
    """Kill the listener's processes, and sometimes all others at once; else the stack ends by itself."""
    listeners = [pid for pid in stack.children if b"infra.local.listener" in _command(pid)]
    assert listeners
    if chance.random() < 0.5:
        stack.kill()
        return
    for pid in listeners:
        os.kill(pid, signal.SIGKILL)
    assert stack.wait() == 1


def _command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


@contextmanager
def services_over(data: Path, clock: Any = time.time) -> Iterator[Any]:
    """The services, and what the checker needs, over the data of a stack that does not run."""
    settings = Settings.load({"NACRE_DATA": str(data)})
    with offline(settings) as url:
        clients = make_clients(url)
        settings = msgspec.structs.replace(settings, aws_endpoint_url=url)
        resources = define(settings)
        names = SimpleNamespace(
            index=resources.index.name, log=resources.log.name, files=resources.files.name
        )
        services = build(settings, clients, clock=clock)
        yield SimpleNamespace(services=services, dynamodb=clients.dynamodb, s3=clients.s3, resources=names)


def let_leases_run_out(data: Path) -> None:
    """As if a minute had passed since the workers died."""
    with services_over(data) as world:
        store = world.services.jobs._store
        for job in store.unfinished():
            assert store.save(replace(job, lease_until=0.0, updated_at=0.0)) is not None


def wait_for_jobs(stack: RunningStack) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    final = {state.value for state in JobState if state.is_final}
    while {job["State"] for job in requests.get(f"{stack.url}/jobs?expand", timeout=30).json()} - final:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def judge(stack: RunningStack, load: Load, receiver: Scp) -> None:
    """All that was promised has been done."""
    stored = {one["MainDicomTags"]["SOPInstanceUID"]: one["ID"] for one in get(stack, "/instances?expand")}
    assert load.acknowledged
    assert set(load.acknowledged) <= set(stored)
    for identifier in stored.values():
        assert requests.get(f"{stack.url}/instances/{identifier}/file", timeout=30).ok
    jobs = get(stack, "/jobs?expand")
    assert {job["ID"] for job in jobs} >= set(load.jobs)
    assert {(job["State"], job["Content"]["FailedInstancesCount"]) for job in jobs} == {("Success", 0)}
    times = Counter(receiver.received)
    assert load.sent_on
    assert set(load.sent_on) == set(times)
    assert set(exported(stack)) == set(times)
    # A job whose answer was lost is asked for again, and sends all of its study again.
    asked_again = len(jobs) - len(load.jobs)
    assert times.total() - len(times) <= ROUNDS * AT_ONCE * BATCH + asked_again * PER_STUDY


def exported(stack: RunningStack) -> list[str]:
    found: list[str] = []
    since, done = 0, False
    while not done:
        page = get(stack, f"/exports?since={since}&limit=100")
        found += [one["SOPInstanceUID"] for one in page["Exports"]]
        since, done = page["Last"], page["Done"]
    return found


def get(stack: RunningStack, path: str) -> Any:
    answer = requests.get(stack.url + path, timeout=60)
    assert answer.ok
    return answer.json()


def check(data: Path) -> None:
    """The index, the log and the bucket agree, once hours have passed."""
    now = [time.time()]
    with services_over(data, lambda: now[0]) as world:
        for seconds in (7200, 100, 100):
            now[0] += seconds
            world.services.sweeper.tick()
        assert problems(world) == []
