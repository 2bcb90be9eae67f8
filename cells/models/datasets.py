"""Datasets: selections that people edit, and snapshots that never change."""

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from simple_history.models import HistoricalRecords

from cells.models.wet_cells import WetCell


class Dataset(models.Model):
    """A living selection of cells, with names and filters of its own."""

    class Panels(models.TextChoices):
        ONE = "one", "all in one"
        FILTER = "filter", "one per filter"
        CELL = "cell", "one per cell"

    name = models.CharField(max_length=200, unique=True)
    slug = models.SlugField(max_length=200, unique=True, editable=False)
    description = models.TextField(blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    export_nightly = models.BooleanField(
        default=True, help_text="Export CSV files every night when something has changed."
    )
    licence = models.CharField(
        max_length=200,
        blank=True,
        help_text="Stated in exports, such as https://spdx.org/licenses/CC-BY-4.0.html.",
    )
    plot_quantity = models.CharField(max_length=40, blank=True, editable=False)
    plot_panels = models.CharField(
        max_length=8, choices=Panels, default=Panels.FILTER, editable=False
    )
    plot_columns = models.PositiveSmallIntegerField(default=2, editable=False)
    cells = models.ManyToManyField(WetCell, through="DatasetCell", related_name="datasets")
    history = HistoricalRecords()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("cells:dataset", args=[self.slug])


class DatasetCell(models.Model):
    """A cell in a dataset, perhaps under a name that holds there only."""

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="memberships")
    wet_cell = models.ForeignKey(WetCell, models.PROTECT, related_name="memberships")
    name = models.CharField(max_length=200, blank=True, help_text="Name in this dataset only.")
    colour = models.CharField(
        max_length=7,
        blank=True,
        validators=[RegexValidator(r"^#[0-9a-fA-F]{6}$", "A colour such as #1f77b4.")],
    )
    history = HistoricalRecords()

    class Meta:
        ordering = ["wet_cell__cell_id"]
        constraints = [
            models.UniqueConstraint(fields=["dataset", "wet_cell"], name="dataset_cell_once"),
            models.UniqueConstraint(
                fields=["dataset", "name"],
                condition=~Q(name=""),
                name="dataset_cell_name_unique",
                violation_error_message="Another cell of this dataset has that name.",
            ),
        ]

    def __str__(self) -> str:
        return self.name or str(self.wet_cell)


class DatasetFilter(models.Model):
    """A named subset of the cycles of some cells: ranges on the five attributes."""

    class Differential(models.TextChoices):
        NONE = "", "none"
        TABLE = "table", "one table per cell"
        FILES = "files", "one file per cycle"
        BOTH = "both", "both"

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="filters")
    name = models.CharField(max_length=100)
    colour = models.CharField(
        max_length=7,
        blank=True,
        validators=[RegexValidator(r"^#[0-9a-fA-F]{6}$", "A colour such as #1f77b4.")],
    )
    differential = models.CharField(
        "dQ/dV in exports",
        max_length=5,
        choices=Differential,
        blank=True,
        default=Differential.NONE,
        help_text="Differential capacity of the cycles that pass; for slow cycles, such as C/20.",
    )
    cells = models.ManyToManyField(
        DatasetCell,
        blank=True,
        related_name="filters",
        help_text="None chosen: every cell of the dataset.",
    )
    history = HistoricalRecords(m2m_fields=[cells])

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "name"],
                name="dataset_filter_name_unique",
                violation_error_message="This dataset has a filter of that name.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class FilterRange(models.Model):
    """``minimum <= attribute <= maximum`` for one polarity; either end may be open."""

    class Polarity(models.TextChoices):
        CHARGE = "charge"
        DISCHARGE = "discharge"

    class Attribute(models.TextChoices):
        CONSTANT_RATE = "constant_rate", "constant rate / C"
        END_RATE = "end_rate", "end rate / C"
        PREVIOUS_END_RATE = "previous_end_rate", "previous end rate / C"
        END_VOLTAGE = "end_voltage", "end voltage / V"
        PREVIOUS_END_VOLTAGE = "previous_end_voltage", "previous end voltage / V"
        PREVIOUS_CONSTANT_RATE = "previous_constant_rate", "previous constant rate / C"

    filter = models.ForeignKey(DatasetFilter, models.CASCADE, related_name="ranges")
    polarity = models.CharField(max_length=9, choices=Polarity)
    attribute = models.CharField(max_length=24, choices=Attribute)
    minimum = models.FloatField(null=True, blank=True)
    maximum = models.FloatField(null=True, blank=True)
    history = HistoricalRecords()

    class Meta:
        ordering = ["polarity", "attribute"]
        constraints = [
            models.UniqueConstraint(
                fields=["filter", "polarity", "attribute"], name="filter_attribute_once"
            ),
            models.CheckConstraint(
                condition=Q(minimum__isnull=False) | Q(maximum__isnull=False),
                name="range_not_empty",
            ),
            models.CheckConstraint(
                condition=Q(minimum__isnull=True)
                | Q(maximum__isnull=True)
                | Q(minimum__lte=F("maximum")),
                name="range_ordered",
                violation_error_message="The minimum must not be above the maximum.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.polarity} {self.attribute} [{self.minimum}, {self.maximum}]"

    @property
    def in_words(self) -> str:
        """``charge end voltage / V ≥ 4.18``, as people read it."""
        low = "" if self.minimum is None else f"{self.minimum:g}"
        high = "" if self.maximum is None else f"{self.maximum:g}"
        name = f"{self.polarity} {self.get_attribute_display()}"
        if low and high:
            return f"{name} {low} to {high}"
        return f"{name} ≥ {low}" if low else f"{name} ≤ {high}"


class Snapshot(models.Model):
    """One or more datasets frozen at one moment: what tensors, models and citations refer to.

    ``selection`` is what was frozen (cells, names, filters, exclusions, content hashes,
    code version) and ``digest`` its SHA-256, so freezing unchanged datasets twice gives
    the same snapshot. ``manifest`` describes the compiled tensors.
    """

    datasets = models.ManyToManyField(Dataset, through="SnapshotDataset", related_name="snapshots")
    title = models.CharField(
        max_length=300, editable=False, help_text="Names of the datasets when they were frozen."
    )
    digest = models.CharField(max_length=64, unique=True)
    selection = models.JSONField()
    manifest = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.title} {self.digest[:8]}"


class SnapshotDataset(models.Model):
    """A dataset that a snapshot froze, and its place among them."""

    snapshot = models.ForeignKey(Snapshot, models.CASCADE, related_name="places")
    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="places")
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["snapshot", "dataset"], name="snapshot_dataset_once"),
        ]

    def __str__(self) -> str:
        return str(self.snapshot)
