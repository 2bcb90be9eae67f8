"""Tables of new nodes, or of new lots, of one kind: a form per row, made from the kinds."""

from collections.abc import Mapping
from typing import Any

from django import forms

from battery_db.lib.errors import LabError
from cells.forms.nodes import AmountField, names_of
from cells.kinds import LOT_ATTRIBUTES, LOT_FLAGGED, NOTES, PROPRIETARY, Attribute, Kind
from cells.models import BLUEPRINTS, LOTS, PARTS
from cells.services.nodes import find_node
from cells.services.several import Wanted

EMPTY_ROWS = 3
MOST_ROWS = 60
WHOLE = "100"


class RowForm(forms.Form):
    """One row. A row in which nothing is filled in says nothing."""

    kind: Kind
    shown: list[str]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs.setdefault("aria-label", str(field.label))

    def wanted(self, number: int) -> Wanted:
        raise NotImplementedError

    def find(self, field: str, kind_key: str) -> tuple[Any, Any]:
        """What the text of a field names; a message at the field where it names nothing."""
        text = self.cleaned_data.get(field, "")
        if not text:
            return None, None
        try:
            return find_node(kind_key, text)
        except LabError as error:
            self.add_error(field, str(error))
            return None, None


class NodeRow(RowForm):
    """A node of numbers and choices, made of one material where it has components."""

    def has_changed(self) -> bool:
        """The amount that is there from the start fills no row."""
        return bool(set(self.changed_data) - {"amount"}) or self._amount() not in ("", WHOLE)

    def _amount(self) -> str:
        return str(self.data.get(self.add_prefix("amount"), "")).strip()

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if self.kind.parts:
            self.part = self.find("material", self.kind.parts[0][1])
            if not values.get("material") and self._amount() not in ("", WHOLE):
                self.add_error("material", "Say of what this is the amount, or clear it.")
        return values

    def wanted(self, number: int) -> Wanted:
        values = {name: self.cleaned_data[name] for name in _node_fields(self.kind)}
        row = BLUEPRINTS[self.kind.key](**values, shown=self.shown)
        if not self.kind.parts or self.part[0] is None:
            return Wanted(number, row)
        model: Any = PARTS[self.kind.key, self.kind.parts[0][0]]
        material, lot = self.part
        amount = self.cleaned_data["amount"]
        return Wanted(number, row, [model(material=material, lot=lot, amount=amount)])


class LotRow(RowForm):
    """A lot, or a box, of a node that is given by its name or number."""

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        self.found, lot = self.find("blueprint", self.kind.key)
        if lot is not None:
            self.add_error("blueprint", f"{lot} is a lot itself. Give the {self.kind.label}.")
        return values

    def wanted(self, number: int) -> Wanted:
        values = {name: self.cleaned_data[name] for name in _lot_fields(self.kind)}
        model: Any = LOTS[self.kind.key]
        return Wanted(number, model(**values, blueprint=self.found, shown=self.shown))


class ShownForm(forms.Form):
    """What the names of all rows show."""

    shown = forms.MultipleChoiceField(
        required=False,
        label="Shown in the names",
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
        help_text="Of every row. What tells them apart at a glance.",
    )


class SeveralForm:
    """The table with what its names show; ``wanted`` is what a valid one asks for."""

    def __init__(self, kind: Kind, data: Mapping[str, Any] | None, *, of_lots: bool) -> None:
        self.kind = kind
        form_class = _lot_row(kind) if of_lots else _node_row(kind)
        flags = _flags_of_lots() if of_lots else {key: kind.label_of(key) for key in kind.flagged}
        self.top = ShownForm(data, initial={"shown": [] if of_lots else list(kind.shown)})
        self.top.fields["shown"].choices = list(flags.items())  # type: ignore[attr-defined]
        form_class.shown = sorted(self.top.cleaned_data["shown"]) if self._top_is_valid() else []
        formset_class = forms.formset_factory(
            form_class, extra=EMPTY_ROWS, max_num=MOST_ROWS, absolute_max=MOST_ROWS
        )
        self.rows: Any = formset_class(data, prefix="rows")
        self.listed = kind.key if of_lots or not kind.parts else kind.parts[0][1]
        self.completes = of_lots or bool(kind.parts)

    def _top_is_valid(self) -> bool:
        return self.top.is_bound and self.top.is_valid()

    def is_valid(self) -> bool:
        return all([self.top.is_valid(), self.rows.is_valid()])

    @property
    def filled(self) -> list[tuple[int, RowForm]]:
        """Rows that say something, with their numbers from 1."""
        return [(n, row) for n, row in enumerate(self.rows.forms, 1) if row.has_changed()]

    def wanted(self) -> list[Wanted]:
        """Of the rows that are valid by themselves."""
        return [row.wanted(number) for number, row in self.filled if row.is_valid()]

    def suggestions(self) -> list[str]:
        """Names to complete, the newest first."""
        return names_of(self.listed) if self.completes else []


def _flags_of_lots() -> dict[str, str]:
    labels = {found.field: found.label for found in LOT_ATTRIBUTES}
    return {name: labels.get(name, name) for name in LOT_FLAGGED}


def _node_fields(kind: Kind) -> list[str]:
    return [*(found.field for found in kind.attributes), NOTES, PROPRIETARY]


def _lot_fields(kind: Kind) -> list[str]:
    return [LOTS[kind.key].label_field, *(found.field for found in LOT_ATTRIBUTES), NOTES]


def _node_row(kind: Kind) -> type[RowForm]:
    fields: dict[str, Any] = {found.field: _field_of(kind, found) for found in kind.attributes}
    fields |= {name: _model_field(BLUEPRINTS[kind.key], name) for name in (NOTES, PROPRIETARY)}
    order = list(fields)
    if kind.parts:
        order[1:1] = ["material", "amount"]
        label = kind.parts[0][1].replace("-", " ").capitalize()
        fields["material"] = _named_field(label, required=False)
        fields["amount"] = AmountField(required=False, initial=WHOLE, label="Amount / %")
    return type("Row", (NodeRow,), {**fields, "kind": kind, "field_order": order})


def _field_of(kind: Kind, attribute: Attribute) -> forms.Field:
    field: forms.Field = _model_field(BLUEPRINTS[kind.key], attribute.field)
    if attribute.type != "number":
        return field
    return AmountField(required=False, label=field.label)


def _lot_row(kind: Kind) -> type[RowForm]:
    model: Any = LOTS[kind.key]
    fields: dict[str, Any] = {name: _model_field(model, name) for name in _lot_fields(kind)}
    fields["made_on"].widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    fields = {"blueprint": _named_field(kind.label.capitalize(), required=True), **fields}
    return type("Row", (LotRow,), {**fields, "kind": kind})


def _named_field(label: str, *, required: bool) -> forms.CharField:
    widget = forms.TextInput(attrs={"list": "names", "autocomplete": "off"})
    return forms.CharField(max_length=4000, label=label, required=required, widget=widget)


def _model_field(model: Any, name: str) -> Any:
    field = model._meta.get_field(name).formfield()
    field.help_text = ""
    return field
