"""Tests, half-cycles and groups. Points lie in Parquet."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

import polars as pl
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.urls import reverse
from simple_history.models import HistoricalRecords

from battery_db.lib.models import ImportedContent
from cells.models import Folder, RawFile
from cycling.formats.base import ColumnDeclaration, DeclaredColumn
from cycling.modes import TITLES


class Polarity(models.TextChoices):
    CHARGE = "charge"
    DISCHARGE = "discharge"


class CyclingTest(ImportedContent):
    """One cell's data from one file content, as one reader version understood it.

    Only ``cycling.jobs`` writes these rows: the row, its half-cycles and the switch of
    ``series_name`` happen in one transaction. A failed import is a row too, so that the
    same content is not tried again until the content or the reader changes; failures
    with ``is_transient`` (disk full, database gone) are tried again the next night.
    """

    class Status(models.TextChoices):
        IMPORTED = "imported"
        PARTIAL = "partial", "imported in part"
        FAILED = "failed"

    file = models.OneToOneField(RawFile, models.CASCADE, related_name="cycling_test")
    status = models.CharField(max_length=8, choices=Status)
    findings = models.JSONField(default=list, help_text="What the user should know about the data.")
    summary_version = models.PositiveSmallIntegerField(default=0)
    time_zone = models.CharField(
        max_length=60, default="UTC", help_text="Zone that naive clocks of the file were read in."
    )
    series_bytes = models.BigIntegerField(default=0)
    parts = models.JSONField(
        default=list,
        help_text="Key, bytes and records that count of each file, where the series has several.",
    )
    bookmark_name = models.CharField(
        max_length=200, blank=True, help_text="Key of what is needed to read on when it has grown."
    )
    row_count = models.BigIntegerField(default=0)
    first_cycle = models.IntegerField(null=True)
    last_cycle = models.IntegerField(null=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    instrument = models.JSONField(default=dict, help_text="What the file's header says of itself.")

    class Meta:
        ordering = ["file_id"]
        indexes = [
            models.Index(fields=["status"], name="test_by_status"),
            models.Index(fields=["sha256"], name="test_by_content"),
        ]

    def __str__(self) -> str:
        return str(self.file)

    def get_absolute_url(self) -> str:
        return reverse("cycling:test", args=[self.pk])

    @property
    def has_series(self) -> bool:
        return bool(self.series_name)

    def stored_files(self) -> list[tuple[str, int | None]]:
        """Name and bytes of everything in the series storage that belongs to this test."""
        whole = [(self.series_name, self.series_bytes)] if self.series_name else []
        parts = [(name, size) for name, size, _ in self.parts]
        bookmark = [(self.bookmark_name, None)] if self.bookmark_name else []
        return [*(parts or whole), *bookmark]


class TableDeclaration(models.Model):
    """What a curator said once of the columns of a folder's tables; its files are read by it.

    ``columns`` is a list of ``{"header", "column", "unit"}``, checked by
    ``cycling.formats.declared``.
    """

    folder = models.ForeignKey(Folder, models.CASCADE, related_name="table_declarations")
    name = models.CharField(max_length=100)
    columns = models.JSONField()
    header_line = models.PositiveSmallIntegerField(
        default=1, help_text="The line of column names; 0 where there is none."
    )
    separator = models.CharField(max_length=1, blank=True, help_text="Found by itself when empty.")
    clock_format = models.CharField(
        max_length=60, blank=True, help_text="How the clock is written, such as %d.%m.%Y %H:%M:%S."
    )
    reverse_current = models.BooleanField(
        default=False, help_text="The files count discharge as positive."
    )
    history = HistoricalRecords()

    class Meta:
        ordering = ["folder", "name"]
        constraints = [
            models.UniqueConstraint(fields=["folder", "name"], name="declaration_once"),
        ]

    def __str__(self) -> str:
        return self.name

    def as_declaration(self) -> ColumnDeclaration:
        columns = tuple(DeclaredColumn(**column) for column in self.columns)
        layout = (self.header_line, self.separator, self.clock_format, self.reverse_current)
        return ColumnDeclaration(self.name, columns, *layout)


class CellState(models.Model):
    """What cycling knows of one Cell ID, registered or not: its capacity and grouping."""

    cell_id = models.PositiveIntegerField(primary_key=True)
    theoretical_capacity_ah = models.FloatField(null=True)
    capacity_is_manual = models.BooleanField(default=False)
    grouped_fingerprint = models.CharField(
        max_length=64, blank=True, help_text="Digest of what the groups were made from."
    )
    grouped_at = models.DateTimeField(null=True)
    history = HistoricalRecords(excluded_fields=["grouped_fingerprint", "grouped_at"])

    def __str__(self) -> str:
        return f"Cell {self.cell_id}"

    def get_absolute_url(self) -> str:
        return reverse("cells:cell", args=[self.cell_id])


class CycleGroup(models.Model):
    """Half-cycles of one cell and polarity that were driven alike.

    The ranges are the box that holds its members and can be used as a dataset filter
    directly. Rates are C-rates (current over theoretical capacity), never negative.
    """

    cell = models.ForeignKey(CellState, models.CASCADE, related_name="groups")
    polarity = models.CharField(max_length=9, choices=Polarity)
    number = models.PositiveSmallIntegerField(help_text="1 is the largest group of its polarity.")
    name = models.CharField(
        max_length=60, blank=True, help_text="What people call it; outlives a new grouping."
    )
    irregular = models.BooleanField(
        default=False, help_text="Members that fit nowhere: interrupted, aborted."
    )
    size = models.PositiveIntegerField()
    constant_rate = models.FloatField(null=True)
    end_rate = models.FloatField(null=True)
    previous_end_rate = models.FloatField(null=True)
    end_voltage = models.FloatField(null=True)
    previous_end_voltage = models.FloatField(null=True)
    box = models.JSONField(
        default=dict, help_text="attribute -> [minimum, maximum] over the members."
    )

    class Meta:
        ordering = ["cell", "polarity", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["cell", "polarity", "number"], name="group_number_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_polarity_display()} {self.number}"


# Columns of ``HalfCycleQuerySet.as_frame``: names of fields, and their types in Polars.
FRAME_COLUMNS: Mapping[str, pl.DataType] = {
    "id": pl.Int64(),
    "test_id": pl.Int64(),
    "group_id": pl.Int64(),
    "polarity": pl.String(),
    "ordinal": pl.Int64(),
    "cycle_count": pl.Int64(),
    "first_row": pl.Int64(),
    "last_row": pl.Int64(),
    "start_time_second": pl.Float64(),
    "duration_second": pl.Float64(),
    "started_at": pl.Datetime("us", "UTC"),
    "capacity_ah": pl.Float64(),
    "energy_wh": pl.Float64(),
    "mean_voltage_volt": pl.Float64(),
    "mean_current_ampere": pl.Float64(),
    "constant_current_ampere": pl.Float64(),
    "end_current_ampere": pl.Float64(),
    "end_voltage_volt": pl.Float64(),
    "previous_constant_current_ampere": pl.Float64(),
    "previous_end_current_ampere": pl.Float64(),
    "previous_end_voltage_volt": pl.Float64(),
    "mean_temperature_celsius": pl.Float64(),
    "is_complete": pl.Boolean(),
    "anomaly_sigmas": pl.Float64(),
    "excluded": pl.Boolean(),
}


def _time_order() -> tuple[Any, ...]:
    start = Coalesce("test__file__metadata__start_cycle", -1)
    return start, "test__started_at", "test", "ordinal"


class HalfCycleQuerySet(models.QuerySet["HalfCycle"]):
    def of_cell(self, cell_id: int) -> "HalfCycleQuerySet":
        """Half-cycles of every file in use that speaks of this Cell ID, each told once.

        The link goes through the file's metadata, so a correction there moves the
        cycles at once.
        """
        return self.in_use().filter(test__file__metadata__cell_id=cell_id)

    def in_use(self) -> "HalfCycleQuerySet":
        """Of files in use, without those that another file tells better (``cycling.stitching``)."""
        better = Q(superseded_by__isnull=False, superseded_by__file__deprecated=False)
        return self.told().exclude(better)

    def told(self) -> "HalfCycleQuerySet":
        """Of files in use, overlaps included."""
        return self.filter(
            test__file__deprecated=False,
            test__file__duplicate_of=None,
            test__file__metadata__is_valid=True,
        )

    def standing_out(self) -> "HalfCycleQuerySet":
        """Those that stand out within their group and are not left out (``cycling.anomalies``)."""
        return self.filter(excluded=False).exclude(anomaly="")

    def with_cycle(self) -> "HalfCycleQuerySet":
        """Add ``cycle``: the absolute cycle number, start cycle of the file + its own count."""
        start = Coalesce("test__file__metadata__start_cycle", 0)
        return self.annotate(cycle=F("cycle_count") + start)

    def in_cycles(self, cycles: Iterable[int]) -> "HalfCycleQuerySet":
        """Half-cycles of the given absolute cycle numbers."""
        start = Coalesce("test__file__metadata__start_cycle", 0)
        return self.annotate(cycle=F("cycle_count") + start).filter(cycle__in=list(cycles))

    def in_time_order(self) -> "HalfCycleQuerySet":
        """By start cycle of the file, then as recorded; clocks are not to be trusted."""
        return self.order_by(*_time_order())

    def frames_by_cell(self) -> Iterator[tuple[int, pl.DataFrame]]:
        """Cell ID and ``as_frame`` of each cell, in order of Cell ID, in one query.

        Rows come from the database as they are taken, so memory holds one cell.
        """
        cell = "test__file__metadata__cell_id"
        rows = self.with_cycle().order_by(cell, *_time_order())
        values = rows.values_list(cell, "cycle", *FRAME_COLUMNS).iterator(chunk_size=5000)
        schema = {"cell_id": pl.Int64(), "cycle": pl.Int64(), **FRAME_COLUMNS}
        for cell_id, own in groupby(values, key=itemgetter(0)):
            frame = pl.DataFrame(list(own), schema=schema, orient="row")
            yield int(cell_id or 0), frame.drop("cell_id")

    def as_frame(self) -> pl.DataFrame:
        """One row per half-cycle with ``cycle`` and the columns of ``FRAME_COLUMNS`` (one query)."""
        rows = self.with_cycle().in_time_order().values_list("cycle", *FRAME_COLUMNS)
        schema = {"cycle": pl.Int64(), **FRAME_COLUMNS}
        return pl.DataFrame(list(rows), schema=schema, orient="row")


class HalfCycle(models.Model):
    """One charge or one discharge: a row of summary numbers.

    Currents and capacities are magnitudes. Columns are those of
    ``cycling.half_cycles.summarise``; ``excluded`` outlives a new import.
    """

    test = models.ForeignKey(CyclingTest, models.CASCADE, related_name="half_cycles")
    polarity = models.CharField(max_length=9, choices=Polarity)
    ordinal = models.PositiveIntegerField(help_text="Position within the test, from 0.")
    cycle_count = models.IntegerField(help_text="The instrument's own number.")
    first_row = models.BigIntegerField()
    last_row = models.BigIntegerField()
    start_time_second = models.FloatField(help_text="Test time at the start.")
    duration_second = models.FloatField()
    started_at = models.DateTimeField(null=True)
    capacity_ah = models.FloatField()
    energy_wh = models.FloatField()
    mean_voltage_volt = models.FloatField(null=True, help_text="Energy over capacity.")
    mean_current_ampere = models.FloatField(null=True)
    constant_current_ampere = models.FloatField(null=True)
    end_current_ampere = models.FloatField(null=True)
    end_voltage_volt = models.FloatField(null=True)
    previous_constant_current_ampere = models.FloatField(null=True)
    previous_end_current_ampere = models.FloatField(null=True)
    previous_end_voltage_volt = models.FloatField(null=True)
    mean_temperature_celsius = models.FloatField(null=True)
    is_complete = models.BooleanField(
        default=True, help_text="False for the last one of a growing file."
    )
    mode = models.CharField(
        "driven by",
        max_length=8,
        choices=tuple(TITLES.items()),
        blank=True,
        help_text="What was controlled, see ``cycling.modes``.",
    )
    group = models.ForeignKey(CycleGroup, models.SET_NULL, null=True, related_name="half_cycles")
    superseded_by = models.ForeignKey(
        CyclingTest,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="The test of another file that tells the same half-cycle and counts instead.",
    )
    anomaly = models.CharField(
        max_length=100,
        blank=True,
        help_text="What stands out within its group, such as 'capacity, duration': advice only.",
    )
    anomaly_sigmas = models.FloatField(
        null=True, help_text="Its largest deviation, in robust standard deviations, signed."
    )
    excluded = models.BooleanField(default=False)
    excluded_reason = models.CharField(max_length=300, blank=True)

    objects = HalfCycleQuerySet.as_manager()

    class Meta:
        ordering = ["test", "ordinal"]
        constraints = [
            models.UniqueConstraint(fields=["test", "ordinal"], name="half_cycle_once"),
            models.CheckConstraint(condition=Q(capacity_ah__gte=0), name="capacity_not_negative"),
        ]
        indexes = [
            # A few of millions: what curators ask for.
            models.Index(fields=["test"], condition=~Q(anomaly=""), name="half_cycles_flagged"),
        ]

    def __str__(self) -> str:
        return f"{self.polarity} {self.cycle_count}"
