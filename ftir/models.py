"""Infrared spectra, calibrations made of them, and the compositions inferred."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from simple_history.models import HistoricalRecords

from battery_db.lib.models import ImportedContent
from cells.models import ElectrolyteLot, Molecule, RawFile


class InfraredSpectrumQuerySet(models.QuerySet["InfraredSpectrum"]):
    def readable(self) -> "InfraredSpectrumQuerySet":
        return self.exclude(series_name="")

    def to_judge(self) -> "InfraredSpectrumQuerySet":
        """Spectra whose composition is asked for: readable, in use, no calibration's sample."""
        return self.readable().filter(
            Q(file=None) | Q(file__deprecated=False, file__duplicate_of=None), for_calibration=False
        )

    def of_cell(self, cell_id: int) -> "InfraredSpectrumQuerySet":
        return self.to_judge().filter(
            file__metadata__cell_id=cell_id, file__metadata__is_valid=True
        )


class InfraredSpectrum(ImportedContent):
    """One measured spectrum: of a file found in a folder, or uploaded as a free sample.

    Points lie in Parquet under the content's hash. A failed import is a row too, so that
    the same content is not tried again until it or its reader changes.
    """

    class Status(models.TextChoices):
        IMPORTED = "imported"
        FAILED = "failed"

    class Baseline(models.TextChoices):
        NONE = "none", "none"
        ARPLS = "arpls", "arPLS"
        OFFSET = "offset", "constant offset"

    file = models.OneToOneField(
        RawFile, models.CASCADE, null=True, related_name="infrared_spectrum"
    )
    name = models.CharField(max_length=300)
    status = models.CharField(max_length=8, choices=Status)
    notices = models.JSONField(default=list, help_text="What the user should know about the data.")
    point_count = models.PositiveIntegerField(default=0)
    first_per_cm = models.FloatField("from / 1/cm", null=True)
    last_per_cm = models.FloatField("to / 1/cm", null=True)
    instrument = models.JSONField(default=dict, help_text="What the file says of itself.")
    baseline = models.CharField(max_length=8, choices=Baseline, default=Baseline.NONE)
    atr_to_transmission = models.BooleanField("ATR correction", default=False)
    electrolyte_lot = models.ForeignKey(
        ElectrolyteLot,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="infrared_spectra",
        help_text="The lot that the sample was taken from.",
    )
    for_calibration = models.BooleanField(
        default=False, help_text="Uploaded as a sample of a calibration; not listed."
    )
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    history = HistoricalRecords(
        excluded_fields=["notices", "instrument", "imported_at", "error", "fix"]
    )

    objects = InfraredSpectrumQuerySet.as_manager()

    class Meta:
        ordering = ["-imported_at", "-pk"]
        verbose_name_plural = "infrared spectra"
        indexes = [
            models.Index(fields=["sha256"], name="spectrum_by_content"),
            # The list of spectra and the nightly question for new ones.
            models.Index(fields=["for_calibration", "-imported_at"], name="spectrum_newest"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("ftir:spectrum", args=[self.pk])


class Calibration(models.Model):
    """Samples, components, a model with its penalties, and the report of its errors.

    What was fitted never changes: another fit is a new version. The one that ``in_use``
    marks judges new spectra; compositions of older ones stay.
    """

    class Kind(models.TextChoices):
        LINEAR = "linear", "Linear-VM"
        CONSTANT = "constant", "Constant-VM (Beer's law)"

    class State(models.TextChoices):
        DRAFT = "draft", "being entered"
        READY = "ready"
        FAILED = "failed"

    name = models.CharField(max_length=100)
    version = models.PositiveSmallIntegerField(default=1)
    kind = models.CharField("model", max_length=8, choices=Kind, default=Kind.LINEAR)
    state = models.CharField(max_length=6, choices=State, default=State.DRAFT)
    error = models.TextField(blank=True)
    fix = models.TextField(blank=True)
    penalties = models.JSONField(default=dict, help_text="Those that differ from the default.")
    first_per_cm = models.FloatField("from / 1/cm", default=650.0)
    last_per_cm = models.FloatField("to / 1/cm", default=2080.0)
    is_demonstration = models.BooleanField(default=False)
    in_use = models.BooleanField(default=False)
    archive_name = models.CharField(max_length=200, blank=True)
    report_name = models.CharField(max_length=200, blank=True)
    report = models.JSONField(default=dict, help_text="Errors of the cross-validation.")
    samples_digest = models.CharField(max_length=64, blank=True)
    notes = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    fitted_at = models.DateTimeField(null=True)
    history = HistoricalRecords(excluded_fields=["report"])

    class Meta:
        ordering = ["-in_use", "name", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="calibration_version_once"),
            models.UniqueConstraint(
                fields=["in_use"], condition=Q(in_use=True), name="one_calibration_in_use"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}, version {self.version}"

    def get_absolute_url(self) -> str:
        return reverse("ftir:calibration", args=[self.pk])

    def stored_files(self) -> list[tuple[str, int | None]]:
        """What lies in the series storage for this row; sizes are not kept."""
        return [(name, None) for name in (self.archive_name, self.report_name) if name]

    @property
    def component_names(self) -> tuple[str, ...]:
        """In the order of every list of mass ratios."""
        return tuple(part.molecule.name for part in self.parts.all())


class CalibrationComponent(models.Model):
    """A molecule whose mass ratio a calibration tells, at its place in all lists."""

    calibration = models.ForeignKey(Calibration, models.CASCADE, related_name="parts")
    # Named, so that merging two molecules finds it.
    molecule = models.ForeignKey(Molecule, models.PROTECT, related_name="calibration_parts")
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["calibration", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["calibration", "position"], name="component_place_once"
            ),
            models.UniqueConstraint(fields=["calibration", "molecule"], name="component_once"),
        ]

    def __str__(self) -> str:
        return str(self.molecule)


class CalibrationSample(models.Model):
    """A spectrum of a calibration; ``mass_ratio`` is None where it is unknown."""

    calibration = models.ForeignKey(Calibration, models.CASCADE, related_name="samples")
    spectrum = models.ForeignKey(InfraredSpectrum, models.PROTECT, related_name="samples")
    mass_ratio = models.JSONField(null=True, help_text="Fractions in the order of components.")

    class Meta:
        ordering = ["calibration", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["calibration", "spectrum"], name="sample_once"),
        ]

    def __str__(self) -> str:
        return str(self.spectrum)


class Composition(models.Model):
    """What one calibration makes of one spectrum.

    ``amounts`` has, per component, its mass ratio (0 to 1), the half width of the
    interval, and the value before negative ones became 0. ``baseline`` and
    ``atr_to_transmission`` are the corrections that it was made with.
    """

    spectrum = models.ForeignKey(InfraredSpectrum, models.CASCADE, related_name="compositions")
    calibration = models.ForeignKey(Calibration, models.PROTECT, related_name="compositions")
    baseline = models.CharField(
        max_length=8,
        choices=InfraredSpectrum.Baseline,
        default=InfraredSpectrum.Baseline.NONE,
        help_text="Correction it was made with.",
    )
    atr_to_transmission = models.BooleanField(
        "ATR correction", default=False, help_text="Correction it was made with."
    )
    amounts = models.JSONField(default=list)
    in_calibration = models.BooleanField(default=False)
    verdict = models.TextField(blank=True)
    concerns = models.JSONField(default=list)
    regions = models.JSONField(default=list, help_text="[from, to, peak, times typical] in 1/cm.")
    suspects = models.JSONField(default=list)
    notices = models.JSONField(default=list)
    shift_per_cm = models.FloatField(default=0.0)
    reconstruction_error = models.FloatField(null=True, help_text="mean |s - s'| / mean |s|.")
    refinement = models.TextField(
        blank=True, help_text="Whether prediction or reconstruction is at fault (thesis, 4.2.7)."
    )
    error = models.TextField(blank=True)
    fix = models.TextField(blank=True)
    estimated_at = models.DateTimeField()

    class Meta:
        ordering = ["-estimated_at"]
        constraints = [
            models.UniqueConstraint(fields=["spectrum", "calibration"], name="composition_once"),
        ]

    def __str__(self) -> str:
        return f"{self.spectrum} by {self.calibration}"

    @property
    def corrected(self) -> str:
        """The corrections that it was made with, in words; empty for none."""
        baseline = "" if self.baseline == "none" else f"baseline by {self.get_baseline_display()}"
        atr = "ATR correction" if self.atr_to_transmission else ""
        return ", ".join(part for part in (baseline, atr) if part)
