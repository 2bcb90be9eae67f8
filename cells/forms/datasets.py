"""Forms of datasets: their names, cells and filters."""

from typing import Any

from django import forms

from battery_db.lib.errors import LabError
from battery_db.lib.ranges import parse_ranges
from cells.models import Dataset, DatasetFilter, FilterRange
from cells.services.datasets import Range

ENDS = ("minimum", "maximum")
COLOUR = r"^#[0-9a-fA-F]{6}$"


class DatasetForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Dataset
        fields = ["name", "description", "licence", "export_nightly"]
        widgets = {"description": forms.Textarea(attrs={"rows": 3})}


class NewDatasetForm(forms.Form):
    name = forms.CharField(max_length=200)
    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))


class AddCellsForm(forms.Form):
    cell_ids = forms.CharField(
        label="Cell IDs",
        max_length=20_000,
        widget=forms.TextInput(attrs={"placeholder": "10001-10010, 10020"}),
    )

    def clean_cell_ids(self) -> list[int]:
        try:
            return parse_ranges(self.cleaned_data["cell_ids"], limit=20_000)
        except LabError as error:
            raise forms.ValidationError(str(error)) from error


class CellNameForm(forms.Form):
    name = forms.CharField(label="Name in this dataset", required=False, max_length=200)


class CellLookForm(forms.Form):
    """One cell of a dataset in the table of names: its short name and colour there."""

    cell_id = forms.IntegerField(widget=forms.HiddenInput)
    name = forms.CharField(label="Name", required=False, max_length=200)
    colour = forms.RegexField(
        COLOUR,
        label="Colour",
        required=False,
        max_length=7,
        widget=forms.TextInput(attrs={"placeholder": "#0072B2"}),
        error_messages={"invalid": "Write a colour such as #0072B2."},
    )


class UniqueNames(forms.BaseFormSet):  # type: ignore[type-arg]
    """A name stands once; which cell has it already is said at the second one."""

    def clean(self) -> None:
        seen: dict[str, int] = {}
        for form in self.forms:
            name, cell_id = form.cleaned_data.get("name", ""), form.cleaned_data.get("cell_id")
            if name and name in seen:
                form.add_error("name", f"Cell {seen[name]} has this name above.")
            elif name and cell_id:
                seen[name] = cell_id


CellLooks = forms.formset_factory(CellLookForm, formset=UniqueNames, extra=0, max_num=200)


class FilterForm(forms.Form):
    """A filter as a grid: attributes down, polarity and end across."""

    name = forms.CharField(max_length=100)
    colour = forms.RegexField(
        COLOUR,
        required=False,
        max_length=7,
        widget=forms.TextInput(attrs={"placeholder": "#0072B2"}),
        error_messages={"invalid": "Write a colour such as #0072B2."},
    )
    differential = forms.ChoiceField(
        label="dQ/dV in exports",
        required=False,
        choices=DatasetFilter.Differential.choices,
    )
    cells = forms.TypedMultipleChoiceField(
        required=False,
        coerce=int,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
        help_text="None chosen: every cell, also those added later.",
    )

    def __init__(
        self, dataset: Dataset, row: DatasetFilter | None = None, sent: Any = None
    ) -> None:
        super().__init__(sent, initial=_values(row) if row else None)
        members = dataset.memberships.select_related("wet_cell")
        self.fields["cells"].choices = [  # type: ignore[attr-defined]
            (member.wet_cell.cell_id, _label(member.wet_cell.cell_id, member.name))
            for member in members
        ]
        for key, label in _fields():
            self.fields[key] = forms.FloatField(
                label=label, required=False, widget=forms.NumberInput(attrs={"step": "any"})
            )

    def grid(self) -> list[tuple[str, list[forms.BoundField]]]:
        """Rows of the table that the page shows: the attribute, and its four limits."""
        return [
            (label, [self[_key(polarity, attribute, end)] for polarity, end in _columns()])
            for attribute, label in FilterRange.Attribute.choices
        ]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        for polarity in FilterRange.Polarity.values:
            for attribute in FilterRange.Attribute.values:
                low, high = (values.get(_key(polarity, attribute, end)) for end in ENDS)
                if low is not None and high is not None and low > high:
                    self.add_error(_key(polarity, attribute, "maximum"), "Below the minimum.")
        return values

    def ranges(self) -> list[Range]:
        values = self.cleaned_data
        return [
            (
                polarity,
                attribute,
                values.get(_key(polarity, attribute, "minimum")),
                values.get(_key(polarity, attribute, "maximum")),
            )
            for polarity in FilterRange.Polarity.values
            for attribute in FilterRange.Attribute.values
        ]


def _columns() -> list[tuple[str, str]]:
    return [(polarity, end) for polarity in FilterRange.Polarity.values for end in ENDS]


def _fields() -> list[tuple[str, str]]:
    return [
        (_key(polarity, attribute, end), f"{polarity} {label}, {end}")
        for attribute, label in FilterRange.Attribute.choices
        for polarity, end in _columns()
    ]


def _key(polarity: str, attribute: str, end: str) -> str:
    return f"{polarity}-{attribute}-{end}"


def _label(cell_id: int, name: str) -> str:
    return f"{cell_id} {name}".strip()


def _values(row: DatasetFilter) -> dict[str, Any]:
    values: dict[str, Any] = {
        "name": row.name,
        "colour": row.colour,
        "differential": row.differential,
        "cells": [member.wet_cell.cell_id for member in row.cells.select_related("wet_cell")],
    }
    for limits in row.ranges.all():
        for end in ENDS:
            values[_key(limits.polarity, limits.attribute, end)] = getattr(limits, end)
    return values
