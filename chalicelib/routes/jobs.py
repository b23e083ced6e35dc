"""Jobs: `/jobs`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chalice.app import Response

from chalicelib.domain.clock import orthanc_time
from chalicelib.domain.errors import error_of
from chalicelib.domain.jobs import Job, JobOutput, JobState
from chalicelib.routes.api import Api
from chalicelib.routes.http import bytes_response, json_response, text_response

if TYPE_CHECKING:
    from chalicelib.bootstrap import Services

EMPTY_OBJECT = b"{}"


def job_routes(services: Services) -> Api:
    """The routes under `/jobs`."""
    api = Api(__name__)
    jobs = services.jobs
    actions: dict[str, Callable[[str], None]] = {
        "cancel": jobs.cancel,
        "pause": jobs.pause,
        "resume": jobs.resume,
        "resubmit": jobs.resubmit,
    }

    @api.get("/jobs")
    def list_jobs() -> Response:
        found = jobs.all()
        if api.query.flag("expand"):
            return json_response([shown(job, services.clock()) for job in found])
        return json_response([job.id for job in found])

    @api.get("/jobs/{job_id}", bare_404=True)
    def get_job(job_id: str) -> Response:
        return json_response(shown(jobs.get(job_id), services.clock()))

    @api.delete("/jobs/{job_id}")
    def delete_job(job_id: str) -> Response:
        jobs.delete(job_id)
        return text_response("")

    @api.get("/jobs/{job_id}/{key}")
    def get_output(job_id: str, key: str) -> Response:
        return output_response(services, jobs.output(job_id, key))

    @api.delete("/jobs/{job_id}/{key}")
    def delete_output(job_id: str, key: str) -> Response:
        jobs.delete_output(job_id, key)
        return text_response("")

    for name, action in actions.items():
        _action_route(api, name, action)
    return api


def _action_route(api: Api, name: str, action: Callable[[str], None]) -> None:
    @api.post(f"/jobs/{{job_id}}/{name}")
    def act(job_id: str) -> Response:
        action(job_id)
        return bytes_response(EMPTY_OBJECT, "application/json")

    act.__name__ = f"{name}_job"


def output_response(services: Services, output: JobOutput) -> Response:
    """What a job has made: its bytes, or where they can be had, in parts as well."""
    if output.size > services.settings.maximum_inline_bytes:
        location = services.files.presigned_get(output.key, output.file_name, output.content_type)
        return Response(b"", headers={"Location": location}, status_code=307)
    headers = {"Content-Disposition": f'filename="{output.file_name}"'}
    return bytes_response(services.files.get(output.key), output.content_type, headers)


def started(job: Job) -> dict[str, str]:
    """The answer to who starts a job."""
    return {"ID": job.id, "Path": f"/jobs/{job.id}"}


def ended(job: Job) -> Response:
    """The answer to who waited for a job: its content, or where it can be followed; raises what it failed of."""
    if job.state is JobState.FAILURE:
        raise error_of(job.error.status, job.error.details)
    if job.state is JobState.SUCCESS:
        return json_response(dict(job.content))
    response = json_response(started(job))
    response.status_code = 202
    return response


def answer_to(services: Services, job: Job) -> Response:
    """The answer to who started a job of the network: what came of it if the client waits, else where it is."""
    if job.is_awaited:
        return ended(services.network.waiting.wait(job))
    services.jobs.wake(job)
    return json_response(started(job))


def shown(job: Job, now: float) -> dict[str, Any]:
    """A job as `/jobs/{id}` shows it."""
    answer: dict[str, Any] = {
        "Content": dict(job.content),
        "CreationTime": orthanc_time(job.created_at),
        "EffectiveRuntime": round(job.runtime_seconds, 3),
        "ErrorCode": job.error.status,
        "ErrorDescription": job.error.description,
        "ErrorDetails": job.error.details,
        "ID": job.id,
        "Priority": job.priority,
        "Progress": job.progress,
        "State": job.state,
        "Timestamp": orthanc_time(now),
        "Type": job.type,
    }
    if job.completed_at is not None:
        answer["CompletionTime"] = orthanc_time(job.completed_at)
    return answer
