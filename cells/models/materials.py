"""Molecules: what electrolytes are made of."""

from django.db import models
from django.db.models.functions import Lower
from simple_history.models import HistoricalRecords


class Role(models.TextChoices):
    SOLVENT = "solvent"
    SALT = "salt"
    ADDITIVE = "additive"


class Molecule(models.Model):
    """A molecule under the short name the lab uses for it: EC, LiPF6, VC."""

    name = models.CharField(max_length=60, help_text="Short name, such as EC or LiPF6.")
    smiles = models.CharField("SMILES", max_length=400, blank=True)
    default_role = models.CharField(
        max_length=8, choices=Role, help_text="May be overridden in an electrolyte."
    )
    description = models.TextField(blank=True)
    history = HistoricalRecords()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                Lower("name"),
                name="molecule_name_unique",
                violation_error_message="A molecule of this name exists already.",
            ),
        ]

    def __str__(self) -> str:
        return self.name
