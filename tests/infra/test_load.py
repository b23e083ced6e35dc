"""The load model: what an ingest writes is what it writes in earnest, and no key is hot that could be spread."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from chalicelib.domain.levels import Level
from infra.costs import operations as op
from infra.costs.workload import Way
from infra.load import archive, limits, paths, report
from infra.load.__main__ import main
from infra.load.arrivals import KINDS, Arrivals, describe
from infra.load.heat import pattern_of
from infra.load.paths import Beyond, bounds
from infra.load.recorder import Recorder
from infra.load.simulation import ORIGIN, Simulated, _services, simulate
from infra.load.units import WRITE_UNIT_BYTES, item_size, write_units, written
from tests.support.local_world import local_world

EMPTY = "d41d8cd98f00b204e9800998ecf8427e"
"""The MD5 of no bytes."""


@pytest.fixture(scope="module")
def found() -> Simulated:
    """The load that the document tells of."""
    return simulate(report.RATE, report.SECONDS)


def test_the_document_is_up_to_date() -> None:
    assert report.DOCUMENT.read_text() == report.document(), "python -m infra.load --document"


def written_to(requests: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, int]]:
    """The pattern and the units of every write, sorted."""
    found = []
    for name, request in requests:
        if name == "TransactWriteItems":
            actions = [next(iter(action.values())) for action in request["TransactItems"]]
        elif name == "UpdateItem":
            actions = [request]
        else:
            continue
        for action in actions:
            item = written(action)
            units = write_units(item_size(item), transactional=name == "TransactWriteItems")
            found.append((pattern_of(item["pk"]["S"]), units))
    return sorted(found)


def test_the_recorder_sees_what_the_emulator_is_asked() -> None:
    """A first instance and two more, one of a new series: the same keys and units, and as many calls."""
    descriptions = [describe("P1", "1.2.3", series, n, KINDS[0]) for series, n in ((1, 1), (1, 2), (2, 1))]
    recorder = Recorder(lambda: 1_800_000_000.0)
    services = _services(recorder, lambda: 1_800_000_000.0)
    with local_world() as world:
        files = world.services.files
        for description in descriptions:
            recorder.heat.items.clear()
            recorder.calls.clear()
            world.calls.reset()
            services.ingest.place(description, lambda key: services.files.put(key, b"", EMPTY), ORIGIN)
            world.services.ingest.place(description, lambda key: files.put(key, b"", EMPTY), ORIGIN)
            (counted,) = recorder.heat.items.values()
            seen = sorted((pattern_of(pk), units) for (_, pk, _), units in counted.items())
            assert seen == written_to(list(world.calls.requests))
            assert recorder.calls == Counter(world.calls.names)


def test_an_ingest_of_the_simulation_writes_what_one_is_measured_to_write(found: Simulated) -> None:
    units = found.units(found.index_table) + found.units(found.log_table)
    new = found.resources / found.instances
    assert op.UPLOAD.write_units <= units <= op.UPLOAD.write_units + new * op.NEW_STUDY.write_units


def test_the_same_seed_draws_the_same() -> None:
    again, other = simulate(200, 1, seed=7), simulate(200, 1, seed=8)
    assert again.heat.writes == simulate(200, 1, seed=7).heat.writes
    assert again.heat.writes != other.heat.writes


def test_arrivals_are_as_many_as_asked_for_and_all_different() -> None:
    arrivals = Arrivals(300, seed=3)
    drawn = list(arrivals.draw(4))
    assert len({description.identifiers[Level.INSTANCE] for _, description in drawn}) == len(drawn) == 1200
    assert all(0 <= at < 4 for at, _ in drawn)
    series = Counter(description.identifiers[Level.SERIES] for _, description in drawn[:300])
    assert len(series) >= 10  # side by side


def test_no_item_is_written_by_every_ingest_but_the_counter(found: Simulated) -> None:
    """DESIGN's rule: once a series exists, no item that two instances share is in the transaction."""
    shared = {hot.pattern for hot in found.patterns if hot.hottest_item > 100}
    assert shared == {"changes head"}


def test_no_key_is_above_a_partition_but_those_the_document_names(found: Simulated) -> None:
    """The counter cannot be spread; the instances' rows can, by their digests, when DynamoDB has to."""
    hot = {one.pattern for one in found.patterns if one.hottest_key > limits.PARTITION_WRITE_UNITS}
    assert hot == {"changes head"}
    assert all(one.reads < limits.PARTITION_READ_UNITS for one in found.patterns)
    halves: Counter[tuple[str, str]] = Counter()
    busiest = max(found.heat.items.values(), key=lambda counts: counts.total())
    for (_, pk, sk), units in busiest.items():
        if pattern_of(pk) == "i#{h}":
            halves[pk, "low" if sk[1] < "8" else "high"] += units
    assert max(halves.values()) < limits.PARTITION_WRITE_UNITS / 2  # after one split, at twice the load


def test_twice_the_load_is_twice_as_hot() -> None:
    once, twice = ({hot.pattern: hot.writes for hot in simulate(rate, 2).patterns} for rate in (500, 1000))
    for pattern in ("changes head", "i#{h}", "r#{id}", "u#{digest}"):
        assert twice[pattern] == pytest.approx(2 * once[pattern], rel=0.05)


@pytest.mark.parametrize("way", list(Way))
def test_the_counter_binds_first_of_what_cannot_be_raised(way: Way, found: Simulated) -> None:
    several = bounds(way, found)
    assert [one.carries for one in several] == sorted(one.carries for one in several)
    lasting = [one for one in several if one.beyond is Beyond.WAITS and "first day" not in one.what]
    assert lasting[0].what == "key `changes head` of the log"
    assert lasting[0].carries == pytest.approx(limits.PARTITION_WRITE_UNITS)


def test_the_inbox_meets_its_own_prefix_and_dicom_the_cores(found: Simulated) -> None:
    names = {way: {one.what.split(",")[0] for one in bounds(way, found)} for way in Way}
    assert "Fargate" in names[Way.DICOM] - names[Way.REST]
    assert "API Gateway" in names[Way.REST] - names[Way.DICOM]
    assert "S3" in names[Way.INBOX]
    quota = "index table, quota of write units"
    by_way = {way: {one.what: one.carries for one in bounds(way, found)} for way in Way}
    assert by_way[Way.INBOX][quota] < by_way[Way.REST][quota]  # the receipt


def test_the_sweep_keeps_up_with_what_the_counter_gives_out(found: Simulated) -> None:
    assert found.follow_rate / found.entries_per_instance > limits.PARTITION_WRITE_UNITS
    slower = simulate(500, 4)
    assert slower.follow_rate > found.follow_rate  # fewer rows to write


def test_not_even_small_studies_heat_the_reminders() -> None:
    """Each instance brings a series or more, whose reminders lie in rising order and thus cannot be split."""
    small = simulate(report.SMALL_RATE, 4, kinds=report.SMALL_STUDIES)
    carried = {one.what: one.carries for one in bounds(Way.DICOM, small)}
    assert carried["key `due#{h}` of the index"] > 2 * carried["key `changes head` of the log"]
    assert small.resources > small.instances


def test_identifiers_spread_evenly() -> None:
    for one in archive.spreads(20_000):
        assert one.partitions == 16
        assert 1 <= one.fullest < 1.1
        assert 1 <= one.fullest_bucket < 1.6


def test_an_archive_grows_in_its_keys_and_not_in_its_operations() -> None:
    small, large = ({walk.what: walk.queries for walk in archive.walks(count)} for count in (1e6, 1e9))
    growing = {what for what in large if large[what] > small[what]}
    assert growing == {
        "page of 100 instances, after a jump, at worst",
        "all identifiers of instances, without `limit`",
    }
    for (pattern, few, _), (_, many, _) in zip(archive.partitions(1e6), archive.partitions(1e9), strict=True):
        assert many == pytest.approx(few if pattern in ("`stats`", "`r#{id}` of a series") else 1000 * few)


def test_the_largest_archive_with_jumps_is_the_largest() -> None:
    limit = archive.largest_with_jumps()
    for instances, fits in ((limit * 0.99, True), (limit * 1.01, False)):
        jump = next(walk for walk in archive.walks(instances) if "instances, after a jump" in walk.what)
        assert (jump.seconds <= limits.SYNCHRONOUS_SECONDS) is fits


def test_rows_are_as_large_as_the_archive_takes_them_for() -> None:
    description = describe("P1", "1.2.3", 1, 1, KINDS[0])
    with local_world() as world:
        world.services.ingest.place(
            description,
            lambda key: world.services.files.put(key, b"", EMPTY),
            ORIGIN,
        )
        items = world.dynamodb.scan(TableName=world.resources.index)["Items"]
    sizes = {pattern_of(item["pk"]["S"]): item_size(item) for item in items}
    assert sizes["i#{h}"] == pytest.approx(archive.INSTANCE_ROW_BYTES, rel=0.02)
    assert max(sizes[pattern] for pattern in ("i#{h}", "r#{id}", "u#{digest}")) < WRITE_UNIT_BYTES
    assert sizes["l#1#{h}"] == archive.LISTING_BYTES


def test_the_counts_of_a_large_archive_fit_one_item() -> None:
    assert archive.tally_bytes(1e6) < archive.tally_bytes(1e9) < 10_000


def test_the_command_takes_another_rate(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--rate", "100", "--seconds", "1", "--instances", "1000000"])
    text = capsys.readouterr().out
    assert "## 100 instances a second" in text
    assert "## 1,000,000 instances" in text


@pytest.mark.parametrize("wrong", [["--rate", "0"], ["--seconds", "0"], ["--instances", "-1"]])
def test_nonsense_is_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(wrong)
    assert ended.value.code == 2


def test_the_listener_s_rate_is_that_of_its_cpu() -> None:
    assert paths.core_rate() == pytest.approx(97, abs=1)
