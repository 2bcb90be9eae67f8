"""Lists of every kind of node, made from the table of kinds."""

from typing import Any

import django_filters
import django_tables2 as tables
from django import forms
from django.db.models import F, OrderBy, Q, QuerySet
from django.utils.html import format_html

from cells.amounts import plain
from cells.kinds import KINDS, Attribute, Kind
from cells.models import BLUEPRINTS
from cells.services.uses import USES
from cells.tables.registry import SMALL

BREAK = {"td": {"class": "text-break"}}


class NumberColumn(tables.Column):
    """Unknown numbers come last, whichever way a list is sorted."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("attrs", {"td": {"class": "text-end"}, "th": {"class": "text-end"}})
        super().__init__(default="?", **options)

    def render(self, value: Any) -> str:
        return plain(value) if hasattr(value, "as_tuple") else str(value)

    def order(self, queryset: "QuerySet[Any]", is_descending: bool) -> tuple[Any, bool]:
        expression = F(str(self.accessor))
        by = OrderBy(expression, descending=is_descending, nulls_last=True)
        return queryset.order_by(by, "name"), True


class DrawingColumn(tables.Column):
    """A structure, drawn in the browser from its SMILES; the SMILES itself in downloads."""

    def render(self, value: str) -> str:
        return drawing(value)

    def value(self, value: str) -> str:
        return value


def drawing(smiles: str) -> str:
    return format_html(
        '<svg class="structure" data-smiles="{}" role="img" aria-label="Structure of {}"></svg>',
        smiles,
        smiles,
    )


class NodeTable(tables.Table):
    name = tables.Column(linkify=True, attrs=BREAK)

    class Meta:
        order_by = ("name",)
        empty_text = "Nothing matches."


def node_table(kind: Kind) -> type[NodeTable]:
    """The columns of a kind: what it is, what uses it, its notes."""
    columns: dict[str, Any] = {}
    if kind.key == "molecule":
        columns["structure"] = DrawingColumn(
            accessor="smiles", orderable=False, verbose_name="Structure"
        )
        columns["default_role"] = tables.Column(verbose_name="Default role")
    for attribute in kind.attributes:
        columns[attribute.field] = _column(attribute)
    for use in USES[kind.key]:
        columns[use.key] = NumberColumn(accessor=use.key, verbose_name=use.label.capitalize())
    columns["notes"] = tables.Column(default="", attrs={"td": {"class": "text-break"}})
    columns["proprietary"] = tables.BooleanColumn(yesno="yes,")
    columns["created_at"] = tables.DateColumn(format="Y-m-d", verbose_name="Defined")
    attrs = {**SMALL, "aria_label": kind.plural.capitalize()}
    meta = type("Meta", (NodeTable.Meta,), {"attrs": attrs})
    return type("KindTable", (NodeTable,), {**columns, "Meta": meta})


def _column(attribute: Attribute) -> tables.Column:
    label = attribute.label[0].upper() + attribute.label[1:]
    unit = {"um": "µm", "C": "°C", "mg/cm2": "mg/cm²", "g/cm3": "g/cm³"}.get(attribute.unit)
    unit = unit or attribute.unit
    if attribute.type == "number":
        return NumberColumn(verbose_name=f"{label} / {unit}" if unit else label)
    if attribute.type == "node":
        order = (f"{attribute.field}__name",)
        return tables.Column(
            verbose_name=label, linkify=True, order_by=order, default="?", attrs=BREAK
        )
    monospace = " font-monospace" if attribute.field == "smiles" else ""
    attrs = {"td": {"class": f"text-break{monospace}"}}
    return tables.Column(verbose_name=label, default="", attrs=attrs)


class NodeFilter(django_filters.FilterSet):
    """Words, and the choices of a kind."""

    q = django_filters.CharFilter(
        method="filter_words",
        label="Words",
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "Filter as you type"}),
    )

    def filter_words(self, rows: "QuerySet[Any]", name: str, value: str) -> "QuerySet[Any]":
        kind = KINDS[rows.model.kind_key]
        texts = ["name", "notes"]
        texts += [found.field for found in kind.attributes if found.type == "text"]
        texts += [f"{found.field}__name" for found in kind.attributes if found.type == "node"]
        for word in value.split():
            condition = Q()
            for text in texts:
                condition |= Q(**{f"{text}__icontains": word})
            rows = rows.filter(condition)
        return rows


def node_filter(kind: Kind) -> type[NodeFilter]:
    model: Any = BLUEPRINTS[kind.key]
    names = [found.field for found in kind.attributes if found.type == "choice"]
    if kind.key == "molecule":
        names.append("default_role")
    filters: dict[str, Any] = {
        name: django_filters.ChoiceFilter(
            choices=model._meta.get_field(name).choices, empty_label="any"
        )
        for name in names
    }
    filters["proprietary"] = django_filters.ChoiceFilter(
        choices=[("True", "yes"), ("False", "no")], empty_label="any"
    )
    meta = type("Meta", (), {"model": model, "fields": []})
    return type("KindFilter", (NodeFilter,), {**filters, "Meta": meta})
