"""What is deleted while its ingest has lost sight of it does not come back without its file."""

from __future__ import annotations

from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError

from chalicelib.domain.levels import Level
from tests.faults.operations import ONE
from tests.support.checker import problems
from tests.support.faults import Send
from tests.support.local_world import local_world
from tests.support.world import World, described


def _lose_first_transaction(world: World, meanwhile: Any) -> None:
    """Carry out the first transaction, do something else, and lose the answer for good."""
    lost: list[Any] = []

    def spoiled(_number: int, _name: str, request: AWSPreparedRequest, send: Send) -> AWSResponse:
        is_transaction = request.headers.get("X-Amz-Target", b"").endswith(b".TransactWriteItems")
        if not is_transaction or (lost and request.body != lost[0]):
            return send(request)
        if not lost:
            lost.append(request.body)
            send(request)
            meanwhile()
        raise ConnectionClosedError(endpoint_url=request.url)

    world.calls.spoil(spoiled)


def test_an_instance_that_was_stored_unseen_and_deleted_stays_deleted() -> None:
    with local_world() as world:
        identifier = ONE.identifiers[Level.INSTANCE]
        _lose_first_transaction(world, lambda: world.services.delete.delete(Level.INSTANCE, identifier))
        world.store(ONE)
        world.settle()
        assert problems(world) == []
        assert world.services.listing.all(Level.INSTANCE) == []


def test_an_orphan_that_is_deleted_while_it_gets_new_ancestors_stays_deleted() -> None:
    with local_world() as world:
        world.store(ONE)
        orphan = world.services.reading.instance(ONE.identifiers[Level.INSTANCE])
        kept = described("P", "1", "1", "2")
        world.store(kept)
        ingest, delete = world.services.ingest, world.services.delete
        find_lineage = ingest._lineage

        def deleted_behind(description: Any) -> Any:
            lineage = find_lineage(description)
            ingest._lineage = find_lineage
            delete.delete(Level.SERIES, ONE.identifiers[Level.SERIES])
            return type(lineage).of([None, None, None], lineage.instance)

        ingest._lineage = deleted_behind
        ingest.reattach(orphan)
        world.settle()
        assert problems(world) == []
        assert world.services.listing.all(Level.PATIENT) == []
