"""Forms of every kind of node, made from the table of kinds.

Fields that point to another node are texts: its name, its number, or a lot of it, so
that lots and blueprints are interchangeable here as everywhere.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator
from django.db.models import Model

from battery_db.lib.errors import LabError
from cells.amounts import DECIMAL_PLACES, places_of, plain
from cells.compositions import MOLAL, SALT, WEIGHT_PERCENT, Component, Recipe, tidy
from cells.elements import ELEMENTS
from cells.kinds import LOT_ATTRIBUTES, LOT_FLAGGED, NOTES, Kind
from cells.models import (
    BLUEPRINTS,
    LOTS,
    PARTS,
    Blueprint,
    Electrolyte,
    ElectrolyteComponent,
    LotModel,
    WeightedPart,
)
from cells.services.definitions import Draft, ElectrolyteDraft, NodeDraft
from cells.services.nodes import find_node

SUGGESTED = 300
EMPTY_ROWS = 3
MOST_PARTS = 60
LARGEST = Decimal(10) ** 5
ROLES = [("", "as usual"), ("solvent", "solvent"), ("salt", "salt"), ("additive", "additive")]
PLACEHOLDERS = {"component": ("molecule", "amount"), "atom": ("element", "number")}
UNITS = [("", "as usual"), *((unit, unit) for unit in ElectrolyteComponent.Unit.values)]


class AmountField(forms.Field):
    """An exact decimal above 0; empty or ``?`` means unknown."""

    default_validators = [MaxValueValidator(LARGEST)]

    def to_python(self, value: Any) -> Decimal | None:
        text = str(value or "").strip().replace(",", ".")
        if text in ("", "?"):
            return None
        try:
            amount = Decimal(text)
        except InvalidOperation as error:
            message = f"{text} is no number. Write ? when it is unknown."
            raise forms.ValidationError(message) from error
        if not amount.is_finite() or amount <= 0:
            raise forms.ValidationError("Give a number above 0, or ? when it is unknown.")
        if places_of([amount]) > DECIMAL_PLACES:
            raise forms.ValidationError(f"At most {DECIMAL_PLACES} decimals.")
        return amount

    def prepare_value(self, value: Any) -> Any:
        return plain(value) if isinstance(value, Decimal) else value


class PartForm(forms.Form):
    """One component: what it is and how much of it."""

    material = forms.CharField(required=False, max_length=4000)
    amount = AmountField(required=False)
    kind_key = ""

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        text = tidy(values.get("material") or "")
        self.found: Any = None
        if text:
            try:
                self.found = self._find(text)
            except LabError as error:
                self.add_error("material", str(error))
        elif values.get("amount") is not None:
            self.add_error("material", "Say of what this is the amount, or clear the row.")
        return values

    def _find(self, text: str) -> Any:
        if self.kind_key != "atom":
            return find_node(self.kind_key, text)
        if text not in ELEMENTS:
            raise LabError(f"{text} is no element.", fix="Write a symbol such as Ni.")
        return text


class ComponentForm(PartForm):
    """A molecule of an electrolyte, perhaps in another role than its usual one."""

    kind_key = "molecule"
    role = forms.ChoiceField(choices=ROLES, required=False)
    unit = forms.ChoiceField(choices=UNITS, required=False)

    @property
    def component(self) -> Component:
        molecule, lot = self.found
        role = self.cleaned_data["role"] or molecule.default_role
        unit = self.cleaned_data["unit"] or (MOLAL if role == SALT else WEIGHT_PERCENT)
        return Component((lot or molecule).name, role, self.cleaned_data["amount"], unit)


class NodeForm(forms.ModelForm):  # type: ignore[type-arg]
    """The fields of one kind; made by ``node_form``."""

    shown = forms.MultipleChoiceField(
        required=False,
        label="Shown in the name",
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
        help_text="What tells it apart from others at a glance.",
    )
    instance: Blueprint

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kind = self.instance.kind
        flags = [(name, kind.label_of(name)) for name in kind.flagged]
        self.fields["shown"].choices = flags  # type: ignore[attr-defined]
        is_new = self.instance.pk is None
        self.initial.setdefault("shown", kind.shown if is_new else self.instance.shown)
        for attribute in kind.attributes:
            if attribute.type != "node":
                continue
            self.fields[attribute.field] = forms.CharField(
                required=False,
                label=attribute.label.capitalize(),
                max_length=4000,
                help_text="A name, a number or a lot. Empty: unknown.",
                widget=forms.TextInput(
                    attrs={"list": f"{attribute.refers_to}-names", "autocomplete": "off"}
                ),
            )
            lot = getattr(self.instance, f"{attribute.field}_lot", None)
            named = lot or getattr(self.instance, attribute.field)
            self.initial[attribute.field] = named.name if named else ""
        self.order_fields([*_field_names(kind), "shown"])

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        for attribute in self.instance.kind.attributes:
            if attribute.type == "node" and attribute.field in values:
                self._point(attribute.field, attribute.refers_to, values[attribute.field])
        self.instance.shown = sorted(values.get("shown", []))
        return values

    def _point(self, field: str, kind_key: str, text: str) -> None:
        blueprint = lot = None
        if text.strip():
            try:
                blueprint, lot = find_node(kind_key, text)
            except LabError as error:
                self.add_error(field, str(error))
        setattr(self.instance, field, blueprint)
        if hasattr(self.instance, f"{field}_lot_id"):
            setattr(self.instance, f"{field}_lot", lot)


def node_form(kind: Kind, *args: Any, **kwargs: Any) -> NodeForm:
    nodes = {attribute.field for attribute in kind.attributes if attribute.type == "node"}
    names = [name for name in _field_names(kind) if name not in nodes]
    widgets: dict[str, Any] = {"description": forms.Textarea(attrs={"rows": 3})}
    form_class: Any = forms.modelform_factory(
        BLUEPRINTS[kind.key], form=NodeForm, fields=names, widgets=widgets
    )
    form: NodeForm = form_class(*args, **kwargs)
    return form


def _field_names(kind: Kind) -> list[str]:
    """In the order of the page."""
    head = [kind.head] if kind.head else []
    if kind.key == "molecule":
        head.append("default_role")
    return [*head, *(found.field for found in kind.attributes), NOTES, "proprietary"]


class DefineForm:
    """A node with its components; ``draft`` is what a valid form says."""

    def __init__(
        self,
        kind: Kind,
        data: Mapping[str, Any] | None = None,
        row: Blueprint | None = None,
        recipe: Recipe | None = None,
    ) -> None:
        self.kind = kind
        self.row: Blueprint = row or BLUEPRINTS[kind.key]()
        initial = {NOTES: recipe.notes, "proprietary": recipe.proprietary} if recipe else None
        self.form = node_form(kind, data, instance=self.row, initial=initial)
        self.groups = [
            _part_formset(kind_key, group, data, initial)
            for group, kind_key, initial in self._initial_parts(recipe)
        ]

    def _initial_parts(self, recipe: Recipe | None) -> list[tuple[str, str, list[dict[str, Any]]]]:
        if isinstance(self.row, Electrolyte):
            if recipe is None:
                recipe = self.row.as_recipe() if self.row.pk else Recipe()
            rows = [
                {
                    "material": part.molecule,
                    "amount": part.amount,
                    "role": part.role,
                    "unit": part.unit,
                }
                for part in recipe.components
            ]
            return [("components", "component", rows)]
        stored = list(self.row.parts()) if self.row.pk else []
        return [
            (
                group,
                kind_key,
                [
                    {"material": part.child.name, "amount": part.amount}
                    for part in stored
                    if part.group == group
                ],
            )
            for group, kind_key in self.kind.parts
        ]

    def is_valid(self) -> bool:
        checked = [self.form.is_valid(), *(group.is_valid() for group in self.groups)]
        return all(checked)

    @property
    def draft(self) -> Draft:
        rows = {group.prefix: _filled(group) for group in self.groups}
        if isinstance(self.row, Electrolyte):
            return self._electrolyte(rows["components"])
        parts: list[WeightedPart] = []
        for group, kind_key in self.kind.parts:
            model: Any = PARTS[self.kind.key, group]
            for form in rows[group]:
                amount = form.cleaned_data["amount"]
                if kind_key == "atom":
                    parts.append(model(symbol=form.found, amount=amount))
                else:
                    material, lot = form.found
                    parts.append(model(material=material, lot=lot, amount=amount))
        return NodeDraft(self.row, parts)

    def _electrolyte(self, rows: Sequence[Any]) -> ElectrolyteDraft:
        assert isinstance(self.row, Electrolyte)  # noqa: S101
        components = tuple(form.component for form in rows)
        known = {}
        for form in rows:
            molecule, lot = form.found
            known[(lot or molecule).name.casefold()] = lot or molecule
        values = self.form.cleaned_data
        recipe = Recipe(
            components,
            tidy(values[NOTES]),
            values["proprietary"],
            frozenset(values["shown"]),
        )
        row = self.row if self.row.pk is None else Electrolyte.objects.get(pk=self.row.pk)
        return ElectrolyteDraft(row, recipe, known)

    def suggestions(self) -> dict[str, list[str]]:
        """Names to complete, by kind: of blueprints and lots, the newest first."""
        wanted = [found.refers_to for found in self.kind.attributes if found.refers_to]
        wanted += [key for _, key in self.kind.parts if key != "atom"]
        return {key: names_of(key) for key in dict.fromkeys(wanted)}


def names_of(kind_key: str) -> list[str]:
    """Names of a kind and of its lots, the newest first."""
    names: list[str] = []
    models: tuple[Any, ...] = (BLUEPRINTS[kind_key], LOTS.get(kind_key))
    for model in models:
        if model is not None:
            rows = model.objects.order_by("-pk")
            names += rows.values_list("name", flat=True)[:SUGGESTED]
    return names


def _part_formset(
    kind_key: str, group: str, data: Mapping[str, Any] | None, initial: list[dict[str, Any]]
) -> Any:
    """Rows of one group; empty ones say nothing."""
    if kind_key == "component":
        form_class: type[PartForm] = ComponentForm
    else:
        form_class = type("GroupForm", (PartForm,), {"kind_key": kind_key})
    listed = "molecule" if kind_key == "component" else kind_key
    formset_class = forms.formset_factory(
        form_class, extra=EMPTY_ROWS, max_num=MOST_PARTS, absolute_max=MOST_PARTS
    )
    formset = formset_class(data, prefix=group, initial=initial)
    for form in [*formset.forms, formset.empty_form]:
        material, amount = PLACEHOLDERS.get(kind_key, ("material", "%"))
        form.fields["amount"].widget.attrs["placeholder"] = amount
        form.fields["material"].widget.attrs |= {
            "list": f"{listed}-names",
            "autocomplete": "off",
            "placeholder": material,
        }
    return formset


def _filled(formset: Any) -> list[Any]:
    return [form for form in formset if getattr(form, "found", None) is not None]


class LotForm(forms.ModelForm):  # type: ignore[type-arg]
    """The fields of a lot; made by ``lot_form``."""

    shown = forms.MultipleChoiceField(
        required=False,
        label="Shown in the name",
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
        choices=[
            (name, next((found.label for found in LOT_ATTRIBUTES if found.field == name), name))
            for name in LOT_FLAGGED
        ],
    )
    instance: LotModel

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("shown", self.instance.shown)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        self.instance.shown = sorted(values.get("shown", []))
        return values


def lot_form(model: type[Model], *args: Any, **kwargs: Any) -> LotForm:
    label = model.label_field  # type: ignore[attr-defined]
    form_class: Any = forms.modelform_factory(
        model,
        form=LotForm,
        fields=[label, "vendor", "creator", "made_on", NOTES],
        widgets={"made_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")},
    )
    form: LotForm = form_class(*args, **kwargs)
    return form
