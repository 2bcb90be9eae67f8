"""What uses a node, as links and as numbers: one table for lists, pages and refusals."""

from dataclasses import dataclass
from typing import Any

from django.db.models import F, Func, IntegerField, Model, OuterRef, Q, QuerySet, Subquery

from cells.kinds import Kind
from cells.models import (
    BLUEPRINTS,
    ActiveMaterial,
    DryCell,
    DryCellLot,
    Electrode,
    Electrolyte,
    Separator,
    WetCell,
)

SHOWN = 30


@dataclass(frozen=True, slots=True)
class Use:
    """Rows of ``model`` use a node when any of ``paths`` leads to it."""

    label: str
    model: type[Model]
    paths: tuple[str, ...]

    @property
    def key(self) -> str:
        return f"{self.label.replace(' ', '_')}_count"

    def condition(self, value: Any) -> Q:
        found = Q()
        for path in self.paths:
            found |= Q(**{path: value})
        return found

    def rows(self, value: Any) -> "QuerySet[Any]":
        rows: QuerySet[Any] = self.model._default_manager.filter(self.condition(value))
        return rows


USES: dict[str, tuple[Use, ...]] = {
    "molecule": (
        Use("electrolytes", Electrolyte, ("components__molecule",)),
        Use("cells", WetCell, ("electrolyte__components__molecule",)),
    ),
    "electrolyte": (Use("cells", WetCell, ("electrolyte",)),),
    "coating": (Use("active materials", ActiveMaterial, ("coating",)),),
    "active-material": (Use("electrodes", Electrode, ("actives__material",)),),
    "inactive-material": (Use("electrodes", Electrode, ("inactives__material",)),),
    "electrode": (
        Use("dry cells", DryCell, ("cathode", "anode")),
        Use("cells", WetCell, ("dry_cell__cathode", "dry_cell__anode")),
    ),
    "separator-material": (Use("separators", Separator, ("materials__material",)),),
    "separator": (
        Use("dry cells", DryCell, ("separator",)),
        Use("cells", WetCell, ("dry_cell__separator",)),
    ),
    "cell-geometry": (
        Use("dry cells", DryCell, ("geometry",)),
        Use("cells", WetCell, ("dry_cell__geometry",)),
    ),
    "dry-cell": (
        Use("boxes", DryCellLot, ("blueprint",)),
        Use("cells", WetCell, ("dry_cell",)),
    ),
}


def with_counts(kind: Kind) -> "QuerySet[Any]":
    """Nodes of a kind, each with the number of things that use it, in one query."""
    rows: QuerySet[Any] = BLUEPRINTS[kind.key].objects.all()  # type: ignore[attr-defined]
    counted: QuerySet[Any] = rows.annotate(**{use.key: _count(use) for use in USES[kind.key]})
    return counted


def users_of(row: Any) -> list[dict[str, Any]]:
    """What uses ``row``: a label, how many, and the first of them."""
    found = []
    for use in USES[row.kind_key]:
        rows = use.rows(row.pk)
        rows = rows.select_related("blueprint") if use.model is DryCellLot else rows
        found.append({"label": use.label, "count": rows.count(), "rows": rows[:SHOWN]})
    return found


def _count(use: Use) -> Subquery:
    # Func and not Count: an aggregate would group by the key, and so count nothing.
    counted = use.rows(OuterRef("pk")).order_by().annotate(number=Func(F("pk"), function="COUNT"))
    return Subquery(counted.values("number"), output_field=IntegerField())
