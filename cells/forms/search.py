"""The form of the search tree. It is read from the address, so every search can be shared."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.http import QueryDict

from battery_db.lib.errors import LabError
from cells.forms.molecule_rows import LARGEST, RowText, read_row, row_texts
from cells.models import CellGeometry, Dataset
from cells.search import read_ids
from cells.search_tree import (
    DEFAULT_TOLERANCE_PERCENT,
    MOST_CHOICES,
    OPEN,
    ROLES,
    SCALARS,
    UNITS,
    Among,
    Choice,
    Conditions,
    DryCellSearch,
    ElectrolyteSearch,
    MoleculeRow,
    Need,
    Node,
    PartChoices,
    ScalarLimit,
    SearchTree,
    Span,
)
from cells.services.materials import molecules_named
from cells.services.nodes import find_nodes

LIST_FIELDS = ("cathode", "anode", "separator")
FIND = [
    ("cells", "wet cells"),
    ("cycling", "valid cycling data"),
    ("electrolytes", "electrolytes"),
    ("dry-cells", "dry cells"),
    ("boxes", "boxes"),
]
AMONG = [
    ("all", "all that are registered"),
    ("cells", "only those in wet cells"),
    ("cycling", "only those with valid cycling data"),
]
EITHER = [("", "either"), ("yes", "yes"), ("no", "no")]
SPANS = ("upper_cutoff_voltage", "temperature_celsius", "date")
OUTSIDE = {"form": "search-tree"}  # fields that stand above the results
USUAL_PERCENT = forms.NumberInput(attrs={"placeholder": f"{DEFAULT_TOLERANCE_PERCENT}"})
TICK = {"class": "form-check-input"}


def _number(label: str, **options: Any) -> forms.DecimalField:
    return forms.DecimalField(
        label=label, required=False, **{"min_value": 0, "max_value": LARGEST, **options}
    )


def _text(label: str, hint: str = "", **attributes: str) -> forms.CharField:
    widget = forms.TextInput(attrs={"autocomplete": "off", **attributes})
    return forms.CharField(
        label=label, required=False, max_length=1000, help_text=hint, widget=widget
    )


def _listed(label: str, **attributes: str) -> forms.CharField:
    """One of several fields under a common title; its own name is for screen readers."""
    return _text(label, **{"aria-label": label, **attributes})


def _tick(label: str) -> forms.BooleanField:
    return forms.BooleanField(label=label, required=False)


def _either(label: str) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, required=False, choices=EITHER)


class SearchTreeForm(forms.Form):
    """``tree`` is what was asked, once the form is valid."""

    needs = tuple(Need)
    units = UNITS
    roles = ("solvent", "salt", "additive")

    find = forms.ChoiceField(
        label="Find", required=False, choices=FIND, widget=forms.Select(attrs=OUTSIDE)
    )
    among = forms.ChoiceField(
        label="Among", required=False, choices=AMONG, widget=forms.Select(attrs=OUTSIDE)
    )
    order = forms.CharField(required=False, max_length=20)
    visuals = forms.BooleanField(
        label="Show visuals", required=False, widget=forms.CheckboxInput(attrs=OUTSIDE)
    )

    complete = forms.MultipleChoiceField(
        label="Complete",
        required=False,
        choices=[(role, f"complete {role}") for role in ROLES],
        widget=forms.CheckboxSelectMultiple(attrs=TICK),
        help_text="No others in that role than the mandatory and allowed rows.",
    )
    tolerance = _number("Relative tolerance / %", max_value=1000, widget=USUAL_PERCENT)
    proprietary = _either("Proprietary")
    notes1 = _text("Notes contain")
    notes2 = _text("and")
    notes3 = _text("and")

    box1 = _listed("Box ID 1", list="box-names", **{"data-suggest": "box"})
    box2 = _listed("Box ID 2", list="box-names", **{"data-suggest": "box"})
    box3 = _listed("Box ID 3", list="box-names", **{"data-suggest": "box"})
    box4 = _listed("Box ID 4", list="box-names", **{"data-suggest": "box"})
    box5 = _listed("Box ID 5", list="box-names", **{"data-suggest": "box"})
    dry_notes = _text("Notes contain")
    dry_tolerance = _number("Relative tolerance / %", max_value=1000, widget=USUAL_PERCENT)
    dry_proprietary = _either("Proprietary")
    geometry = forms.MultipleChoiceField(
        required=False,
        choices=CellGeometry.Category.choices,
        widget=forms.CheckboxSelectMultiple(attrs=TICK),
    )
    geometry_known = _tick("exclude missing")
    cathode_known = _tick("exclude missing")
    anode_known = _tick("exclude missing")
    separator_known = _tick("exclude missing")

    ids = _text("Cell IDs", "10001-10050, 10101")
    dataset = forms.ModelMultipleChoiceField(
        Dataset.objects.all(),
        required=False,
        to_field_name="slug",
        label="In one of the datasets",
        widget=forms.SelectMultiple(attrs={"size": "4"}),
    )
    operator = _text("Char ID", "Initials in the file name.")
    file1 = _listed("File word 1")
    file2 = _listed("File word 2")
    file3 = _listed("File word 3")
    folder1 = _listed("Folder word 1")
    folder2 = _listed("Folder word 2")
    folder3 = _listed("Folder word 3")

    def __init__(self, data: QueryDict, *args: Any, **kwargs: Any) -> None:
        super().__init__(data, *args, **kwargs)
        self.asked = data
        for name, scalar in SCALARS.items():
            label = f"{scalar.label} / {scalar.unit}"
            self.fields[name] = _number(label[:1].upper() + label[1:], min_value=-LARGEST)
            self.fields[f"{name}_tolerance"] = _number("±")
            self.fields[f"{name}_known"] = _tick("exclude missing")
        for name, label in zip(
            SPANS, ("Upper cut-off / V", "Temperature / °C", "Date"), strict=True
        ):
            for end, title in (("", label), ("_min", "from"), ("_max", "to")):
                self.fields[f"{name}{end}"] = _span_field(name, title)

    # Reading ----------------------------------------------------------------------

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        self.rows = self._read_rows()
        readers: dict[str, Callable[[], Any]] = {
            "tolerance": lambda: self._electrolyte(values),
            "dry_tolerance": lambda: self._dry_cell(values),
            "ids": lambda: read_ids(values.get("ids") or ""),
            "date": lambda: self._conditions(values),
        }
        read: dict[str, Any] = {}
        for name, reader in readers.items():
            try:
                read[name] = reader()
            except LabError as error:
                self.add_error("ids" if name == "ids" else None, str(error))
        if not self.errors:
            self.tree = SearchTree(
                node=Node(values.get("find") or "cells"),
                among=Among(values.get("among") or "all"),
                electrolyte=read["tolerance"],
                dry_cell=read["dry_tolerance"],
                id_ranges=read["ids"],
                datasets=tuple(dataset.slug for dataset in values["dataset"]),
                conditions=read["date"],
            )
        return values

    def _read_rows(self) -> tuple[MoleculeRow, ...]:
        """Rows with a molecule; what is wrong with one is said beside it."""
        try:
            texts = row_texts(self.asked)
        except LabError as error:
            self.row_texts = [RowText()]
            self.add_error(None, str(error))
            return ()
        known = molecules_named({text.molecule for text in texts if text.molecule})
        rows, self.row_texts = [], []
        for number, text in enumerate(texts, start=1):
            try:
                rows.append(read_row(text, known))
            except LabError as error:
                self.add_error(None, f"Molecule row {number}: {error}")
                self.row_texts.append(replace(text, error=str(error)))
            else:
                self.row_texts.append(text)
        return tuple(rows)

    def _electrolyte(self, values: dict[str, Any]) -> ElectrolyteSearch:
        return ElectrolyteSearch(
            rows=self.rows,
            complete=tuple(values.get("complete") or ()),
            tolerance_percent=_percent(values.get("tolerance")),
            proprietary=_yes_or_no(values.get("proprietary")),
            notes=_texts(values, "notes", 3),
        )

    def _dry_cell(self, values: dict[str, Any]) -> DryCellSearch:
        return DryCellSearch(
            boxes=_texts(values, "box", 5),
            notes=values.get("dry_notes") or "",
            proprietary=_yes_or_no(values.get("dry_proprietary")),
            tolerance_percent=_percent(values.get("dry_tolerance")),
            categories=tuple(values.get("geometry") or ()),
            category_must_be_known=values["geometry_known"],
            **{part: self._part(part, values) for part in LIST_FIELDS},
            scalars=tuple(self._scalars(values)),
        )

    def _part(self, part: str, values: dict[str, Any]) -> PartChoices:
        names = [name for name in self.asked.getlist(part) if name.strip()]
        if len(names) > MOST_CHOICES:
            raise LabError(f"{len(names)} choices for the {part}.", fix="Use at most 100.")
        kind = "separator" if part == "separator" else "electrode"
        found = []
        for blueprint, lot in find_nodes(kind, names).values():
            if getattr(blueprint, "polarity", part) not in ("", part):
                raise LabError(f"{blueprint} is no {part}.", fix=f"Choose a {part} from the list.")
            found.append(Choice((lot or blueprint).name, blueprint.pk, lot.pk if lot else None))
        return PartChoices(tuple(found), values[f"{part}_known"])

    def _scalars(self, values: dict[str, Any]) -> Sequence[ScalarLimit]:
        limits = [
            ScalarLimit(
                name, values.get(name), values.get(f"{name}_tolerance"), values[f"{name}_known"]
            )
            for name in SCALARS
        ]
        return [limit for limit in limits if limit.value is not None or limit.must_be_known]

    def _conditions(self, values: dict[str, Any]) -> Conditions:
        return Conditions(
            operator=values.get("operator") or "",
            **{name: self._span(name, values) for name in SPANS},
            file_words=_texts(values, "file", 3),
            folder_words=_texts(values, "folder", 3),
        )

    def _span(self, name: str, values: dict[str, Any]) -> Span:
        exact, low, high = (values.get(f"{name}{end}") for end in ("", "_min", "_max"))
        if exact is not None and (low is not None or high is not None):
            raise LabError(
                f"{self.fields[name].label}: both an exact value and a range are given.",
                fix="Give one of the two.",
            )
        if low is not None and high is not None and low > high:
            raise LabError(
                f"{self.fields[name].label}: {low} is above {high}.", fix="Exchange them."
            )
        low, high = (exact, exact) if exact is not None else (low, high)
        return OPEN if low is None and high is None else Span(_end(low), _end(high))

    # For the page -------------------------------------------------------------------

    def shown_rows(self) -> list[RowText]:
        """Rows as typed, and an empty one to begin with."""
        return getattr(self, "row_texts", []) or [RowText()]

    def chosen(self) -> list[tuple[str, str, list[str], forms.BoundField]]:
        """(name, title, names chosen or one empty, exclude missing) of each kind of part."""
        return [
            (part, part.capitalize(), self.asked.getlist(part) or [""], self[f"{part}_known"])
            for part in LIST_FIELDS
        ]

    def problems(self) -> list[tuple[str, str]]:
        """(label, what is wrong) of each refused field."""
        return [
            (str(self.fields[name].label or "") if name in self.fields else "", str(text))
            for name, errors in self.errors.items()
            for text in errors
        ]

    def boxes(self) -> list[forms.BoundField]:
        return [self[f"box{number}"] for number in range(1, 6)]

    def file_words(self) -> list[forms.BoundField]:
        return [self[f"file{number}"] for number in range(1, 4)]

    def folder_words(self) -> list[forms.BoundField]:
        return [self[f"folder{number}"] for number in range(1, 4)]

    def has_scalars(self) -> bool:
        return any(self.asked.get(f"{name}{end}") for name in SCALARS for end in ("", "_known"))

    def scalars(self) -> list[tuple[forms.BoundField, forms.BoundField, forms.BoundField]]:
        return [(self[name], self[f"{name}_tolerance"], self[f"{name}_known"]) for name in SCALARS]

    def spans(self) -> list[tuple[forms.BoundField, forms.BoundField, forms.BoundField]]:
        return [(self[name], self[f"{name}_min"], self[f"{name}_max"]) for name in SPANS]


def _span_field(name: str, label: str) -> forms.Field:
    if name == "date":
        widget = forms.DateInput(attrs={"type": "date"})
        return forms.DateField(label=label, required=False, widget=widget)
    return _number(label, min_value=-1000, max_value=1000)


def _percent(value: Decimal | None) -> Decimal:
    return DEFAULT_TOLERANCE_PERCENT if value is None else value


def _yes_or_no(value: str | None) -> bool | None:
    return None if not value else value == "yes"


def _texts(values: dict[str, Any], stem: str, count: int) -> tuple[str, ...]:
    given = (values.get(f"{stem}{number}") or "" for number in range(1, count + 1))
    return tuple(text for text in given if text)


def _end(value: Decimal | date | None) -> float | date | None:
    return float(value) if isinstance(value, Decimal) else value
