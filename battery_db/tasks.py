"""The nightly run and upkeep: their kinds of job, and the message that Celery beat sends."""

from celery import shared_task

from battery_db.lib.runs.engine import JobContext
from battery_db.lib.runs.registry import Outcome, job_kind

NIGHT = "battery_db.night"
CHECK_SERIES = "battery_db.check_series"


@job_kind(NIGHT, queue="default", title="Nightly run")
def night(context: JobContext) -> Outcome:
    from battery_db import nightly

    return nightly.run_night(context)


@job_kind(CHECK_SERIES, queue="default", title="Check stored series")
def check_series(context: JobContext) -> Outcome:
    from battery_db import upkeep

    return upkeep.check_series(context)


@shared_task(name="battery_db.start_night")
def start_night() -> None:
    from battery_db.lib.runs import engine
    from battery_db.lib.runs.models import Job

    engine.enqueue(NIGHT, trigger=Job.Trigger.NIGHT, key=NIGHT)
