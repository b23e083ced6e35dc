"""What Lambda loads: the API, its authorizer, and the handlers of the schedule and the queues. Wiring only."""

import os

from chalice.app import CloudWatchEvent, Rate, SQSEvent

from chalicelib.application import make_app
from chalicelib.bootstrap import build
from chalicelib.observability import open_telemetry, secret_reader
from chalicelib.services.authentication import Authenticator
from chalicelib.services.inbox_events import batch_response
from chalicelib.settings import Settings
from chalicelib.storage.clients import make_clients

JOB_SECONDS = 780  # of the 900 that Lambda gives a function

settings = Settings.load(os.environ)
telemetry = open_telemetry(settings.log_level, metrics_of=settings.stage if settings.on_lambda else "")
for notice in settings.notices:
    telemetry.event(notice)
services = build(settings, make_clients(settings.aws_endpoint_url or None))
_read_secret = secret_reader()
_authenticator = Authenticator(lambda: settings.users(_read_secret), settings.read_only_users)
app = make_app(services, telemetry, _authenticator if settings.authentication_enabled else None)
basic_authorizer = app.authorizer_function


@app.schedule(Rate(1, unit=Rate.MINUTES))
def sweep(_event: CloudWatchEvent) -> None:
    """Do the store's background work."""
    with telemetry.operation("sweep"):
        services.schedule.run()


@app.on_sqs_message(queue=f"nacre-{settings.stage}-inbox", batch_size=10)
def inbox(event: SQSEvent) -> dict[str, list[dict[str, str]]]:
    """Take in what was put into the inbox; messages that fail come again."""
    services.options.refresh()
    failures = services.inbox_events.handle_records(event.to_dict()["Records"])
    for failure in failures:
        telemetry.event("inbox failed", error=failure.error)
    return batch_response(failures)


@app.on_sqs_message(queue=f"nacre-{settings.stage}-jobs", batch_size=1)
def jobs(_event: SQSEvent) -> None:
    """Do a job, or a part of it."""
    services.options.refresh()
    telemetry.set_level(services.options.log_level("jobs"))
    with telemetry.operation("job"):
        services.job_runner.run_next(JOB_SECONDS)
