"""The Job row."""

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone


class JobQuerySet(models.QuerySet["Job"]):
    def active(self) -> "JobQuerySet":
        return self.filter(state__in=Job.ACTIVE_STATES)

    def finished(self) -> "JobQuerySet":
        return self.exclude(state__in=Job.ACTIVE_STATES)

    def top_level(self) -> "JobQuerySet":
        return self.filter(parent=None)


class Job(models.Model):
    """One piece of long work that a person, the API or the night asked for.

    queued -> running -> succeeded | failed | cancelled; running -> waiting (for its
    children) -> queued again. Only ``runs.engine`` changes these rows.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        WAITING = "waiting", "Waiting for its parts"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"

    class Trigger(models.TextChoices):
        PAGE = "page", "A person, on a page"
        API = "api", "A program, by REST"
        COMMAND = "command", "A command"
        NIGHT = "night", "The nightly run"
        JOB = "job", "Another job"

    ACTIVE_STATES = (State.QUEUED, State.RUNNING, State.WAITING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=80, help_text="Name of a declared kind of job.")
    title = models.CharField(max_length=200)
    queue = models.CharField(max_length=40)
    params = models.JSONField(default=dict, help_text="Arguments: ids and plain JSON.")
    key = models.CharField(
        max_length=200, blank=True, help_text="Two active jobs never share a non-empty key."
    )
    trigger = models.CharField(max_length=10, choices=Trigger)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    parent = models.ForeignKey(
        "self", models.CASCADE, null=True, blank=True, related_name="children"
    )

    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    cancel_requested = models.BooleanField(default=False)
    attempt = models.PositiveSmallIntegerField(default=0, help_text="How often it was claimed.")
    token = models.UUIDField(null=True, editable=False, help_text="Fencing token of the claim.")
    lease_until = models.DateTimeField(null=True, editable=False)
    memory = models.JSONField(
        default=dict, editable=False, help_text="Kept between the runs of a job that waits."
    )

    progress_done = models.PositiveIntegerField(default=0)
    progress_total = models.PositiveIntegerField(default=0)
    progress_text = models.CharField(max_length=200, blank=True)
    result = models.JSONField(default=dict, blank=True)
    result_url = models.CharField(max_length=300, blank=True)
    error = models.TextField(blank=True)
    fix = models.TextField(blank=True)

    created_at = models.DateTimeField(default=timezone.now, editable=False)
    sent_at = models.DateTimeField(null=True, editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["key"],
                condition=Q(state__in=["queued", "running", "waiting"]) & ~Q(key=""),
                name="job_one_active_per_key",
            ),
        ]
        indexes = [
            # The jobs page, newest first; the sweep, by state and lease.
            models.Index(fields=["-created_at"], name="job_newest"),
            models.Index(fields=["state", "lease_until"], name="job_sweep"),
            models.Index(fields=["parent", "state"], name="job_parts"),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("runs:job", args=[self.pk])

    @property
    def is_active(self) -> bool:
        return self.state in self.ACTIVE_STATES

    @property
    def percent(self) -> int | None:
        if not self.progress_total:
            return None
        return min(100, round(100 * self.progress_done / self.progress_total))

    @property
    def duration(self) -> timedelta | None:
        if self.started_at is None:
            return None
        return (self.finished_at or timezone.now()) - self.started_at


class JobLogLine(models.Model):
    """One line of a job's log, as a person will read it."""

    class Level(models.TextChoices):
        INFO = "info"
        WARNING = "warning"
        ERROR = "error"

    job = models.ForeignKey(Job, models.CASCADE, related_name="log_lines")
    at = models.DateTimeField(default=timezone.now)
    level = models.CharField(max_length=7, choices=Level, default=Level.INFO)
    text = models.TextField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.text
