"""Blueprints of whole cells: electrolytes and dry cells."""

from collections.abc import Mapping
from typing import Any

from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from cells import projections
from cells.compositions import Component, Recipe
from cells.models.electrodes import CellGeometry, Electrode, ElectrodeLot, Separator, SeparatorLot
from cells.models.materials import Molecule, MoleculeLot, Role
from cells.models.nodes import Blueprint, LotModel, amount_field, child_of
from cells.models.searching import BoxQuerySet, DryCellQuerySet, ElectrolyteQuerySet
from cells.naming import Child, name_digest


def named_by_default() -> list[str]:
    return ["notes", "proprietary"]


class Electrolyte(Blueprint):
    """A recipe of solvents, salts and additives, named by ``cells.projections``."""

    kind_key = "electrolyte"

    shown = models.JSONField(
        default=named_by_default, blank=True, help_text="Fields that the name shows."
    )
    history = HistoricalRecords()

    objects = ElectrolyteQuerySet.as_manager()

    def as_recipe(self) -> Recipe:
        """The exact content (prefetch ``components__molecule`` and ``components__lot``)."""
        parts = tuple(part.as_component() for part in self.components.all())
        return Recipe(parts, self.notes, self.proprietary, frozenset(self.shown))

    def keys(self) -> dict[str, str]:
        """Identities of the components by case-folded name."""
        children = (part.child for part in self.components.all())
        return {child.name.casefold(): child.key for child in children}

    def render(self, parts: Any = None) -> None:
        self.apply(self.as_recipe(), self.keys())

    def apply(self, recipe: Recipe, keys: Mapping[str, str]) -> None:
        """Take over a recipe, but for its components."""
        self.notes, self.proprietary = recipe.notes, recipe.proprietary
        self.shown = sorted(recipe.shown)
        self.name = projections.electrolyte_name(recipe)
        self.digest = projections.electrolyte_digest(recipe, keys)
        self.name_digest = name_digest(self.name)


class ElectrolyteLot(LotModel):
    blueprint = models.ForeignKey(Electrolyte, models.PROTECT, related_name="lots")
    history = HistoricalRecords()


class ElectrolyteComponent(models.Model):
    """One molecule, or one lot of it, of an electrolyte, in a role and amount."""

    owner_field = "electrolyte"

    class Unit(models.TextChoices):
        WEIGHT_PERCENT = "wt%", "weight percent"
        MOLAL = "mol/kg", "molal (mol per kg of solvent)"
        MOLAR = "mol/L", "molar (mol per litre)"

    electrolyte = models.ForeignKey(Electrolyte, models.CASCADE, related_name="components")
    molecule = models.ForeignKey(Molecule, models.PROTECT, related_name="uses")
    lot = models.ForeignKey(MoleculeLot, models.PROTECT, null=True, blank=True, related_name="uses")
    role = models.CharField(max_length=8, choices=Role)
    amount = amount_field(
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
        # For the search by composition: who holds this molecule, in which role and amount.
        indexes = [
            models.Index(fields=["molecule", "electrolyte"], name="component_by_molecule"),
            models.Index(fields=["electrolyte", "role"], name="component_by_role"),
        ]

    def __str__(self) -> str:
        return f"{self.child.name} in {self.electrolyte_id}"

    @property
    def child(self) -> Child:
        return child_of(self.molecule, self.lot)

    def as_component(self) -> Component:
        return Component(self.child.name, self.role, self.amount, self.unit)


class DryCell(Blueprint):
    """A cell before filling: electrodes, separator, geometry. Any of them may be unknown."""

    kind_key = "dry-cell"

    label = models.CharField(
        max_length=200, blank=True, help_text="What the lab calls it. May be left empty."
    )
    geometry = models.ForeignKey(
        CellGeometry, models.PROTECT, null=True, blank=True, related_name="dry_cells"
    )
    cathode = models.ForeignKey(
        Electrode, models.PROTECT, null=True, blank=True, related_name="as_cathode"
    )
    cathode_lot = models.ForeignKey(
        ElectrodeLot, models.PROTECT, null=True, editable=False, related_name="as_cathode"
    )
    anode = models.ForeignKey(
        Electrode, models.PROTECT, null=True, blank=True, related_name="as_anode"
    )
    anode_lot = models.ForeignKey(
        ElectrodeLot, models.PROTECT, null=True, editable=False, related_name="as_anode"
    )
    separator = models.ForeignKey(
        Separator, models.PROTECT, null=True, blank=True, related_name="dry_cells"
    )
    separator_lot = models.ForeignKey(
        SeparatorLot, models.PROTECT, null=True, editable=False, related_name="dry_cells"
    )
    nominal_capacity_ah = models.FloatField(
        "nominal capacity / Ah", null=True, blank=True, help_text="C-rates refer to it."
    )
    lower_cutoff_voltage = models.FloatField("lower cut-off / V", null=True, blank=True)
    upper_cutoff_voltage = models.FloatField("upper cut-off / V", null=True, blank=True)
    history = HistoricalRecords()

    objects = DryCellQuerySet.as_manager()

    class Meta(Blueprint.Meta):
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


class DryCellLot(LotModel):
    """A physical box of dry cells that were made alike."""

    label_field = "box_id"

    label = None  # type: ignore[assignment]
    box_id = models.CharField("Box ID", max_length=100, unique=True)
    blueprint = models.ForeignKey(DryCell, models.PROTECT, related_name="lots")
    history = HistoricalRecords()

    objects = BoxQuerySet.as_manager()
