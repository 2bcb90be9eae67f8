"""What cells are made of at the lowest level: molecules, coatings, powders, films."""

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from cells.models.nodes import Blueprint, LotModel, WeightedPart, amount_field, positive
from cells.naming import Child


class Role(models.TextChoices):
    SOLVENT = "solvent"
    SALT = "salt"
    ADDITIVE = "additive"


class Molecule(Blueprint):
    """A molecule under the short name the lab uses for it: EC, LiPF6, VC."""

    kind_key = "molecule"

    short_name = models.CharField(max_length=60, help_text="Short name, such as EC or LiPF6.")
    smiles = models.CharField("SMILES", max_length=400, blank=True)
    default_role = models.CharField(
        max_length=8, choices=Role, help_text="May be overridden in an electrolyte."
    )
    description = models.TextField(blank=True)
    history = HistoricalRecords()


class MoleculeLot(LotModel):
    blueprint = models.ForeignKey(Molecule, models.PROTECT, related_name="lots")
    history = HistoricalRecords()


class Coating(Blueprint):
    """What particles are coated with."""

    kind_key = "coating"

    short_name = models.CharField(max_length=60, help_text="Short name, such as Al2O3.")
    description = models.TextField(blank=True)
    history = HistoricalRecords()


class CoatingLot(LotModel):
    blueprint = models.ForeignKey(Coating, models.PROTECT, related_name="lots")
    history = HistoricalRecords()


class ActiveMaterial(Blueprint):
    """A powder that stores lithium, described as far as it is known."""

    kind_key = "active-material"
    part_relations = {"atoms": "atoms"}

    class Origin(models.TextChoices):
        NATURAL = "natural"
        ARTIFICIAL = "artificial"
        BOTH = "both", "natural and artificial"

    class Crystal(models.TextChoices):
        SINGLE = "single"
        POLY = "poly"
        MIXED = "mixed"

    material_type = models.CharField("type", max_length=60, blank=True, help_text="Such as NMC.")
    origin = models.CharField(max_length=10, choices=Origin, blank=True)
    crystal = models.CharField(max_length=6, choices=Crystal, blank=True)
    particle_size_um = amount_field(verbose_name="particle size / µm")
    preparation_temperature_celsius = amount_field(verbose_name="preparation temperature / °C")
    turbostratic_misalignment_percent = amount_field(verbose_name="turbostratic misalignment / %")
    coating = models.ForeignKey(
        Coating, models.PROTECT, null=True, blank=True, related_name="coated"
    )
    coating_lot = models.ForeignKey(
        CoatingLot, models.PROTECT, null=True, blank=True, related_name="coated", editable=False
    )
    history = HistoricalRecords()

    class Meta(Blueprint.Meta):
        constraints = [
            positive("particle_size_um", "active_material_size_positive"),
            models.CheckConstraint(
                condition=Q(turbostratic_misalignment_percent__isnull=True)
                | Q(turbostratic_misalignment_percent__range=(0, 100)),
                name="turbostratic_misalignment_is_percent",
            ),
        ]


class ActiveMaterialLot(LotModel):
    blueprint = models.ForeignKey(ActiveMaterial, models.PROTECT, related_name="lots")
    history = HistoricalRecords()


class ActiveMaterialAtom(WeightedPart):
    """One element of a formula; ``amount`` counts atoms per formula unit."""

    group = "atoms"
    owner_field = "active_material"

    active_material = models.ForeignKey(ActiveMaterial, models.CASCADE, related_name="atoms")
    symbol = models.CharField(max_length=2)
    history = HistoricalRecords()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["active_material", "symbol"], name="atom_once"),
            positive("amount", "atom_amount_positive"),
        ]

    def __str__(self) -> str:
        return self.symbol

    @property
    def child(self) -> Child:
        return Child(self.symbol, self.symbol)


class InactiveMaterial(Blueprint):
    """What holds an electrode together or makes it conduct."""

    kind_key = "inactive-material"

    class InactiveRole(models.TextChoices):
        BINDER = "binder"
        CONDUCTIVE = "conductive", "conductive additive"

    short_name = models.CharField(max_length=60, help_text="Short name, such as PVDF.")
    role = models.CharField(max_length=10, choices=InactiveRole, blank=True)
    description = models.TextField(blank=True)
    history = HistoricalRecords()


class InactiveMaterialLot(LotModel):
    blueprint = models.ForeignKey(InactiveMaterial, models.PROTECT, related_name="lots")
    history = HistoricalRecords()


class SeparatorMaterial(Blueprint):
    """What separators are made of: PE, PP, a ceramic."""

    kind_key = "separator-material"

    short_name = models.CharField(max_length=60, help_text="Short name, such as PE.")
    description = models.TextField(blank=True)
    history = HistoricalRecords()


class SeparatorMaterialLot(LotModel):
    blueprint = models.ForeignKey(SeparatorMaterial, models.PROTECT, related_name="lots")
    history = HistoricalRecords()
