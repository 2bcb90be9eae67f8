"""The life of a job: enqueue, claim, beat, finish, sweep. Nothing else writes Job rows."""

import logging
import threading
import traceback
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q
from django.db.utils import DatabaseError, InterfaceError, OperationalError
from django.utils import timezone

from battery_db.lib.errors import LabError
from battery_db.lib.runs.models import Job, JobLogLine
from battery_db.lib.runs.registry import Done, JobRequest, Outcome, Wait, find_kind

log = logging.getLogger(__name__)
RESEND_AFTER = timedelta(seconds=60)


class Cancelled(Exception):
    """A person asked the job to stop."""


class LeaseLost(Exception):
    """Another worker holds the job now; whatever this one was writing is rolled back."""


class JobContext:
    """What the body of a job may use: its arguments, and ways to report and to write."""

    def __init__(self, job: Job) -> None:
        self.job_id = job.pk
        self.params: dict[str, Any] = job.params
        self.memory: dict[str, Any] = job.memory
        self.requested_by_id: int | None = job.requested_by_id
        self.trigger = job.trigger
        self._token = job.token
        self._stop = threading.Event()
        self._reported_at = timezone.now() - timedelta(hours=1)

    def progress(self, done: int, total: int, text: str = "") -> None:
        """Report progress (written at most twice a second) and stop here if cancelled."""
        now = timezone.now()
        if done < total and now - self._reported_at < timedelta(seconds=0.5):
            return
        self._reported_at = now
        self._update(progress_done=done, progress_total=total, progress_text=text[:200])
        self.check_cancelled()

    def log(self, text: str, level: str = JobLogLine.Level.INFO) -> None:
        JobLogLine.objects.create(job_id=self.job_id, text=text, level=level)

    def check_cancelled(self) -> None:
        """Raise Cancelled when a person asked for it, LeaseLost when the job moved on."""
        row = self._mine().values_list("cancel_requested", flat=True).first()
        if row is None:
            raise LeaseLost
        if row:
            raise Cancelled

    @contextmanager
    def fenced(self) -> Iterator[None]:
        """A transaction that commits only while this worker still holds the job.

        The update of the lease locks the row, so a worker that was presumed dead and
        its successor can not both commit.
        """
        with transaction.atomic():
            self._update(lease_until=_lease())
            yield

    def _mine(self) -> Any:
        return Job.objects.filter(pk=self.job_id, token=self._token, state=Job.State.RUNNING)

    def _update(self, **values: Any) -> None:
        if self._mine().update(**values) != 1:
            raise LeaseLost


def enqueue(
    kind: str,
    params: dict[str, Any] | None = None,
    *,
    trigger: str,
    title: str = "",
    by: Any = None,
    key: str = "",
) -> Job:
    """Create a job and wake a worker once the transaction commits.

    With a ``key`` an active job of that key is returned instead of a second one, so
    pressing a button twice does the work once.
    """
    if key and (active := Job.objects.active().filter(key=key).first()):
        return active
    try:
        with transaction.atomic():
            return _create(
                JobRequest(kind, params or {}, title, key), trigger=trigger, by=by, parent=None
            )
    except IntegrityError:
        if active := Job.objects.active().filter(key=key).first():
            return active  # somebody else was faster by a moment
        raise


def cancel(job: Job) -> None:
    """Ask a job and its parts to stop; those not yet running end at once."""
    family = Job.objects.filter(Q(pk=job.pk) | Q(parent=job))
    family.active().update(cancel_requested=True)
    for part in family.filter(state=Job.State.QUEUED).order_by("-parent_id"):
        _end(part, Job.State.CANCELLED, token=part.token, from_state=Job.State.QUEUED)
    for whole in family.filter(state=Job.State.WAITING):
        if not whole.children.active().exists():
            _end(whole, Job.State.CANCELLED, token=whole.token, from_state=Job.State.WAITING)


def run_job(job_id: str | uuid.UUID) -> bool:
    """Claim and run one job. False when somebody else has it, or it has ended."""
    job = _claim(job_id)
    if job is None:
        return False
    context = JobContext(job)
    with _heartbeat(job):
        try:
            context.check_cancelled()
            outcome = find_kind(job.kind).body(context)
            _finish(job, outcome)
        except LeaseLost:
            log.warning("Job %s (%s) was taken over by another worker.", job.pk, job.title)
        except Cancelled:
            _end(job, Job.State.CANCELLED, token=job.token)
        except (OperationalError, InterfaceError):
            # The database is away: the row can not be written now. The lease runs out
            # and the sweep starts the job again.
            connection.close()
            log.exception("Job %s (%s) lost the database.", job.pk, job.title)
        except LabError as error:
            _end(job, Job.State.FAILED, token=job.token, error=error.message, fix=error.fix)
        except Exception as error:
            log.exception("Job %s (%s) failed.", job.pk, job.title)
            _record_bug(job, error)
    return True


def drain() -> int:
    """Run every queued job here and now (commands, tests); returns how many ran."""
    count = 0
    while job_id := (
        Job.objects.filter(state=Job.State.QUEUED)
        .order_by("created_at")
        .values_list("pk", flat=True)
        .first()
    ):
        count += run_job(job_id)
    return count


def sweep() -> dict[str, int]:
    """Find what was lost: dead workers' jobs, unsent wake-ups, parents whose parts ended."""
    now = timezone.now()
    requeued = failed = woken = 0
    expired = Job.objects.filter(state=Job.State.RUNNING, lease_until__lt=now)
    for job in expired:
        if job.attempt >= settings.JOB_MAX_ATTEMPTS:
            failed += _end(
                job,
                Job.State.FAILED,
                token=job.token,
                error=f"The worker died {job.attempt} times while it ran this job.",
                fix="See the workers' logs; memory is the usual cause. Then start it again.",
            )
        else:
            requeued += _requeue(job, Job.State.RUNNING, "The worker died; started again.")
    for job in Job.objects.filter(state=Job.State.WAITING):
        if not job.children.active().exists():
            woken += _requeue(job, Job.State.WAITING)
    unsent = Job.objects.filter(state=Job.State.QUEUED).filter(
        Q(sent_at__isnull=True, created_at__lt=now - timedelta(seconds=5))
        | Q(sent_at__lt=now - RESEND_AFTER)
    )
    for job in unsent:
        _send(job)
    return {"requeued": requeued, "failed": failed, "woken": woken}


def _create(request: JobRequest, *, trigger: str, by: Any, parent: Job | None) -> Job:
    kind = find_kind(request.kind)
    job = Job.objects.create(
        kind=kind.name,
        title=(request.title or kind.title)[:200],
        queue=kind.queue,
        params=request.params,
        key=request.key,
        trigger=trigger,
        requested_by=by,
        parent=parent,
    )
    transaction.on_commit(lambda: _send(job))
    return job


def _send(job: Job) -> None:
    """Wake a worker. Failing to is no loss: the sweep sends again."""
    from battery_db.lib.runs.tasks import run_job as task

    Job.objects.filter(pk=job.pk).update(sent_at=timezone.now())
    try:
        task.apply_async([str(job.pk)], queue=job.queue)
    except Exception:  # noqa: BLE001 - any broker, any transport error
        log.warning("The broker did not take job %s; the sweep will send it.", job.pk)


def _lease() -> Any:
    return timezone.now() + timedelta(seconds=settings.JOB_LEASE_SECONDS)


def _claim(job_id: str | uuid.UUID) -> Job | None:
    token = uuid.uuid4()
    now = timezone.now()
    claimed = Job.objects.filter(pk=job_id, state=Job.State.QUEUED).update(
        state=Job.State.RUNNING,
        token=token,
        lease_until=_lease(),
        attempt=F("attempt") + 1,
        started_at=now,
    )
    return Job.objects.get(pk=job_id) if claimed else None


@contextmanager
def _heartbeat(job: Job) -> Iterator[None]:
    """Extend the lease from a thread of its own while the body computes."""
    stop = threading.Event()
    period = settings.JOB_LEASE_SECONDS / 4

    def beat() -> None:
        while not stop.wait(period):
            try:
                Job.objects.filter(pk=job.pk, token=job.token, state=Job.State.RUNNING).update(
                    lease_until=_lease()
                )
            except DatabaseError:
                log.warning("Job %s could not extend its lease.", job.pk)
            finally:
                connection.close()

    thread = threading.Thread(target=beat, name=f"heartbeat-{job.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=5)


def _finish(job: Job, outcome: Outcome) -> None:
    """Write results and the row's end in one transaction; LeaseLost rolls both back."""
    if isinstance(outcome, Wait):
        _wait(job, outcome)
        return
    with transaction.atomic():
        if not _end(
            job,
            Job.State.SUCCEEDED,
            token=job.token,
            result=outcome.result,
            result_url=outcome.url,
            error="",
            fix="",
        ):
            raise LeaseLost
        if outcome.save is not None:
            outcome.save()


def _wait(job: Job, outcome: Wait) -> None:
    with transaction.atomic():
        updated = Job.objects.filter(pk=job.pk, token=job.token, state=Job.State.RUNNING).update(
            state=Job.State.WAITING, memory=outcome.memory, lease_until=None, attempt=0
        )
        if not updated:
            raise LeaseLost
        for request in outcome.children:
            _create(request, trigger=Job.Trigger.JOB, by=job.requested_by, parent=job)
    if not outcome.children:
        _requeue(job, Job.State.WAITING)


def _end(
    job: Job, state: str, *, token: Any, from_state: str = Job.State.RUNNING, **values: Any
) -> bool:
    """Move a row to its end, and wake its parent when it was the last part."""
    with transaction.atomic():
        if job.parent_id is not None:
            # Two last parts must not each see the other as unfinished.
            Job.objects.select_for_update().get(pk=job.parent_id)
        ended = Job.objects.filter(pk=job.pk, token=token, state=from_state).update(
            state=state, finished_at=timezone.now(), lease_until=None, **values
        )
        if ended and job.parent_id is not None:
            parent = Job.objects.get(pk=job.parent_id)
            if parent.state == Job.State.WAITING and not parent.children.active().exists():
                _requeue(parent, Job.State.WAITING)
    return bool(ended)


def _requeue(job: Job, from_state: str, note: str = "") -> bool:
    with transaction.atomic():
        moved = Job.objects.filter(pk=job.pk, token=job.token, state=from_state).update(
            state=Job.State.QUEUED, lease_until=None, sent_at=None
        )
        if moved:
            if note:
                JobLogLine.objects.create(job=job, text=note, level=JobLogLine.Level.WARNING)
            transaction.on_commit(lambda: _send(job))
    return bool(moved)


def _record_bug(job: Job, error: Exception) -> None:
    JobLogLine.objects.create(job=job, text=traceback.format_exc(), level=JobLogLine.Level.ERROR)
    _end(
        job,
        Job.State.FAILED,
        token=job.token,
        error=f"{type(error).__name__}: {error}",
        fix="This is a fault of the program. The log below says where; please report it.",
    )


__all__ = [
    "Cancelled",
    "Done",
    "JobContext",
    "JobRequest",
    "LeaseLost",
    "Wait",
    "cancel",
    "drain",
    "enqueue",
    "run_job",
    "sweep",
]
