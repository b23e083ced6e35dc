"""What each role does on AWS on an ordinary day, done once."""

from __future__ import annotations

import json
from pathlib import Path

import requests

from tests.infra.deployed import Deployed
from tests.support.client import Client
from tests.upload.files import archive, ct, dicom, mr

BIG = 101 * 1024**2  # beyond what one PUT is handed out for


def upload_past_the_gateway(store: Deployed, api: Client) -> None:
    """Hand out URLs for one PUT and for several; complete one, abort the others."""
    single = api.post("/nacre/uploads", json.dumps({"Size": len(ct())}).encode()).json()
    assert requests.put(single["Url"], ct(), timeout=10).status_code == 200
    for ending in ("complete", "abort"):
        ticket = api.post("/nacre/uploads", json.dumps({"Size": BIG}).encode()).json()
        if ending == "abort":
            assert api.delete(f"/nacre/uploads/{ticket['ID']}").status == 200
            continue
        for part in ticket["Parts"]:
            requests.put(part["Url"], b"none" * (part["Size"] // 4), timeout=60).raise_for_status()
        assert api.post(f"/nacre/uploads/{ticket['ID']}/complete", b"").status == 200


def take_in(store: Deployed, _api: Client) -> None:
    """A file, an archive, and what is neither, dropped into the inbox."""
    for name, data in (("a.dcm", mr()), ("b.zip", archive(("c.dcm", ct()))), ("d.txt", b"no DICOM")):
        store.admin.s3.put_object(Bucket=store.settings.inbox_bucket, Key=f"inbox/{name}", Body=data)
    while records := store.queue_events():
        assert store.roles["inbox"].inbox_events.handle_records(records) == []
    listed = store.admin.s3.list_objects_v2(Bucket=store.settings.inbox_bucket, Prefix="inbox/")
    assert "Contents" not in listed or all("uploads" in entry["Key"] for entry in listed["Contents"])


def sweep(store: Deployed, _api: Client) -> None:
    """All that the schedule starts, after a lost event, an upload and a delete that died, and an abandoned job."""
    store.admin.s3.put_object(Bucket=store.settings.inbox_bucket, Key="inbox/lost.dcm", Body=ct())
    store.admin.s3.put_object(Bucket=store.settings.inbox_bucket, Key="inbox/lost.txt", Body=b"none")
    role = store.roles["sweep"]
    for seconds in (0, 10_800, 100, 100, 86_400 * 400):
        store.clock.advance(seconds)
        role.schedule.run()


def receive(store: Deployed, _api: Client, folder: Path) -> None:
    """C-STORE of an object that came in by a file."""
    path = folder / "received"
    path.write_bytes(dicom("liver_1frame.dcm"))
    store.roles["listener"].reception.store(path, {})


def send(store: Deployed, api: Client, port: int) -> None:
    """A modality is configured, and a study is sent to it by the listener's worker."""
    modality = {"AET": "RECEIVER", "Host": "127.0.0.1", "Port": port}
    assert api.request("PUT", "/modalities/peer", json.dumps(modality).encode()).status == 200
    instance = api.post("/instances", ct()).json()["ID"]
    body = {"Resources": [instance], "Asynchronous": True}
    job = api.post("/modalities/peer/store", json.dumps(body).encode()).json()
    listener = store.roles["listener"]
    assert listener.network_runner is not None
    while listener.network_runner.poll(1):
        continue
    state = api.get(f"/jobs/{job['ID']}").json()
    assert state["State"] == "Success", state
    assert len(api.get("/exports").json()["Exports"]) == 1


def answer_queries(store: Deployed, _api: Client) -> None:
    """C-FIND, worklists, and the options of the moment."""
    listener = store.roles["listener"]
    listener.options.refresh()
    listener.modalities.all()
    find_all = {0x00080052: "STUDY", 0x0020000D: ""}
    assert len(list(listener.network.query.answers(find_all))) >= 1
    assert list(listener.network.worklist_objects.list()) == []


def cut_jobs(store: Deployed, api: Client) -> None:
    """A job that runs out of time goes on with the next message; one that is cancelled leaves nothing."""
    instance = api.post("/instances", mr()).json()
    for _ in range(2):
        body = json.dumps({"Asynchronous": True}).encode()
        job = api.post(f"/studies/{instance['ParentStudy']}/archive", body).json()
        store.roles["jobs"].job_runner.run_next(0)
        store.roles["jobs"].job_runner.run_next()
        assert api.get(f"/jobs/{job['ID']}").json()["State"] == "Success"
        assert api.get(f"/jobs/{job['ID']}/archive").status == 200
    for keep in (True, False):  # a copy, then in place of what was
        body = json.dumps(
            {"Replace": {"PatientName": "A"}, "KeepSource": keep, "Asynchronous": True}
        ).encode()
        job = api.post(f"/series/{instance['ParentSeries']}/modify", body).json()
        store.roles["jobs"].job_runner.run_next()
        assert api.get(f"/jobs/{job['ID']}").json()["State"] == "Success"


def annotate_and_delete(store: Deployed, api: Client) -> None:
    """A label, an attachment, a find, a page of changes; then all of it goes."""
    instance = api.post("/instances", ct()).json()
    series = f"/series/{instance['ParentSeries']}"
    assert api.request("PUT", f"{series}/labels/seen").status == 200
    assert api.request("PUT", f"{series}/attachments/1024", b"report").status == 200
    assert api.get(f"/instances/{instance['ID']}/simplified-tags").status == 200
    assert api.get("/changes?limit=10").status == 200
    assert api.delete(f"/patients/{instance['ParentPatient']}").status == 200
    assert api.delete("/changes").status == 200
