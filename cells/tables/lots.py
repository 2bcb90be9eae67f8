"""Lists of lots: everything a lab has in bottles, bags and boxes."""

from typing import Any

import django_filters
import django_tables2 as tables
from django import forms
from django.db.models import Q, QuerySet

from cells.kinds import Kind
from cells.models import LOTS, LotModel
from cells.tables.files import ON_ONE_LINE
from cells.tables.nodes import BREAK, NumberColumn
from cells.tables.registry import SMALL

# Kinds whose lots wet cells are made of.
HOLD_CELLS = ("dry-cell", "electrolyte")


class LotTable(tables.Table):
    class Meta:
        empty_text = "Nothing matches."


def lot_table(kind: Kind) -> type[LotTable]:
    """What is written on a lot, what it is a lot of, and where it came from."""
    label = LOTS[kind.key].label_field
    title = "Box ID" if label == "box_id" else "Label"
    # A Box ID is short; other labels may be whole names.
    look = ON_ONE_LINE if label == "box_id" else BREAK
    columns: dict[str, Any] = {
        label: tables.Column(verbose_name=title, linkify=True, attrs=look),
        "blueprint": tables.Column(
            verbose_name=kind.label.capitalize(),
            linkify=True,
            order_by=("blueprint__name",),
            attrs=BREAK,
        ),
        "vendor": tables.Column(default=""),
        "creator": tables.Column(default=""),
        "made_on": tables.DateColumn(format="Y-m-d", verbose_name="Date", default=""),
    }
    if kind.key in HOLD_CELLS:
        columns["cells"] = NumberColumn(accessor="cell_count", verbose_name="Cells")
    columns["notes"] = tables.Column(default="", attrs=BREAK)
    attrs = {**SMALL, "aria_label": "Boxes" if label == "box_id" else "Lots"}
    meta = type("Meta", (LotTable.Meta,), {"attrs": attrs, "order_by": (label,)})
    return type("KindLotTable", (LotTable,), {**columns, "Meta": meta})


class LotFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(
        method="filter_words",
        label="Words",
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "Filter as you type"}),
    )

    def filter_words(
        self, rows: "QuerySet[LotModel]", name: str, value: str
    ) -> "QuerySet[LotModel]":
        for word in value.split():
            condition = Q()
            for text in ("name", "vendor", "creator", "notes", "blueprint__name"):
                condition |= Q(**{f"{text}__icontains": word})
            rows = rows.filter(condition)
        return rows


def lot_filter(kind: Kind) -> type[LotFilter]:
    meta = type("Meta", (), {"model": LOTS[kind.key], "fields": []})
    return type("KindLotFilter", (LotFilter,), {"Meta": meta})
