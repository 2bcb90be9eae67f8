"""What every node of the ontology has in common: blueprints, and lots of them."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, ClassVar

from django.db import models
from django.urls import reverse

from cells import naming
from cells.kinds import KINDS, LOT_ATTRIBUTES, Kind
from cells.naming import Child, Node, Part

# Amounts are exact: what was weighed, and no digit more.
MAX_DIGITS, DECIMAL_PLACES = 12, 6


def amount_field(**options: Any) -> "models.DecimalField[Any, Any]":
    return models.DecimalField(
        max_digits=MAX_DIGITS, decimal_places=DECIMAL_PLACES, null=True, blank=True, **options
    )


class Blueprint(models.Model):
    """A node as it is described, whichever batch of it was used.

    ``name`` is rendered by ``cells.naming`` from the fields that ``shown`` lists. No two
    rows of a kind say the same (``digest``) or read the same (``name_digest``): the
    database sees to it, so two requests at once can not make twins.
    """

    kind_key: ClassVar[str]
    part_relations: ClassVar[dict[str, str]] = {}

    name = models.TextField(editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    name_digest = models.CharField(max_length=64, unique=True, editable=False)
    shown = models.JSONField(default=list, blank=True, help_text="Fields that the name shows.")
    notes = models.CharField(max_length=1000, blank=True)
    proprietary = models.BooleanField(default=False, help_text="Not to be disclosed.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("cells:node", args=[self.kind_key, self.pk])

    @property
    def kind(self) -> Kind:
        return KINDS[self.kind_key]

    def parts(self) -> Iterable["WeightedPart"]:
        """Stored components (prefetch ``part_relations`` for many)."""
        for relation in self.part_relations.values():
            yield from getattr(self, relation).all()

    def as_node(self, parts: Iterable["WeightedPart"] | None = None) -> Node:
        """The row as a value; ``parts`` stand in for the stored ones of an unsaved row."""
        return Node(
            kind=self.kind,
            head=getattr(self, self.kind.head) if self.kind.head else "",
            parts=tuple(part.as_part() for part in (self.parts() if parts is None else parts)),
            notes=self.notes,
            proprietary=self.proprietary,
            values={found.field: self._value(found.field) for found in self.kind.attributes},
            shown=frozenset(self.shown),
        )

    def _value(self, field: str) -> Any:
        value = getattr(self, field)
        if isinstance(value, Blueprint):
            return child_of(value, getattr(self, f"{field}_lot", None))
        return Decimal(repr(value)) if isinstance(value, float) else value

    def render(self, parts: Iterable["WeightedPart"] | None = None) -> None:
        """Set name and digests from the content."""
        node = self.as_node(parts)
        self.name = naming.node_name(node)
        self.digest = naming.object_digest(node)
        # Names that people chose are told apart by more than capitals.
        self.name_digest = naming.name_digest(self.name.casefold() if node.head else self.name)


class LotModel(models.Model):
    """A produced batch. The default lot of a blueprint is no row: it is the blueprint alone."""

    label_field: ClassVar[str] = "label"

    name = models.TextField(editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    name_digest = models.CharField(max_length=64, unique=True, editable=False)
    shown = models.JSONField(default=list, blank=True, help_text="Fields that the name shows.")
    label = models.CharField(max_length=100, help_text="What is written on it, such as B-17.")
    vendor = models.CharField(max_length=200, blank=True)
    creator = models.CharField(max_length=100, blank=True, help_text="Who made it.")
    made_on = models.DateField("date", null=True, blank=True)
    notes = models.CharField(max_length=1000, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    # Each concrete lot has ``blueprint``, a foreign key with related name ``lots``.
    blueprint: Any

    class Meta:
        abstract = True
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return f"{self.blueprint.get_absolute_url()}#lot-{self.pk}"

    def render(self) -> None:
        """Set name and digests from the content."""
        values = {found.field: getattr(self, found.field) for found in LOT_ATTRIBUTES}
        values["made_on"] = self.made_on.isoformat() if self.made_on else ""
        lot = naming.Lot(
            label=getattr(self, self.label_field),
            blueprint=child_of(self.blueprint),
            notes=self.notes,
            values=values,
            shown=frozenset(self.shown),
        )
        self.name = naming.lot_name(lot)
        self.digest = naming.lot_digest(lot)
        self.name_digest = naming.name_digest(self.name)


class WeightedPart(models.Model):
    """One component of a blueprint, of a known or unknown (empty) amount."""

    group: ClassVar[str]
    owner_field: ClassVar[str]
    amount = amount_field(help_text="Empty means unknown.")

    class Meta:
        abstract = True

    @property
    def child(self) -> Child:
        return child_of(self.material, self.lot)

    material: Any
    lot: Any

    def as_part(self) -> Part:
        child = self.child
        return Part(self.group, child.name, child.key, self.amount)


def child_of(blueprint: Blueprint, lot: LotModel | None = None) -> Child:
    """A node as others refer to it: by its lot where one is known."""
    if lot is None:
        return Child(blueprint.name, f"{blueprint.pk}")
    return Child(lot.name, f"{blueprint.pk}:{lot.pk}")


def percentage(field: str, name: str) -> models.CheckConstraint:
    """A share is unknown, or above 0 and at most 100."""
    known = models.Q(**{f"{field}__gt": 0, f"{field}__lte": 100})
    return models.CheckConstraint(
        condition=models.Q(**{f"{field}__isnull": True}) | known,
        name=name,
        violation_error_message=f"{field.replace('_', ' ')}: give a number from 0 to 100.",
    )


def positive(field: str, name: str) -> models.CheckConstraint:
    """An amount or size is unknown or above zero."""
    known = models.Q(**{f"{field}__gt": 0})
    return models.CheckConstraint(
        condition=models.Q(**{f"{field}__isnull": True}) | known,
        name=name,
        violation_error_message=f"{field.replace('_', ' ')}: give a number above 0.",
    )
