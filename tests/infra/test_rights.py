"""Least privilege: the store works with the rights of its roles, and none of them is one too many.

The data plane is the deployed template's; recorded conversations with Orthanc and everyday work run on it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.application import make_app
from chalicelib.observability import Telemetry
from chalicelib.settings import VARIABLES
from dicom_listener.scu import DicomScu
from infra.permissions import FUNCTIONS, LISTENER, Part
from tests.conformance.comparison import deviations
from tests.conformance.exchanges import Request, load
from tests.conformance.nacre import OPTIONS
from tests.conformance.session import Replay
from tests.conformance.topics import SCENARIOS, differences_in
from tests.dicom.scp import Scp
from tests.infra import deeds
from tests.infra.deployed import ROLES, Cloud, Deployed, cloud
from tests.infra.synthesized import of_type, templates
from tests.support.client import Answer, Client
from tests.support.rights import Right, rights

CONVERSATIONS = [
    "store/uploads",
    "store/changes",
    "store/deletes",
    "store/overwrite always",
    "find/matching",
    "annotations/attachments",
    "annotations/labels",
    "archives/jobs",
    "modification/by_jobs",
    "reconstruct/reconstruct",
    "system/options",
]

EVENT_SOURCE = {
    (f"sqs:{action}", queue)
    for action in ("DeleteMessage", "GetQueueAttributes", "ReceiveMessage")
    for queue in (Part.INBOX_QUEUE, Part.JOBS_QUEUE)
}
"""Calls that Lambda makes itself, with the role of the function."""

RECOVERY = {
    "api_handler": {
        ("dynamodb:ConditionCheckItem", Part.INDEX): "a race with a delete of the parent",
        ("s3:AbortMultipartUpload", Part.FILES_OBJECTS): "an attachment of many megabytes whose upload fails",
    },
    "sweep": {
        ("dynamodb:BatchWriteItem", Part.INDEX): "a delete that died half-way",
        ("dynamodb:ConditionCheckItem", Part.INDEX): "an event of a series that is being deleted",
        ("s3:AbortMultipartUpload", Part.FILES_OBJECTS): "a file of many gigabytes whose copy fails",
        ("s3:DeleteObject", Part.FILES_OBJECTS): "a delete that died half-way",
        ("s3:GetObject", Part.FILES_OBJECTS): "a file without an entry, which is set aside by a copy",
        ("sqs:SendMessage", Part.JOBS_QUEUE): "a job whose message got lost",
    },
    "jobs": {
        ("dynamodb:BatchGetItem", Part.LOG): "as GetItem",
        ("dynamodb:GetItem", Part.LOG): "whether a transaction whose answer was lost has been carried out",
        ("dynamodb:BatchWriteItem", Part.INDEX): "a resource whose delete died half-way stands in the way",
        ("dynamodb:UpdateItem", Part.INDEX): "as BatchWriteItem",
        ("s3:AbortMultipartUpload", Part.FILES_OBJECTS): "an archive that is cancelled",
        ("sqs:SendMessage", Part.JOBS_QUEUE): "a job that runs out of Lambda's time",
    },
    "inbox": {
        ("dynamodb:BatchGetItem", Part.LOG): "as GetItem",
        ("dynamodb:GetItem", Part.LOG): "whether a transaction whose answer was lost has been carried out",
        ("dynamodb:BatchWriteItem", Part.INDEX): "an overwritten instance, or a delete that died half-way",
        ("dynamodb:ConditionCheckItem", Part.INDEX): "a race with a delete of the parent",
        ("dynamodb:DeleteItem", Part.INDEX): "an overwritten instance",
        ("dynamodb:UpdateItem", Part.INDEX): "an overwritten instance",
        ("s3:AbortMultipartUpload", Part.FILES_OBJECTS): "a file of many gigabytes whose copy fails",
        ("s3:DeleteObject", Part.FILES_OBJECTS): "an overwritten instance, a lost race",
        (
            "s3:GetObject",
            Part.FILES_OBJECTS,
        ): "an instance whose parents were deleted meanwhile is described anew",
        ("s3:ListBucket", Part.FILES): "as GetObject",
    },
    "listener": {
        ("dynamodb:BatchGetItem", Part.LOG): "as GetItem",
        ("dynamodb:GetItem", Part.LOG): "whether a transaction whose answer was lost has been carried out",
        ("dynamodb:BatchWriteItem", Part.INDEX): "an overwritten instance",
        ("dynamodb:ConditionCheckItem", Part.INDEX): "a race with a delete of the parent",
        ("dynamodb:GetItem", Part.INDEX): "a job that somebody else has changed",
        ("dynamodb:UpdateItem", Part.INDEX): "an overwritten instance",
        ("s3:AbortMultipartUpload", Part.FILES_OBJECTS): "a large object whose upload fails",
        ("sqs:SendMessage", Part.JOBS_QUEUE): "a job for Lambda that is waited for",
        ("sqs:SendMessage", Part.NETWORK_QUEUE): "the next job to a busy modality",
    },
}
"""Rights for what goes wrong, which no everyday work shows: when they are needed."""


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with cloud(tmp_path_factory.mktemp("cloud")) as found:
        yield found


class Roles:
    """A deployed store under a scenario: each part of the work is done by the role that does it on AWS."""

    def __init__(self, store: Deployed) -> None:
        self._store = store
        telemetry = Telemetry(logging.getLogger("rights"), None)
        self.client = Client(make_app(store.roles["api_handler"], telemetry))

    def send(self, request: Request) -> Answer:
        return self.client.request(request.method, request.path, request.body.data, request.headers)

    def wait_until_stable(self) -> None:
        for seconds in (7200, 100, 100):
            self._store.clock.advance(seconds)
            self._store.roles["sweep"].sweeper.tick()

    def work(self) -> None:
        while self._store.roles["jobs"].job_runner.run_next():
            continue

    def catch_up(self) -> None:
        self._store.roles["sweep"].sweeper.tick()


@pytest.mark.filterwarnings("ignore:::pydicom")
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_recorded_conversations_on_the_deployed_data_plane(name: str, emulated: Cloud) -> None:
    play, options = SCENARIOS[name]
    store = emulated.deploy(**as_environment({**OPTIONS, **options}))
    store.roles["sweep"].sweeper.tick()
    recorded = load(name)
    session = Replay(Roles(store), recorded)
    play(session)
    problems = []
    for orthanc, nacre in zip(recorded, session.exchanges, strict=True):
        allowed = {field for difference in differences_in(name, orthanc) for field in difference.fields}
        found = {deviation.field: deviation for deviation in deviations(orthanc, nacre)}
        problems += [(orthanc.request, found[field]) for field in found.keys() - allowed]
    assert problems == []
    assert {role: guard.refused for role, guard in store.guards.items() if guard.refused} == {}


def as_environment(options: dict[str, Any]) -> dict[str, str]:
    variables = {name: variable.removeprefix("NACRE_").lower() for variable, name in VARIABLES.items()}
    return {
        variables[name]: value if isinstance(value, str) else json.dumps(value)
        for name, value in options.items()
    }


@pytest.mark.filterwarnings("ignore:::pydicom")
def test_every_right_is_used_or_is_for_what_goes_wrong(emulated: Cloud, tmp_path: Path) -> None:
    store = emulated.deploy(DicomScu(16384), log_exported_resources="true", dicom_folder=str(tmp_path))
    roles = Roles(store)
    deeds.upload_past_the_gateway(store, roles.client)
    deeds.take_in(store, roles.client)
    with Scp() as receiver:
        deeds.send(store, roles.client, receiver.port)
    deeds.answer_queries(store, roles.client)
    deeds.receive(store, roles.client, tmp_path)
    deeds.cut_jobs(store, roles.client)
    deeds.annotate_and_delete(store, roles.client)
    deeds.sweep(store, roles.client)
    assert {role: guard.refused for role, guard in store.guards.items() if guard.refused} == {}
    unused = {role: guard.allowed - guard.used - EVENT_SOURCE for role, guard in store.guards.items()}
    wrong = {role: sorted(map(str, unused[role] ^ RECOVERY[role].keys())) for role in ROLES}
    assert {role: each for role, each in wrong.items() if each} == {}


def test_a_call_without_the_right_is_refused(emulated: Cloud) -> None:
    store = emulated.deploy()
    for guard in store.guards.values():
        guard.allowed.discard(("s3:PutObject", Part.FILES_OBJECTS))
    assert Roles(store).client.post("/instances", deeds.ct()).status == 503
    assert store.guards["api_handler"].refused == {("s3:PutObject", Part.FILES_OBJECTS)}


def test_the_synthesized_policies_say_just_that() -> None:
    """Nothing but the rights of `infra.permissions`, the key, the function's own log, and its network interfaces."""
    expected = {f"{name.title().replace('_', '')}Role": FUNCTIONS[name] for name in FUNCTIONS}
    expected["DicomRole"] = LISTENER
    found = synthesized_rights()
    assert {name: found[name][0] for name in found} == {n: rights(p) for n, p in expected.items()}
    assert {name for name, (_, others) in found.items() if others - {"kms", "logs", "ec2"}} == set()
    assert found["DicomRole"][1] == {"kms"}


def synthesized_rights() -> dict[str, tuple[set[Right], set[str]]]:
    """Of each role: its rights on parts of the store, and the services of the other ones."""
    found: dict[str, tuple[set[Right], set[str]]] = {}
    for name, policy in of_type(templates(), "AWS::IAM::Policy"):
        role = name.partition("DefaultPolicy")[0]
        if not role.endswith("Role") or role.startswith(("Vpc", "Trail", "DicomTask", "Api" + "Cloud")):
            continue
        own, others = found.setdefault(role, (set(), set()))
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            for action in as_list(statement["Action"]):
                service = action.split(":")[0]
                if service in ("kms", "logs", "ec2"):
                    others.add(service)
                    continue
                assert statement["Effect"] == "Allow"
                assert "*" not in action
                own |= {(action, part_of(resource)) for resource in as_list(statement["Resource"])}
    return found


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def part_of(resource: Any) -> Part:
    """The part of the store that an ARN in a policy is of."""
    text = json.dumps(resource)
    suffix = "/*" if '/*"' in text else ""
    names = {
        "nacre-prod-files-": Part.FILES_OBJECTS if suffix else Part.FILES,
        "nacre-prod-inbox-": Part.INBOX_OBJECTS if suffix else Part.INBOX,
        "FnGetAttIndex": Part.INDEX,
        "FnGetAttLog": Part.LOG,
        "FnGetAttInboxQueue": Part.INBOX_QUEUE,
        "FnGetAttJobsQueue": Part.JOBS_QUEUE,
        "FnGetAttNetworkQueue": Part.NETWORK_QUEUE,
        "RefUsers": Part.USERS,
    }
    (part,) = (part for name, part in names.items() if name in text)
    return part
