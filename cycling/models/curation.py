"""What people decide about cycles, and what waits for them to look at."""

from django.conf import settings
from django.db import models
from simple_history.models import HistoricalRecords

from cycling.models.cycles import CellState


class CurationChange(models.Model):
    """One decision about half-cycles: left out or taken back in, by whom and why.

    ``targets`` holds, per half-cycle that changed, ``[file id, polarity, cycle count,
    was excluded, reason before]``. File and count survive a new import, row ids do not.
    """

    cell = models.ForeignKey(CellState, models.CASCADE, related_name="curation_changes")
    excludes = models.BooleanField(help_text="False: taken back in.")
    reason = models.CharField(max_length=300, blank=True)
    cycles = models.TextField(help_text="Absolute cycle numbers, for people.")
    targets = models.JSONField()
    made_at = models.DateTimeField(auto_now_add=True)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        ordering = ["-made_at", "-pk"]

    def __str__(self) -> str:
        return f"cycles {self.cycles} {'left out' if self.excludes else 'taken back in'}"

    @property
    def half_cycle_count(self) -> int:
        return len(self.targets)


class Problem(models.Model):
    """Something that a person should look at, found by the night: see ``cycling.problems``.

    A row that is found again keeps its first date and its dismissal; one that is found no
    more goes by itself.
    """

    kind = models.CharField(max_length=30)
    key = models.CharField(max_length=100, help_text="What it is about, within its kind.")
    text = models.TextField()
    fix = models.TextField(help_text="What to do about it.")
    url = models.CharField(max_length=300, help_text="Where to do it.")
    first_seen_at = models.DateTimeField(auto_now_add=True)
    dismissed_at = models.DateTimeField(null=True)
    dismissed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    dismissed_reason = models.CharField(max_length=300, blank=True)
    history = HistoricalRecords(excluded_fields=["text", "fix", "url", "first_seen_at"])

    class Meta:
        ordering = ["kind", "key"]
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="problem_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
