"""Every change of a Job's state, each a conditional update: nothing else writes them.

Rows are locked from part to whole, never the other way, so that parts which end at
the same moment wait for each other instead of blocking each other for ever.
"""

import logging
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from battery_db.lib.runs.models import Job, JobLogLine, JobQuerySet
from battery_db.lib.runs.registry import (
    Cancelled,
    Done,
    JobRequest,
    LeaseLost,
    Outcome,
    Wait,
    find_kind,
)

log = logging.getLogger(__name__)


def create(request: JobRequest, *, trigger: str, by: Any = None, parent: Job | None = None) -> Job:
    """Insert a queued row; its wake-up leaves when the transaction commits."""
    kind = find_kind(request.kind)
    job = Job.objects.create(
        kind=kind.name,
        title=storable(request.title or kind.title)[:200],
        queue=kind.queue,
        params=request.params,
        key=request.key,
        trigger=trigger,
        requested_by=by,
        parent=parent,
    )
    _send_after_commit(job)
    return job


def send(job: Job) -> None:
    """Wake a worker. Failing to is no loss: the sweep sends again."""
    from battery_db.lib.runs.tasks import run_job as task

    Job.objects.filter(pk=job.pk).update(sent_at=timezone.now())
    try:
        task.apply_async([str(job.pk)], queue=job.queue)
    except Exception:  # noqa: BLE001 - any broker, any transport error
        log.warning("The broker did not take job %s; the sweep will send it.", job.pk)


def lease() -> datetime:
    return timezone.now() + timedelta(seconds=settings.JOB_LEASE_SECONDS)


def claim(job_id: str | uuid.UUID) -> Job | None:
    """Take a queued job under a new fencing token; None when there is nothing to take."""
    claimed = Job.objects.filter(pk=job_id, state=Job.State.QUEUED).update(
        state=Job.State.RUNNING,
        token=uuid.uuid4(),
        lease_until=lease(),
        attempt=F("attempt") + 1,
        started_at=Coalesce(
            F("started_at"), Value(timezone.now(), output_field=models.DateTimeField())
        ),
    )
    return Job.objects.get(pk=job_id) if claimed else None


def renew(job: Job) -> None:
    _held(job, Job.State.RUNNING).update(lease_until=lease())


def finish(job: Job, outcome: Outcome) -> None:
    """Write results and the row's end in one transaction; LeaseLost rolls both back."""
    if isinstance(outcome, Wait):
        _wait(job, outcome)
    else:
        _succeed(job, outcome)


def end(
    job: Job,
    state: str,
    *,
    from_state: str = Job.State.RUNNING,
    save: Callable[[], None] | None = None,
    **values: Any,
) -> bool:
    """Move a row to its end, and wake the whole when it was the last part."""
    with transaction.atomic():
        ended = _held(job, from_state).update(
            state=state, finished_at=timezone.now(), lease_until=None, **values
        )
        if not ended:
            return False
        if save is not None:
            save()
        if job.parent_id is not None:
            Job.objects.filter(pk=job.parent_id, state=Job.State.WAITING).update(
                progress_done=F("progress_done") + 1
            )
            wake_if_complete(job.parent_id)
    return True


def fail(job: Job, error: str, fix: str) -> bool:
    return end(job, Job.State.FAILED, error=storable(error), fix=storable(fix))


def requeue(job: Job, from_state: str, note: str = "", *, only: Q | None = None) -> bool:
    """Put a job back into its queue; ``only`` is checked in the same update."""
    with transaction.atomic():
        moved = (
            _held(job, from_state)
            .filter(only or Q())
            .update(state=Job.State.QUEUED, lease_until=None, sent_at=None)
        )
        if moved and note:
            JobLogLine.objects.create(job=job, text=note, level=JobLogLine.Level.WARNING)
        if moved:
            _send_after_commit(job)
    return bool(moved)


def wake_if_complete(job_id: uuid.UUID) -> bool:
    """Queue a waiting job none of whose parts is active any more."""
    with transaction.atomic():
        # Of two last parts the second looks only after the first has committed.
        job = Job.objects.select_for_update(no_key=True).filter(pk=job_id).first()
        if job is None or job.state != Job.State.WAITING or job.children.active().exists():
            return False
        return requeue(job, Job.State.WAITING)


def storable(text: str) -> str:
    """Text without what a database refuses: NUL, and bytes of names that are no UTF-8."""
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode("utf-8")


def _held(job: Job, state: str) -> JobQuerySet:
    """The row, if it still is as ``job`` was read: same state, same claim."""
    return Job.objects.filter(pk=job.pk, token=job.token, state=state)


def _send_after_commit(job: Job) -> None:
    transaction.on_commit(lambda: send(job), robust=True)


def _succeed(job: Job, outcome: Done) -> None:
    values: dict[str, Any] = {
        "result": outcome.result,
        "result_url": outcome.url,
        "error": "",
        "fix": "",
    }
    if not end(job, Job.State.SUCCEEDED, save=outcome.save, **values):
        raise LeaseLost


def _wait(job: Job, outcome: Wait) -> None:
    with transaction.atomic():
        updated = (
            _held(job, Job.State.RUNNING)
            .filter(cancel_requested=False)  # parts started now would escape the cancelling
            .update(
                state=Job.State.WAITING,
                memory=outcome.memory,
                lease_until=None,
                attempt=0,
                progress_done=0,
                progress_total=len(outcome.children),
                progress_text=storable(outcome.text)[:200],
            )
        )
        if not updated:
            raise Cancelled if _held(job, Job.State.RUNNING).exists() else LeaseLost
        for request in outcome.children:
            _create_part(job, request)
        wake_if_complete(job.pk)


def _create_part(job: Job, request: JobRequest) -> None:
    """Start a part, unless its key says that another job is doing the same work."""
    try:
        with transaction.atomic():
            create(request, trigger=Job.Trigger.JOB, by=job.requested_by, parent=job)
    except IntegrityError:
        if not Job.objects.active().filter(key=request.key).exclude(key="").exists():
            raise
        text = (
            f"Left to the job that is already doing it: {storable(request.title or request.kind)}"
        )
        JobLogLine.objects.create(job=job, text=text)
        Job.objects.filter(pk=job.pk).update(progress_total=F("progress_total") - 1)
