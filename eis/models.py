"""What the potentiostats measured: spectra, fits of circuits, and what people decided."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Case, F, OuterRef, Q, Subquery, When
from django.db.models.functions import Coalesce
from django.urls import reverse

from battery_db.lib.models import ImportedContent
from cells.models import RawFile
from eis.cycles import COUNT_SWEEPS


class ImpedanceFile(ImportedContent):
    """One file's spectra, as one reader version understood them.

    Only ``eis.jobs`` writes these rows. A failed import is a row too, so that the same
    content is not tried again until it or the reader changes; failures with
    ``is_transient`` (disk full, share gone) are tried again the next night.
    """

    class Status(models.TextChoices):
        IMPORTED = "imported"
        PARTIAL = "partial", "imported in part"
        FAILED = "failed"

    file = models.OneToOneField(RawFile, models.CASCADE, related_name="impedance_file")
    status = models.CharField(max_length=8, choices=Status)
    findings = models.JSONField(default=list, help_text="What the user should know about the data.")
    refused = models.JSONField(default=list, help_text="Parts that are no spectrum, and why.")
    instrument = models.JSONField(default=dict, help_text="What the file's header says of itself.")

    class Meta:
        ordering = ["file_id"]
        indexes = [
            models.Index(fields=["status"], name="eis_file_by_status"),
            models.Index(fields=["sha256"], name="eis_file_by_content"),
        ]

    def __str__(self) -> str:
        return str(self.file)


def _cycle() -> Case:
    """``eis.cycles.cycle_of`` in SQL."""
    start = F("source__file__metadata__start_cycle")
    return Case(
        When(source__file__metadata__start_cycle=None, then=F("cycle_count")),
        When(source__format_name__in=sorted(COUNT_SWEEPS), then=start),
        default=start + Coalesce(F("cycle_count"), 0),
        output_field=models.IntegerField(),
    )


class ImpedanceSpectrumQuerySet(models.QuerySet["ImpedanceSpectrum"]):
    def in_use(self) -> "ImpedanceSpectrumQuerySet":
        """Spectra of files that are neither deprecated nor copies."""
        return self.filter(source__file__deprecated=False, source__file__duplicate_of=None)

    def of_cell(self, cell_id: int) -> "ImpedanceSpectrumQuerySet":
        """Spectra of every file in use that speaks of this Cell ID.

        The link goes through the file's metadata, so a correction there moves them at once.
        """
        return self.in_use().filter(source__file__metadata__cell_id=cell_id)

    def with_cycle(self) -> "ImpedanceSpectrumQuerySet":
        """Add ``cycle``: the cycle of the cell's life, where file or spectrum say one."""
        return self.annotate(cycle=_cycle())

    def cycles(self) -> dict[int, int | None]:
        """Spectrum -> cycle of the cell's life (one query)."""
        return dict(self.annotate(cycle=_cycle()).values_list("pk", "cycle"))

    def in_life_order(self) -> "ImpedanceSpectrumQuerySet":
        """With ``cycle``, by cycle, then as they lie in their files."""
        return self.annotate(cycle=_cycle()).order_by("cycle", "source", "number")

    def with_fit(self) -> "ImpedanceSpectrumQuerySet":
        """Add ``fit_id``, ``scaled_error`` and ``fit_status`` of the fit in use (one query)."""
        fits = CircuitFit.objects.filter(spectrum=OuterRef("pk"), is_chosen=True)
        return self.annotate(
            fit_id=Subquery(fits.values("pk")[:1]),
            scaled_error=Subquery(fits.values("scaled_error")[:1]),
            fit_status=Subquery(fits.values("status")[:1]),
        )

    def fitted_as(self, status: str) -> "ImpedanceSpectrumQuerySet":
        """Spectra whose fit in use has this status."""
        return self.filter(fits__is_chosen=True, fits__status=status)

    def worst_first(self) -> "ImpedanceSpectrumQuerySet":
        """Those with a fit: failed ones first, then by falling scaled error."""
        fits = CircuitFit.objects.filter(spectrum=OuterRef("pk"), is_chosen=True)
        error = Subquery(fits.values("scaled_error")[:1])
        return (
            self.filter(fits__is_chosen=True)
            .annotate(scaled_error=error)
            .order_by(F("scaled_error").desc(nulls_first=True), "pk")
        )


class ImpedanceSpectrum(models.Model):
    """One measured Z(f). Its points lie in Parquet, in the file's series.

    ``number`` counts the spectra of a file from 1. ``masked_points`` are places in the
    points as stored; a mask, a circuit and a review outlive a new import of the same points.
    """

    class Review(models.TextChoices):
        OPEN = "open", "not reviewed"
        ACCEPTED = "accepted"
        REJECTED = "rejected"

    source = models.ForeignKey(ImpedanceFile, models.CASCADE, related_name="spectra")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=300)
    point_count = models.PositiveIntegerField()
    lowest_hertz = models.FloatField()
    highest_hertz = models.FloatField()
    cycle_count = models.IntegerField(null=True, help_text="The instrument's own number.")
    voltage_volt = models.FloatField(null=True)
    current_ampere = models.FloatField(null=True)
    temperature_celsius = models.FloatField(null=True)
    state_of_charge = models.FloatField(null=True, help_text="As in the file.")
    time_second = models.FloatField(null=True, help_text="Since the start of the file.")
    findings = models.JSONField(default=list)
    points_digest = models.CharField(
        max_length=64, blank=True, help_text="Of frequencies and impedances as stored."
    )

    validity = models.JSONField(default=dict, help_text="Kramers-Kronig test: error and outliers.")
    masked_points = models.JSONField(default=list)
    circuit = models.CharField(
        max_length=300, blank=True, help_text="Chosen by a person; else the lab's circuit."
    )
    review = models.CharField(max_length=8, choices=Review, default=Review.OPEN)

    objects = ImpedanceSpectrumQuerySet.as_manager()

    class Meta:
        ordering = ["source", "number"]
        constraints = [
            models.UniqueConstraint(fields=["source", "number"], name="eis_spectrum_once"),
        ]
        indexes = [models.Index(fields=["review"], name="eis_spectrum_by_review")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("eis:spectrum", args=[self.pk])


class CircuitFit(models.Model):
    """One circuit fitted to one spectrum: parameters in ohm, hertz and their units.

    ``parameters`` maps each name to ``{unit, value, error, low, high, identifiable, start}``;
    low and high bound 90 %, start is the initial guess. ``fingerprint`` is of all that went
    in: points, mask, circuit, program.
    """

    class Status(models.TextChoices):
        FITTED = "fitted"
        POOR = "poor"
        FAILED = "failed"

    spectrum = models.ForeignKey(ImpedanceSpectrum, models.CASCADE, related_name="fits")
    circuit = models.CharField(max_length=300)
    is_chosen = models.BooleanField(default=True, help_text="The fit that plots and tables show.")
    status = models.CharField(max_length=8, choices=Status)
    reason = models.TextField(blank=True)
    parameters = models.JSONField(default=dict)
    scaled_error = models.FloatField(null=True, help_text="Residual over the spread of Z.")
    start_scaled_error = models.FloatField(null=True)
    start_method = models.CharField(max_length=60, blank=True)
    complexity = models.FloatField(null=True)
    method = models.CharField(max_length=200, blank=True)
    versions = models.JSONField(default=dict)
    criterion = models.FloatField(
        null=True, help_text="Bayesian information criterion, when circuits were compared last."
    )
    is_preferred = models.BooleanField(default=False, help_text="Best of those compared last.")
    fingerprint = models.CharField(max_length=64)
    fitted_at = models.DateTimeField()

    class Meta:
        ordering = ["spectrum", "-fitted_at"]
        constraints = [
            models.UniqueConstraint(fields=["spectrum", "circuit"], name="eis_fit_once"),
            models.UniqueConstraint(
                fields=["spectrum"], condition=Q(is_chosen=True), name="eis_one_chosen_fit"
            ),
        ]
        indexes = [
            # The review, worst first.
            models.Index(fields=["is_chosen", "-scaled_error"], name="eis_fit_by_error"),
        ]

    def __str__(self) -> str:
        return f"{self.circuit} of {self.spectrum_id}"


class SpectrumDecision(models.Model):
    """One decision about a spectrum, by whom and why; it can be undone.

    ``before`` and ``after`` hold the field that changed.
    """

    class Kind(models.TextChoices):
        MASK = "mask", "points masked"
        REVIEW = "review", "reviewed"
        CIRCUIT = "circuit", "circuit chosen"

    FIELDS: dict[str, str] = {
        Kind.MASK: "masked_points",
        Kind.REVIEW: "review",
        Kind.CIRCUIT: "circuit",
    }

    spectrum = models.ForeignKey(ImpedanceSpectrum, models.CASCADE, related_name="decisions")
    kind = models.CharField(max_length=8, choices=Kind)
    before = models.JSONField()
    after = models.JSONField()
    reason = models.CharField(max_length=300, blank=True)
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
        return f"{self.get_kind_display()}: {self.in_words()}"

    def in_words(self) -> str:
        if self.kind != self.Kind.MASK:
            return f"{self.before or 'the default'} → {self.after or 'the default'}"
        before, after = set(self.before), set(self.after)
        parts = [
            f"{len(points)} {word}"
            for points, word in ((after - before, "masked"), (before - after, "taken back in"))
            if points
        ]
        return ", ".join(parts) or "nothing changed"

    def field(self) -> str:
        return self.FIELDS[self.kind]

    def value(self) -> Any:
        return self.after


class LabCircuit(models.Model):
    """A circuit that the lab composed and named; fits keep its text, so it may be deleted."""

    name = models.SlugField(max_length=60, unique=True)
    text = models.CharField(max_length=300)
    note = models.CharField(max_length=300, blank=True)
    made_at = models.DateTimeField(auto_now_add=True)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("eis:circuits") + f"#{self.name}"


class GuessNetwork(models.Model):
    """A version of the network that guesses where fits start, trained on the lab's spectra.

    Without one in use the network that is shipped is used. ``story`` is how it was trained,
    ``quality`` how good its guesses are beside those of the shipped one.
    """

    number = models.PositiveIntegerField(unique=True)
    weights_name = models.CharField(max_length=200, help_text="Key in the weights storage.")
    sha256 = models.CharField(max_length=64)
    size_bytes = models.PositiveIntegerField()
    story = models.JSONField(default=dict)
    quality = models.JSONField(default=dict)
    is_in_use = models.BooleanField(default=False)
    trained_at = models.DateTimeField(auto_now_add=True)
    trained_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    chosen_at = models.DateTimeField(null=True)
    chosen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_in_use"], condition=Q(is_in_use=True), name="eis_one_network_in_use"
            ),
        ]

    def __str__(self) -> str:
        return f"network {self.number}"
