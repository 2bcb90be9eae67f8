"""Electrodes, separators and geometries: what dry cells are built from."""

from django.db import models
from simple_history.models import HistoricalRecords

from cells.models.materials import (
    ActiveMaterial,
    ActiveMaterialLot,
    InactiveMaterial,
    InactiveMaterialLot,
    SeparatorMaterial,
    SeparatorMaterialLot,
)
from cells.models.nodes import (
    Blueprint,
    LotModel,
    WeightedPart,
    amount_field,
    percentage,
    positive,
)


class Electrode(Blueprint):
    """A cathode or an anode: active materials that sum to 100 %, and inactive ones.

    Without components it is undisclosed, or there is none, as in an anode-free cell;
    then its notes say so.
    """

    kind_key = "electrode"
    part_relations = {"actives": "actives", "inactives": "inactives"}

    class Polarity(models.TextChoices):
        CATHODE = "cathode"
        ANODE = "anode"

    polarity = models.CharField("cathode or anode", max_length=7, choices=Polarity)
    loading_mg_cm2 = amount_field(verbose_name="loading / (mg/cm²)")
    density_g_cm3 = amount_field(verbose_name="density / (g/cm³)")
    thickness_um = amount_field(verbose_name="thickness / µm")
    porosity_percent = amount_field(verbose_name="porosity / %")
    history = HistoricalRecords()

    class Meta(Blueprint.Meta):
        constraints = [
            positive("loading_mg_cm2", "electrode_loading_positive"),
            positive("density_g_cm3", "electrode_density_positive"),
            positive("thickness_um", "electrode_thickness_positive"),
            percentage("porosity_percent", "electrode_porosity_is_percent"),
        ]


class ElectrodeLot(LotModel):
    blueprint = models.ForeignKey(Electrode, models.PROTECT, related_name="lots")
    history = HistoricalRecords()


class ElectrodeActive(WeightedPart):
    """Percent of all active material."""

    group = "actives"
    owner_field = "electrode"

    electrode = models.ForeignKey(Electrode, models.CASCADE, related_name="actives")
    material = models.ForeignKey(ActiveMaterial, models.PROTECT, related_name="uses")
    lot = models.ForeignKey(
        ActiveMaterialLot, models.PROTECT, null=True, blank=True, related_name="uses"
    )
    history = HistoricalRecords()

    class Meta:
        ordering = ["-amount", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["electrode", "material"], name="electrode_active_once"),
            positive("amount", "electrode_active_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.child.name} in electrode {self.electrode_id}"


class ElectrodeInactive(WeightedPart):
    """Percent of the weight of the whole electrode coating."""

    group = "inactives"
    owner_field = "electrode"

    electrode = models.ForeignKey(Electrode, models.CASCADE, related_name="inactives")
    material = models.ForeignKey(InactiveMaterial, models.PROTECT, related_name="uses")
    lot = models.ForeignKey(
        InactiveMaterialLot, models.PROTECT, null=True, blank=True, related_name="uses"
    )
    history = HistoricalRecords()

    class Meta:
        ordering = ["-amount", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["electrode", "material"], name="electrode_inactive_once"
            ),
            positive("amount", "electrode_inactive_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.child.name} in electrode {self.electrode_id}"


class Separator(Blueprint):
    """What keeps the electrodes apart."""

    kind_key = "separator"
    part_relations = {"materials": "materials"}

    thickness_um = amount_field(verbose_name="thickness / µm")
    width_mm = amount_field(verbose_name="width / mm")
    porosity_percent = amount_field(verbose_name="porosity / %")
    history = HistoricalRecords()

    class Meta(Blueprint.Meta):
        constraints = [
            positive("thickness_um", "separator_thickness_positive"),
            positive("width_mm", "separator_width_positive"),
            percentage("porosity_percent", "separator_porosity_is_percent"),
        ]


class SeparatorLot(LotModel):
    blueprint = models.ForeignKey(Separator, models.PROTECT, related_name="lots")
    history = HistoricalRecords()


class SeparatorPart(WeightedPart):
    """Percent of the separator's weight."""

    group = "materials"
    owner_field = "separator"

    separator = models.ForeignKey(Separator, models.CASCADE, related_name="materials")
    material = models.ForeignKey(SeparatorMaterial, models.PROTECT, related_name="uses")
    lot = models.ForeignKey(
        SeparatorMaterialLot, models.PROTECT, null=True, blank=True, related_name="uses"
    )
    history = HistoricalRecords()

    class Meta:
        ordering = ["-amount", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["separator", "material"], name="separator_material_once"
            ),
            positive("amount", "separator_part_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.child.name} in separator {self.separator_id}"


class CellGeometry(Blueprint):
    """The shape and outer size of a cell."""

    kind_key = "cell-geometry"

    class Category(models.TextChoices):
        POUCH = "pouch"
        CYLINDRICAL = "cylindrical"
        PRISMATIC = "prismatic"
        COIN = "coin"
        STACK = "stack"
        SWAGELOK = "swagelok", "Swagelok"

    category = models.CharField(max_length=12, choices=Category, blank=True)
    width_mm = amount_field(verbose_name="width / mm")
    length_mm = amount_field(verbose_name="length / mm")
    thickness_mm = amount_field(verbose_name="thickness / mm")
    diameter_mm = amount_field(verbose_name="diameter / mm")
    history = HistoricalRecords()

    class Meta(Blueprint.Meta):
        verbose_name_plural = "cell geometries"
        constraints = [
            positive("width_mm", "geometry_width_positive"),
            positive("length_mm", "geometry_length_positive"),
            positive("thickness_mm", "geometry_thickness_positive"),
            positive("diameter_mm", "geometry_diameter_positive"),
        ]
