"""The logs of a stage are one, in the order of time, and nobody else's."""

from __future__ import annotations

import argparse
import itertools
import time
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from infra.commands.logs import existing, follow, moment_of, read, sources
from tests.commands.cloud import STAGE, Cloud
from tests.infra.synthesized import of_type, templates

API, SWEEP, DICOM = f"/nacre/{STAGE}/api", f"/aws/lambda/nacre-{STAGE}-sweep", f"/nacre/{STAGE}/dicom"
FOREIGN = (f"/nacre/{STAGE}/trail", f"/aws/lambda/nacre-{STAGE}-two-sweep", f"/nacre/{STAGE}2/api")
NOT_SHOWN = ("trail", "aws-waf-logs", "FlowLogs")
NOW = int(time.time() * 1000)


@pytest.fixture
def logs(aws: Cloud) -> Any:
    client = aws.client("logs")
    for group in (API, SWEEP, DICOM, *FOREIGN):
        client.create_log_group(logGroupName=group)
        client.create_log_stream(logGroupName=group, logStreamName="one")
    return client


def write(logs: Any, group: str, *lines: tuple[int, str]) -> None:
    events = [{"timestamp": NOW + seconds * 1000, "message": text} for seconds, text in lines]
    logs.put_log_events(logGroupName=group, logStreamName="one", logEvents=events)


def test_lines_of_all_sources_come_by_time(aws: Cloud, logs: Any) -> None:
    write(logs, API, (-50, "first"), (-20, "fourth"))
    write(logs, SWEEP, (-40, "second\n"), (-10, "fifth"))
    write(logs, DICOM, (-30, "third"))
    for group in FOREIGN:
        write(logs, group, (-25, "foreign"))
    shown = aws.run("logs", "--stage", STAGE)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert [line.split(" ", 1)[1] for line in shown.stdout.splitlines()] == [
        "api first",
        "sweep second",
        "dicom third",
        "api fourth",
        "sweep fifth",
    ]
    assert (
        shown.stdout.split(" ")[0]
        == time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(NOW / 1000 - 50)) + f".{NOW % 1000:03d}Z"
    )


def test_only_since_a_moment_and_only_what_fits(aws: Cloud, logs: Any) -> None:
    write(logs, API, (-5400, "ERROR long ago"), (-50, "ERROR now"), (-40, "well"))
    shown = aws.run("logs", "--stage", STAGE, "--since", "1h", "--filter", "ERROR")
    assert [line.split(" ", 1)[1] for line in shown.stdout.splitlines()] == ["api ERROR now"]
    earlier = aws.run("logs", "--stage", STAGE, "--since", "2h")
    assert len(earlier.stdout.splitlines()) == 3


def test_more_lines_than_a_page() -> None:
    """CloudWatch gives up to 10,000 at a time, and some pages are empty."""
    client = boto3.client("logs", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    asked = {"logGroupName": API, "startTime": 5}
    with Stubber(client) as stub:
        stub.add_response("filter_log_events", {"events": [event(6)], "nextToken": "a"}, asked)
        stub.add_response("filter_log_events", {"events": [], "nextToken": "b"}, asked | {"nextToken": "a"})
        stub.add_response("filter_log_events", {"events": [event(7)]}, asked | {"nextToken": "b"})
        assert [line.milliseconds for line in read(client, {API: "api"}, 5)] == [6, 7]


def event(milliseconds: int) -> dict[str, Any]:
    return {"timestamp": milliseconds, "eventId": str(milliseconds), "message": "text"}


def test_following_shows_what_comes_each_line_once_even_if_late(logs: Any) -> None:
    write(logs, API, (-50, "first"))
    arriving = iter([(SWEEP, (-40, "second")), (API, (-45, "late")), (API, (-5, "last"))])

    def sleep(_seconds: float) -> None:
        group, line = next(arriving)
        write(logs, group, line)

    lines = follow(logs, existing(logs, STAGE), NOW - 60_000, sleep=sleep)
    assert [line.text for line in itertools.islice(lines, 4)] == ["first", "second", "late", "last"]


def test_a_stage_without_logs(aws: Cloud) -> None:
    refused = aws.run("logs", "--stage", STAGE)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "deployed" in refused.stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90s", 910_000), ("30m", -800_000), ("1970-01-01T00:10", 600_000), ("1970-01-01T01:00+01:00", 0)],
)
def test_moments(text: str, expected: int) -> None:
    assert moment_of(text, 1000.0) == expected


@pytest.mark.parametrize("text", ["", "1", "h", "1w", "-1h", "yesterday", "9999999h"])
def test_what_is_no_moment(aws: Cloud, text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        moment_of(text, 0)


def test_every_log_group_of_a_stage_is_shown_or_left_out_knowingly() -> None:
    groups = {
        str(group["Properties"].get("LogGroupName", name))
        for name, group in of_type(templates(STAGE), "AWS::Logs::LogGroup")
    }
    shown = groups & set(sources(STAGE))
    assert shown == set(sources(STAGE)) - {f"/nacre/{STAGE}/dicomtls"}
    assert all(any(part in group for part in NOT_SHOWN) for group in groups - shown)
