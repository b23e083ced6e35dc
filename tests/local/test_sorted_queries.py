"""A query that is shown only what it can reach answers as one that is shown everything."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.storage.clients import make_clients
from tests.support.inprocess import InProcess

KEYS = st.text(alphabet="ab!~\u00e9\U0001f600", min_size=1, max_size=4)
CONDITIONS = ("", " AND begins_with(sk, :v)", " AND sk > :v", " AND sk <= :v", " AND sk BETWEEN :v AND :w")
SPELT_OTHERWISE = {  # the same to DynamoDB, and no form that is known
    "": "",
    " AND begins_with(sk, :v)": " AND begins_with(sk , :v)",
    " AND sk > :v": " AND sk  > :v",
    " AND sk <= :v": " AND sk  <= :v",
    " AND sk BETWEEN :v AND :w": " AND sk  BETWEEN :v AND :w",
}


@settings(deadline=None)
@given(
    keys=st.sets(KEYS, max_size=12),
    removed=st.sets(KEYS, max_size=3),
    condition=st.sampled_from(CONDITIONS),
    operands=st.tuples(KEYS, KEYS),
    limit=st.one_of(st.none(), st.integers(1, 5)),
)
def test_the_answers_are_the_same(
    keys: set[str], removed: set[str], condition: str, operands: tuple[str, str], limit: int | None
) -> None:
    client = _client()
    client.create_table(
        TableName="things",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )
    for key in keys:
        client.put_item(TableName="things", Item={"pk": {"S": "p"}, "sk": {"S": key}})
    for key in removed:
        client.delete_item(TableName="things", Key={"pk": {"S": "p"}, "sk": {"S": key}})
    pages = [
        _pages(client, f"{start}{spelt[condition]}", sorted(operands), limit)
        for start, spelt in (
            ("pk = :pk", dict(zip(CONDITIONS, CONDITIONS, strict=True))),
            ("pk  = :pk", SPELT_OTHERWISE),
        )
    ]
    assert pages[0] == pages[1]


@cache
def _shared() -> tuple[Any, InProcess]:
    emulator = InProcess()
    client: Any = make_clients("https://127.0.0.1:9").dynamodb
    client._endpoint.http_session = emulator
    return client, emulator


def _client() -> Any:
    """A client of an emulator that holds nothing."""
    client, emulator = _shared()
    emulator.account = "200000000000"
    emulator.forget()
    return client


def _pages(
    client: Any, condition: str, operands: list[str], limit: int | None
) -> list[tuple[list[str], bool]]:
    request: dict[str, Any] = {
        "TableName": "things",
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": {
            ":pk": {"S": "p"},
            **{n: {"S": v} for n, v in zip((":v", ":w"), operands, strict=True) if n in condition},
        },
    }
    if limit:
        request["Limit"] = limit
    pages = []
    while True:
        answer = client.query(**request)
        more = "LastEvaluatedKey" in answer
        pages.append(([item["sk"]["S"] for item in answer["Items"]], more))
        if not more:
            return pages
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
