"""What the body of a job may use: its arguments, and ways to report and to write."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction

from battery_db.lib.runs import transitions
from battery_db.lib.runs.models import Job, JobLogLine, JobQuerySet
from battery_db.lib.runs.registry import Cancelled, LeaseLost

REPORT_EVERY_S = 0.5


class JobContext:
    """One attempt at a job, by the worker that holds its lease."""

    def __init__(self, job: Job) -> None:
        self.job_id = job.pk
        self.params: dict[str, Any] = job.params
        self.memory: dict[str, Any] = job.memory
        self.requested_by_id: int | None = job.requested_by_id
        self.trigger = job.trigger
        self._token = job.token
        self._next_report_at = 0.0

    def progress(self, done: int, total: int, text: str = "") -> None:
        """Report progress (written at most twice a second) and stop here if cancelled."""
        now = time.monotonic()
        if done < total and now < self._next_report_at:
            return
        self._next_report_at = now + REPORT_EVERY_S
        text = transitions.storable(text)[:200]
        self._update(progress_done=done, progress_total=total, progress_text=text)
        self.check_cancelled()

    def log(self, text: str, level: str = JobLogLine.Level.INFO) -> None:
        JobLogLine.objects.create(job_id=self.job_id, text=transitions.storable(text), level=level)

    def check_cancelled(self) -> None:
        """Raise Cancelled when a person asked for it, LeaseLost when the job moved on."""
        cancel_requested = self._mine().values_list("cancel_requested", flat=True).first()
        if cancel_requested is None:
            raise LeaseLost
        if cancel_requested:
            raise Cancelled

    @contextmanager
    def fenced(self) -> Iterator[None]:
        """A transaction that commits only while this worker still holds the job.

        The update of the lease locks the row, so a worker that was presumed dead and
        its successor can not both commit.
        """
        with transaction.atomic():
            self._update(lease_until=transitions.lease())
            yield

    def _mine(self) -> JobQuerySet:
        return Job.objects.filter(pk=self.job_id, token=self._token, state=Job.State.RUNNING)

    def _update(self, **values: Any) -> None:
        if self._mine().update(**values) != 1:
            raise LeaseLost
