"""The two messages that travel: run this job, and look for lost ones."""

from celery import shared_task


@shared_task(name="runs.run_job")
def run_job(job_id: str) -> None:
    from battery_db.lib.runs import engine

    engine.run_job(job_id)


@shared_task(name="runs.sweep")
def sweep() -> None:
    from battery_db.lib.runs import engine

    engine.sweep()
