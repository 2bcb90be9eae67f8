"""Jobs as the rest of the program sees them: enqueue, cancel, run."""

import contextlib
import logging
import threading
import time
import traceback
import uuid
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import DatabaseError, IntegrityError, InterfaceError, connection, transaction
from django.db.utils import OperationalError

from battery_db.lib.errors import LabError
from battery_db.lib.runs import transitions
from battery_db.lib.runs.context import JobContext
from battery_db.lib.runs.models import Job, JobLogLine
from battery_db.lib.runs.registry import (
    Cancelled,
    Done,
    JobRequest,
    LeaseLost,
    Wait,
    find_kind,
    job_kind,
)
from battery_db.lib.runs.sweeping import sweep

log = logging.getLogger(__name__)
DATABASE_AWAY = (OperationalError, InterfaceError)
LONGEST_OUTAGE_S = 300  # after that the sweep starts the job again


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
    request = JobRequest(kind, params or {}, title, key)
    for _ in range(3):
        if key and (active := Job.objects.active().filter(key=key).first()):
            return active
        try:
            with transaction.atomic():
                return transitions.create(request, trigger=trigger, by=by)
        except IntegrityError as error:
            refused = error  # somebody else was faster by a moment; theirs may have ended since
    raise refused


def cancel(job: Job) -> None:
    """Ask a job and its parts, at any depth, to stop; those not yet running end at once."""
    levels = []
    level = [job.pk]
    while level:
        levels.append(level)
        _request_cancel(level)
        level = list(Job.objects.active().filter(parent__in=level).values_list("pk", flat=True))
    for level in reversed(levels):
        for part in Job.objects.filter(pk__in=level, state=Job.State.QUEUED):
            transitions.end(part, Job.State.CANCELLED, from_state=Job.State.QUEUED)
        for whole in Job.objects.filter(pk__in=level, state=Job.State.WAITING):
            transitions.wake_if_complete(whole.pk)


def run_job(job_id: str | uuid.UUID) -> bool:
    """Claim and run one job. False when somebody else has it, or it has ended."""
    job = transitions.claim(job_id)
    if job is None:
        return False
    with _heartbeat(job):
        try:
            _run_body(job)
        except LeaseLost:
            log.warning("Job %s (%s) was taken over by another worker.", job.pk, job.title)
        except DATABASE_AWAY as error:
            log.exception("Job %s (%s) lost the database.", job.pk, job.title)
            _start_again(job, error)
        except BaseException:
            with contextlib.suppress(DatabaseError):
                transitions.requeue(job, Job.State.RUNNING, "The worker was stopped.")
            raise
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


def _request_cancel(job_ids: list[uuid.UUID]) -> None:
    with transaction.atomic():
        rows = Job.objects.filter(pk__in=job_ids)
        # In a fixed order, so that two people who cancel at once do not block each other.
        list(rows.order_by("pk").select_for_update(no_key=True).values_list("pk"))
        rows.active().update(cancel_requested=True)


def _run_body(job: Job) -> None:
    """Run the body once and write how it ended."""
    context = JobContext(job)
    try:
        body = _body_of(job)
        context.check_cancelled()
        transitions.finish(job, body(context))
    except (LeaseLost, *DATABASE_AWAY):
        raise
    except Cancelled:
        transitions.end(job, Job.State.CANCELLED)
    except LabError as error:
        transitions.fail(job, error.message, error.fix)
    except Exception as error:
        log.exception("Job %s (%s) failed.", job.pk, job.title)
        context.log(traceback.format_exc(), JobLogLine.Level.ERROR)
        transitions.fail(
            job,
            f"{type(error).__name__}: {error}",
            "This is a fault of the program. The log below says where; please report it.",
        )


def _body_of(job: Job) -> Any:
    try:
        return find_kind(job.kind).body
    except KeyError:
        raise LabError(
            f"This worker knows no kind of job called {job.kind!r}.",
            fix="It runs another version of the program: restart all workers, then try again.",
        ) from None


def _start_again(job: Job, error: Exception) -> None:
    """Queue the job as soon as the database answers; after too many attempts, fail it."""
    deadline = time.monotonic() + LONGEST_OUTAGE_S
    pause = 0.5
    while time.monotonic() < deadline:
        try:
            if job.attempt < settings.JOB_MAX_ATTEMPTS:
                note = f"The database was away; started again. ({error})"
                transitions.requeue(job, Job.State.RUNNING, transitions.storable(note))
            else:
                message = f"The database failed {job.attempt} times during this job: {error}"
                transitions.fail(job, message, "See the log of the database. Then try again.")
            return
        except DATABASE_AWAY:
            connection.close()  # the next attempt opens a new one
            time.sleep(pause)
            pause = min(2 * pause, 5.0)


@contextlib.contextmanager
def _heartbeat(job: Job) -> Iterator[None]:
    """Extend the lease from a thread of its own while the body computes."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(settings.JOB_LEASE_SECONDS / 4):
            try:
                transitions.renew(job)
            except (DatabaseError, InterfaceError):
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
    "job_kind",
    "run_job",
    "sweep",
]
