"""Wet cells: what is cycled, under the lab's own number."""

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from simple_history.models import HistoricalRecords

from cells.models.designs import DryCell, Electrolyte


class WetCell(models.Model):
    """A cell with electrolyte. Either part may be unknown; the Cell ID may not."""

    cell_id = models.PositiveIntegerField(
        "Cell ID", unique=True, validators=[MinValueValidator(1)], help_text="The lab's own number."
    )
    electrolyte = models.ForeignKey(
        Electrolyte, models.PROTECT, null=True, blank=True, related_name="wet_cells"
    )
    dry_cell = models.ForeignKey(
        DryCell, models.PROTECT, null=True, blank=True, related_name="wet_cells"
    )
    notes = models.CharField(max_length=1000, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    history = HistoricalRecords()

    class Meta:
        ordering = ["cell_id"]
        constraints = [
            models.CheckConstraint(condition=Q(cell_id__gte=1), name="cell_id_positive"),
        ]

    def __str__(self) -> str:
        return f"Cell {self.cell_id}"

    def get_absolute_url(self) -> str:
        return reverse("cells:cell", args=[self.cell_id])
