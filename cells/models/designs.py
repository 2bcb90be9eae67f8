"""Blueprints: electrolytes and dry cells."""

from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from simple_history.models import HistoricalRecords

from cells.models.materials import Molecule, Role


class Electrolyte(models.Model):
    """A recipe of solvents, salts and additives.

    ``name`` is rendered from the components and notes by ``cells.projections`` and
    ``digest`` from their exact amounts, so two requests at once can not make twins.
    """

    name = models.CharField(max_length=1000, unique=True, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    notes = models.CharField(max_length=1000, blank=True)
    proprietary = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    history = HistoricalRecords()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("cells:electrolyte", args=[self.pk])


class ElectrolyteComponent(models.Model):
    """One molecule of an electrolyte, in a role and amount."""

    class Unit(models.TextChoices):
        WEIGHT_PERCENT = "wt%", "weight percent"
        MOLAL = "mol/kg", "molal (mol per kg of solvent)"
        MOLAR = "mol/L", "molar (mol per litre)"

    electrolyte = models.ForeignKey(Electrolyte, models.CASCADE, related_name="components")
    molecule = models.ForeignKey(Molecule, models.PROTECT, related_name="uses")
    role = models.CharField(max_length=8, choices=Role)
    amount = models.DecimalField(
        max_digits=12,
        decimal_places=6,
        null=True,
        blank=True,
        help_text="Empty means unknown. Solvents: percent of the solvents' weight; "
        "salts: molal or molar; additives: percent of the whole.",
    )
    unit = models.CharField(max_length=6, choices=Unit)
    history = HistoricalRecords()

    class Meta:
        ordering = ["electrolyte", "role", "-amount"]
        constraints = [
            models.UniqueConstraint(
                fields=["electrolyte", "molecule"], name="electrolyte_molecule_once"
            ),
            models.CheckConstraint(
                condition=Q(amount__isnull=True) | Q(amount__gt=0), name="component_amount_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.molecule} in {self.electrolyte_id}"


class DryCell(models.Model):
    """A cell before filling: electrodes, separator, geometry."""

    class Geometry(models.TextChoices):
        POUCH = "pouch"
        CYLINDRICAL = "cylindrical"
        PRISMATIC = "prismatic"
        COIN = "coin"
        STACK = "stack"
        SWAGELOK = "swagelok", "Swagelok"

    name = models.CharField(max_length=200, unique=True)
    cathode = models.CharField(
        max_length=200, blank=True, help_text="Such as NMC622; empty: unknown."
    )
    anode = models.CharField(max_length=200, blank=True, help_text="Such as artificial graphite.")
    separator = models.CharField(max_length=200, blank=True)
    geometry = models.CharField(max_length=12, choices=Geometry, blank=True)
    nominal_capacity_ah = models.FloatField(
        "nominal capacity / Ah", null=True, blank=True, help_text="C-rates refer to it."
    )
    lower_cutoff_voltage = models.FloatField("lower cut-off / V", null=True, blank=True)
    upper_cutoff_voltage = models.FloatField("upper cut-off / V", null=True, blank=True)
    notes = models.CharField(max_length=1000, blank=True)
    proprietary = models.BooleanField(default=False)
    history = HistoricalRecords()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(nominal_capacity_ah__isnull=True) | Q(nominal_capacity_ah__gt=0),
                name="dry_cell_capacity_positive",
            ),
            models.CheckConstraint(
                condition=Q(lower_cutoff_voltage__isnull=True)
                | Q(upper_cutoff_voltage__isnull=True)
                | Q(lower_cutoff_voltage__lt=F("upper_cutoff_voltage")),
                name="dry_cell_cutoffs_ordered",
                violation_error_message="The lower cut-off must be below the upper one.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("cells:dry-cell", args=[self.pk])
