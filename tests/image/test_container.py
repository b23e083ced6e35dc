"""The listener's image, built by its Dockerfile and run as ECS is told to: it stores, tells its health, drains."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import msgspec
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pynetdicom.association import Association
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.pdu_primitives import P_DATA

from chalicelib.bootstrap import Services, build
from chalicelib.settings import Settings
from chalicelib.storage.clients import make_clients
from dicom_listener.statuses import SUCCESS
from infra.local.stack import emulator
from infra.package.build import ROOT, stage_environment
from infra.resources import create, define
from infra.stages import load_stage
from tests.dicom.certificates import Certificate, authority, signed
from tests.dicom.peers import tool
from tests.image.build import Image, built
from tests.image.network import own_network
from tests.image.task import Container, definition, running, variables
from tests.listener.peer import CT, associated, encoded, image

DICOM_PORT, HEALTH_PORT = 4242, 8043
CT_FILE = Path(str(get_testdata_file("CT_small.dcm")))
CT_ID = "f689ddd2-662f8fe1-8b18180d-ec2a2cee-937917af"


@dataclass(frozen=True)
class Store:
    """The store that a container is pointed at."""

    services: Services
    surroundings: dict[str, str]

    def file(self, identifier: str) -> bytes:
        reading = self.services.reading
        return reading.file(reading.instance(identifier))


@pytest.fixture(scope="module")
def listener() -> Image:
    return built(ROOT / "build/image")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store on the emulator, in a network of this test alone."""
    with own_network(), emulator(tmp_path / "data") as url:
        settings = Settings.load(stage_environment("prod") | {"NACRE_USERS_SECRET": "unused"})
        clients = make_clients(url)
        resources = define(settings)
        urls = create(resources, clients)
        surroundings = {
            "NACRE_AWS_ENDPOINT_URL": url,
            "AWS_REGION": "us-east-1",
            "NACRE_FILES_BUCKET": resources.files.name,
            "NACRE_INBOX_BUCKET": resources.inbox.name,
            "NACRE_INBOX_QUEUE_URL": urls.inbox,
            "NACRE_JOBS_QUEUE_URL": urls.jobs,
            "NACRE_NETWORK_QUEUE_URL": urls.network,
            "NACRE_USERS_SECRET": "unused",
        }
        yield Store(build(settings, clients), surroundings)


@pytest.fixture
def container(listener: Image, store: Store, tmp_path: Path) -> Iterator[Container]:
    task = definition("nacre-prod-dicom")
    with running(listener, task, variables(task, store.surroundings), tmp_path) as container:
        container.wait_until_healthy()
        # Which it is when the first of its processes serves.
        wait_for(lambda: events(container).count("listening") == expected_processes(container))
        yield container


@pytest.fixture
def known(tmp_path: Path) -> tuple[Certificate, Certificate, Certificate]:
    """An authority, and the certificates of the listener and of a modality that it has signed."""
    trusted = authority(tmp_path, "trusted")
    return trusted, signed(tmp_path, "node", trusted), signed(tmp_path, "peer", trusted)


def send(*options: str) -> subprocess.CompletedProcess[str]:
    command = [tool("storescu"), *options, "-aec", "NACRE", "127.0.0.1", str(DICOM_PORT), str(CT_FILE)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def health() -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{HEALTH_PORT}/health", timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_what_a_modality_sends_is_in_the_store(container: Container, store: Store) -> None:
    assert send().returncode == 0, container.output.read_text()
    sent = dcmread(CT_FILE)
    del sent.DataSetTrailingPadding  # dcmtk sends it to nobody
    assert dcmread(BytesIO(store.file(CT_ID))) == sent


def test_a_container_writes_to_its_volume_alone_and_has_no_rights_of_root(container: Container) -> None:
    for path in ("/", "/opt/nacre/app", "/tmp", "/var/tmp", "/home"):
        refused = container.run("touch", f"{path}/file")
        assert "Read-only file system" in refused.stderr
    assert container.run("touch", "/scratch/file").returncode == 0
    assert {path.name for path in container.scratch.iterdir()} == {"objects", "file"}

    init, *others = processes(container.pid)
    assert init.endswith(b"--\0python\0-m\0dicom_listener\0")
    assert len([line for line in others if b"multiprocessing.spawn" in line]) == expected_processes(container)
    for number in tree(container.pid):
        status = Path(f"/proc/{number}/status").read_text()
        assert re.search(r"^Uid:(\t10001){4}$", status, re.MULTILINE)
        assert re.search(r"^Gid:(\t10001){4}$", status, re.MULTILINE)
        assert re.search(r"^Groups:\s*$", status, re.MULTILINE)
        assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE)


def tree(number: int) -> list[int]:
    """A process and all that it started, as the machine numbers them."""
    children = Path(f"/proc/{number}/task/{number}/children").read_text().split()
    return [number, *(below for child in children for below in tree(int(child)))]


def processes(number: int) -> list[bytes]:
    return [Path(f"/proc/{one}/cmdline").read_bytes() for one in tree(number)]


def test_certificates_come_out_of_the_secret_as_texts(
    listener: Image, store: Store, tmp_path: Path, known: tuple[Certificate, Certificate, Certificate]
) -> None:
    trusted, node, peer = known
    texts = {f"NACRE_{n.upper()}": Path(path).read_text() for n, path in node.settings(trusted).items()}
    task = definition("nacre-prod-dicomtls", msgspec.structs.replace(load_stage("prod"), dicom_tls=True))
    environment = variables(task, store.surroundings | texts)
    with running(listener, task, environment, tmp_path) as container:
        container.wait_until_healthy()
        assert send(*peer.dcmtk(trusted)).returncode == 0, container.output.read_text()
        assert send().returncode != 0
        assert store.services.browse.lookup(str(dcmread(CT_FILE).SOPInstanceUID))
        assert not [path for path in container.scratch.rglob("*") if path.is_file()]
        assert "BEGIN" not in container.output.read_text()


def test_asked_to_stop_it_finishes_what_it_receives_and_takes_no_more(
    container: Container, store: Store
) -> None:
    dataset = image()
    with associated(DICOM_PORT) as association:
        assert association.is_established
        pieces = request(association, dataset.SOPInstanceUID, encoded(dataset))
        half = len(pieces) // 2
        assert half > 1
        for piece in pieces[:half]:
            association.dul.send_pdu(piece)
        container.ask_to_stop()
        wait_for(lambda: health() == 503)
        assert not container.is_healthy()
        wait_for(lambda: send().returncode != 0)
        for piece in pieces[half:]:
            association.dul.send_pdu(piece)
        _, answer = association.dimse.get_msg(block=True)
        assert answer is not None
        assert answer.Status == SUCCESS
        association._reactor_checkpoint.set()
    assert container.process.wait(container.definition["StopTimeout"]) == 0, container.output.read_text()
    assert events(container).count("drained") == expected_processes(container)
    ((_, identifier),) = store.services.browse.lookup(dataset.SOPInstanceUID)
    assert dcmread(BytesIO(store.file(identifier))) == dataset


def test_asked_to_stop_while_it_starts_it_stops(listener: Image, store: Store, tmp_path: Path) -> None:
    task = definition("nacre-prod-dicom")
    with running(listener, task, variables(task, store.surroundings), tmp_path) as container:
        wait_for(lambda: "listening" in events(container))
        container.ask_to_stop()
        assert container.process.wait(30) == 0, container.output.read_text()


def expected_processes(container: Container) -> int:
    return Settings.load(container.image.environment).dicom_processes


def events(container: Container) -> list[str]:
    """What the container has logged so far."""
    return [json.loads(line)["message"] for line in container.output.read_text().splitlines()]


def request(association: Association, sop_instance_uid: str, data: bytes) -> list[P_DATA]:
    """A C-STORE request in the pieces that go over the network, none of which is sent."""
    primitive = C_STORE()
    primitive.MessageID, primitive.Priority = 1, 2
    primitive.AffectedSOPClassUID, primitive.AffectedSOPInstanceUID = CT, sop_instance_uid
    primitive.DataSet = BytesIO(data)
    message = C_STORE_RQ()
    message.primitive_to_message(primitive)
    (context,) = association.accepted_contexts
    assert context.context_id is not None
    association._reactor_checkpoint.clear()  # or pynetdicom's own thread may take the answer
    wait_for(lambda: association._is_paused)
    return list(message.encode_msg(context.context_id, association.acceptor.maximum_length))


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
