"""What a person asks of jobs that exist."""

from typing import Any

from battery_db.lib.errors import NotAllowed
from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from battery_db.lib.runs.registry import find_kind

RETRIED_STATES = (Job.State.FAILED, Job.State.CANCELLED)


def retry(job: Job, *, by: Any = None, trigger: str = Job.Trigger.PAGE) -> Job:
    """Start a job that failed or was cancelled anew, as a job of its own."""
    if job.state not in RETRIED_STATES:
        raise NotAllowed(
            f"Only a failed or cancelled job can be started again; this one is {job.state}.",
            fix="Wait until it has ended, or start the same work where it was started.",
        )
    try:
        find_kind(job.kind)
    except KeyError:
        raise NotAllowed(
            f"The program no longer has a kind of job called {job.kind!r}.",
            fix="Start the work where it is offered now.",
        ) from None
    return engine.enqueue(
        job.kind, job.params, title=job.title, trigger=trigger, by=by, key=job.key
    )


def cancel(job: Job) -> None:
    """Stop a job and its parts."""
    if not job.is_active:
        raise NotAllowed(f"The job has ended already: {job.state}.", fix="Nothing is left to do.")
    engine.cancel(job)
