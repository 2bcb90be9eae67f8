"""The sweep: what dead workers, lost messages and old age have left behind."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from battery_db.lib.runs import health, transitions
from battery_db.lib.runs.models import Job

SEND_AFTER = timedelta(seconds=5)
RESEND_AFTER = timedelta(seconds=60)
KEEP_FOR = timedelta(days=90)
FORGET_AT_ONCE = 200  # small transactions: other writers wait meanwhile on SQLite


def sweep() -> dict[str, int]:
    """Find what was lost: dead workers' jobs, unsent wake-ups, parents whose parts ended."""
    now = timezone.now()
    requeued, failed = _recover_expired(now)
    found = {
        "requeued": requeued,
        "failed": failed,
        "woken": _wake_complete(),
        "sent": _send_lost(now),
        "forgotten": forget_old_jobs(now),
    }
    health.note_sweep()
    return found


def forget_old_jobs(now: datetime | None = None) -> int:
    """Delete jobs that ended long ago, with their parts and log lines."""
    before = (now or timezone.now()) - KEEP_FOR
    old = Job.objects.top_level().finished().filter(created_at__lt=before, finished_at__lt=before)
    ids = list(old.values_list("pk", flat=True)[:FORGET_AT_ONCE])
    if ids:
        Job.objects.filter(pk__in=ids).delete()
    return len(ids)


def _recover_expired(now: datetime) -> tuple[int, int]:
    """Start again what dead workers held; give up on what has killed several of them."""
    requeued = failed = 0
    expired = Q(state=Job.State.RUNNING, lease_until__lt=now)
    for job_id in list(Job.objects.filter(expired).values_list("pk", flat=True)):
        with transaction.atomic():
            # A row that is locked is being finished at this moment: its worker lives.
            rows = Job.objects.select_for_update(skip_locked=True, no_key=True)
            job = rows.filter(expired, pk=job_id).first()
            if job is None:
                continue
            if job.cancel_requested:
                transitions.end(job, Job.State.CANCELLED)
            elif job.attempt >= settings.JOB_MAX_ATTEMPTS:
                failed += transitions.fail(
                    job,
                    f"The worker died {job.attempt} times while it ran this job.",
                    "See the workers' logs; memory is the usual cause. Then start it again.",
                )
            else:
                note = "The worker died; started again."
                requeued += transitions.requeue(job, Job.State.RUNNING, note, only=expired)
    return requeued, failed


def _wake_complete() -> int:
    active_parts = Job.objects.active().filter(parent=OuterRef("pk"))
    complete = Job.objects.filter(~Exists(active_parts), state=Job.State.WAITING)
    return sum(transitions.wake_if_complete(pk) for pk in complete.values_list("pk", flat=True))


def _send_lost(now: datetime) -> int:
    """Send again what waits although no message in its queue can be its wake-up.

    While messages wait, so may this job's; sending more of them every time would let
    a long queue grow without end.
    """
    queued = Job.objects.filter(state=Job.State.QUEUED).order_by("created_at")
    unsent = list(queued.filter(sent_at=None, created_at__lt=now - SEND_AFTER))
    silent = list(queued.filter(sent_at__lt=now - RESEND_AFTER))
    drained = {name for name in {job.queue for job in silent} if health.queue_length(name) == 0}
    lost = unsent + [job for job in silent if job.queue in drained]
    for job in lost:
        transitions.send(job)
    return len(lost)
