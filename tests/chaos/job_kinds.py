"""Kinds of job for real workers in tests: ``celery worker --include tests.chaos.job_kinds``."""

import time

from django.db import connection

from battery_db.lib.runs.engine import JobContext
from battery_db.lib.runs.registry import Done, Outcome, job_kind

EFFECTS = "CREATE TABLE effects (job_id varchar(36), attempt integer)"


@job_kind("tests.leave_effect", queue="default", title="Leave one effect")
def leave_effect(context: JobContext) -> Outcome:
    """Compute for ``seconds``, then write one row in the finishing transaction."""
    steps = round(context.params["seconds"] / 0.1)
    for step in range(steps):
        time.sleep(0.1)
        context.progress(step + 1, steps)

    def save() -> None:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO effects VALUES (%s, 1)", [str(context.job_id)])

    return Done(save=save)
