"""The calculation of costs adds up, grows with what is used, and refuses what makes no sense."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest

from infra.costs import alternatives, nacre, prices, report
from infra.costs.__main__ import main
from infra.costs.alternatives import Assumptions
from infra.costs.document import DOCUMENT, PLAIN, document
from infra.costs.workload import DAYS_PER_MONTH, GB, HOURS_PER_MONTH, DataEvents, Stage, Way, Workload

PRICES = prices.load()
IDLE = Workload(instances_per_day=0, finds_per_day=0, read_bytes=0, sent_bytes=0)
EVERYTHING = Stage(data_events=DataEvents.ALL)


def total(load: Workload, month: float = 12) -> float:
    return report.bill(load, month, PRICES).total


def service(load: Workload, name: str, month: float = 12) -> float:
    return report.bill(load, month, PRICES).services.get(name, 0.0)


def test_the_document_is_up_to_date() -> None:
    assert DOCUMENT.read_text() == document(), "python -m infra.costs --document"


@pytest.mark.parametrize("month", [1, 12, 120, 121])
@pytest.mark.parametrize("way", list(Way))
def test_services_add_up_to_the_total(way: Way, month: float) -> None:
    bill = report.bill(Workload(way=way), month, PRICES)
    assert sum(bill.services.values()) == pytest.approx(bill.total)
    assert all(usd > 0 for _, usd in bill.lines)


@pytest.mark.parametrize("way", list(Way))
@pytest.mark.parametrize(
    ("name", "factor"),
    [
        ("instances_per_day", 2),
        ("instance_bytes", 2),
        ("retention_days", 2),
        ("requests_per_instance", 2),
        ("finds_per_day", 2),
        ("read_bytes", 2),
        ("sent_bytes", 2),
        ("instances_per_series", 0.5),
        ("series_per_study", 0.5),
        ("studies_per_patient", 0.5),
    ],
)
def test_more_of_anything_costs_more(way: Way, name: str, factor: float) -> None:
    load = Workload(way=way)
    last = load.retention_months
    more = replace(load, **{name: getattr(load, name) * factor})
    assert total(more, 2 * last) > total(load, 2 * last)


def test_the_archive_grows_until_its_retention_and_then_stays() -> None:
    load = Workload()
    last = load.retention_months
    assert total(load, 1) < total(load, 12) < total(load, last)
    assert service(load, "S3", last) == pytest.approx(service(load, "S3", last + 50))
    assert total(load, last + 1) > total(load, last)  # from then on as much is deleted as comes in
    assert total(load, last + 1) == total(load, last + 50)


def test_without_instances_only_what_stands_there_is_paid() -> None:
    first, later = report.bill(IDLE, 1, PRICES), report.bill(IDLE, 1000, PRICES)
    assert first == replace(later, month=1)
    assert first.total > 100
    assert not {"API Gateway", "Data transfer"} & first.services.keys()
    assert not {line.price for line, _ in first.lines} & {"dynamodb_write_unit", "dynamodb_gb_month"}


def test_a_store_by_rest_alone_that_nobody_uses_costs_next_to_nothing() -> None:
    bare = replace(PLAIN, tasks=0, alarms=0, metrics=0, secrets=0)
    assert total(replace(IDLE, way=Way.REST, stage=bare)) < 2


def test_storage_is_what_was_brought_at_the_price_of_s3() -> None:
    load = Workload(instances_per_day=1000, instance_bytes=1e6, stage=Stage(intelligent_tiering=False))
    gb = 1000 * 1e6 * 12 * DAYS_PER_MONTH / GB
    stored = sum(
        usd for line, usd in report.bill(load, 12, PRICES).lines if line.price == "s3_standard_gb_month"
    )
    assert stored == pytest.approx(gb * 0.023)


def test_prices_in_tiers_are_paid_tier_by_tier() -> None:
    assert PRICES.cost("s3_standard_gb_month", 51200) == pytest.approx(51200 * 0.023)
    expected = 51200 * 0.023 + 460800 * 0.022 + 1000 * 0.021
    assert PRICES.cost("s3_standard_gb_month", 513000) == pytest.approx(expected)
    assert PRICES.cost("kms_key_month", 0) == 0


def test_tiering_pays_for_what_is_old_and_large_and_not_for_what_is_small() -> None:
    old = Workload(retention_days=3650, stage=Stage(intelligent_tiering=False))
    tiered = replace(old, stage=Stage())
    assert service(tiered, "S3", 120) < service(old, "S3", 120) / 2
    assert service(tiered, "S3", 0.5) > service(old, "S3", 0.5)  # all of it is new, and watched
    small = replace(old, instance_bytes=100_000)
    assert total(replace(small, stage=tiered.stage)) == total(small)


@pytest.mark.parametrize(
    ("less", "name"),
    [
        ({"tasks": 1}, "Fargate"),
        ({"zones": 1}, "VPC endpoints"),
        ({"interface_endpoints": 0}, "VPC endpoints"),
        ({"load_balancer": False}, "Load balancer"),
        ({"waf_rules": 0}, "WAF"),
        ({"kms_keys": 0}, "KMS"),
        ({"data_events": DataEvents.S3}, "CloudTrail"),
        ({"alarms": 0}, "CloudWatch"),
        ({"metrics": 0}, "CloudWatch"),
        ({"secrets": 0}, "Secrets Manager"),
        ({"image_gb": 0}, "ECR"),
        ({"backup": False}, "DynamoDB"),
    ],
)
def test_each_option_of_the_stage_costs_its_own_service(less: dict[str, object], name: str) -> None:
    load = Workload(stage=EVERYTHING)
    cheaper = replace(load, stage=replace(EVERYTHING, **less))
    before = report.bill(load, 12, PRICES).services
    after = report.bill(cheaper, 12, PRICES).services
    assert after.get(name, 0) < before[name]
    others = before.keys() - {name} - ({"SQS", "DynamoDB"} if name == "Fargate" else set())
    assert {other: after[other] for other in others} == {other: before[other] for other in others}


def test_each_price_is_used_and_each_use_has_a_price() -> None:
    stages = [Stage(), EVERYTHING]
    loads = [
        Workload(way=way, stage=stage, instances_per_day=count)
        for way in Way
        for stage in stages
        for count in (100, 100_000, 900_000)
    ]
    used = {
        line.price
        for load in loads
        for lines in report.products(load).values()
        for month in report.months(load)
        for line in lines(month)
    }
    assert used == PRICES.tiers.keys()
    assert PRICES.doubtful <= PRICES.tiers.keys()


def test_rest_pays_for_its_gateway_and_dicom_for_its_listener() -> None:
    rest, dicom, inbox = (
        Workload(way=way, requests_per_instance=0, read_bytes=0, instances_per_day=100_000) for way in Way
    )
    assert service(rest, "API Gateway") == pytest.approx(rest.instances * 3.5e-6)
    assert not service(dicom, "API Gateway")
    assert not service(inbox, "API Gateway")
    assert service(inbox, "SQS") - service(dicom, "SQS") == pytest.approx(3 * inbox.instances * 0.4e-6)
    assert service(rest, "Lambda") > 2 * service(dicom, "Lambda")
    assert service(inbox, "Lambda") > 2 * service(dicom, "Lambda")


def test_what_polls_is_counted_by_the_processes_that_poll() -> None:
    """Eight workers ask every two seconds (dicom_listener/workers.py): 10.5 million requests a month."""
    one = replace(IDLE, stage=Stage(tasks=1))
    more = service(replace(one, stage=Stage(tasks=3)), "SQS") - service(one, "SQS")
    assert more == pytest.approx(2 * 8 * 0.5 * 3600 * HOURS_PER_MONTH * 0.4e-6)


def test_the_numbers_of_the_listener_are_its_own() -> None:
    from chalicelib.settings import Settings
    from dicom_listener import workers

    assert 3600 / workers.POLL_SECONDS * HOURS_PER_MONTH == nacre.LISTENER_POLLS
    assert 3600 / workers.WAKE_SECONDS * HOURS_PER_MONTH == nacre.LISTENER_WAKES
    assert Settings.load({}).concurrent_network_jobs == nacre.LISTENER_WORKERS


@pytest.mark.parametrize(
    "wrong",
    [
        {"instances_per_day": -1},
        {"instance_bytes": 0},
        {"retention_days": 0},
        {"read_bytes": -1},
        {"series_at_once": 0},
        {"way": Way.DICOM, "stage": Stage(tasks=0)},
    ],
)
def test_nonsense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"negative|above zero|listens"):
        Workload(**wrong)


def test_the_others_add_up_too() -> None:
    load = Workload()
    standby = total_of(alternatives.orthanc(load, 120, Assumptions(standby=True)))
    single = total_of(alternatives.orthanc(load, 120, Assumptions()))
    in_s3 = total_of(alternatives.orthanc(load, 120, Assumptions(archive_in_s3=True)))
    assert in_s3 < single < standby < 2.1 * single
    young = total_of(alternatives.healthimaging(load, 1, Assumptions()))
    assert young < total_of(alternatives.healthimaging(load, 120, Assumptions()))


@pytest.mark.parametrize(
    ("per_day", "name", "count"),
    [(1000, "t3.medium", 1), (300_000, "m6i.large", 1), (800_000, "m6i.xlarge", 1), (2e6, "m6i.xlarge", 3)],
)
def test_orthanc_gets_the_machine_that_it_needs(per_day: float, name: str, count: int) -> None:
    machine, needed = alternatives.machine(Workload(instances_per_day=per_day))
    assert (machine.name, needed) == (name, count)


def total_of(lines: list[nacre.Line]) -> float:
    return sum(PRICES.cost(line.price, line.quantity) for line in lines)


def test_the_command_prints_what_the_calculation_says(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--instances-per-day", "3000", "--instance-mb", "2", "--retention-years", "1", "--way", "rest"]
    given += ["--tasks", "0", "--no-backup", "--data-events", "all", "--json"]
    main([*given, "--month", "7"])
    shown = json.loads(capsys.readouterr().out)
    stage = Stage(tasks=0, backup=False, data_events=DataEvents.ALL)
    load = Workload(instances_per_day=3000, instance_bytes=2e6, retention_days=365, way=Way.REST, stage=stage)
    (month,) = shown["products"]["Nacre"]
    assert month["total_usd"] == total(load, 7)
    assert sum(line["usd"] for line in month["lines"]) == pytest.approx(month["total_usd"])
    assert shown["prices_known_in"] == PRICES.known


def test_every_option_of_the_stage_is_one_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert all(f"--{option.name.replace('_', '-')}" in text for option in fields(Stage))


def test_the_command_refuses_nonsense(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--instances-per-day", "-5"])
    assert ended.value.code == 2
    assert "instances_per_day is negative" in capsys.readouterr().err


def test_the_table_names_when_its_prices_were_known(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    text = capsys.readouterr().out
    assert f"as known in {PRICES.known}" in text
    assert "| **all** |" in text
