"""Forms of wet cells: search, register, tables."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django import forms

from battery_db.lib.errors import LabError
from cells.models import Dataset, DryCell, DryCellLot, Electrolyte, Molecule
from cells.registration import decode
from cells.search import CellQuery, read_box, read_ids, read_terms

FILES_CHOICES = [("", "with or without"), ("yes", "with files"), ("no", "without files")]
SUGGESTED = 200
LARGEST_TABLE_BYTES = 5 * 1024 * 1024


class CellSearchForm(forms.Form):
    """Read from the address, so that every search can be shared. ``query`` is the result."""

    q = forms.CharField(
        label="Search",
        required=False,
        max_length=2000,
        widget=forms.TextInput(
            attrs={"type": "search", "placeholder": "10001-10010, EC, 2%VC, -FEC, rate map"}
        ),
    )
    ids = forms.CharField(label="Cell IDs", required=False, help_text="10001-10010, 10020")
    contains = forms.CharField(
        label="Contains", required=False, help_text="EC, 2%VC±0.5, 1.2mLiPF6"
    )
    without = forms.CharField(label="Without", required=False, help_text="FEC, DTD")
    tolerance = forms.DecimalField(
        label="Tolerance / % of the amount", required=False, min_value=0, max_value=1000
    )
    file = forms.CharField(
        label="File name contains", required=False, help_text="Words; each must occur."
    )
    dry_cell = forms.ModelChoiceField(DryCell.objects.all(), required=False, empty_label="any")
    electrolyte = forms.IntegerField(required=False, widget=forms.HiddenInput)
    dataset = forms.ModelChoiceField(
        Dataset.objects.all(), required=False, to_field_name="slug", empty_label="any"
    )
    has_files = forms.ChoiceField(label="Files", required=False, choices=FILES_CHOICES)

    advanced = (
        "ids",
        "contains",
        "without",
        "tolerance",
        "file",
        "dry_cell",
        "dataset",
        "has_files",
    )

    @property
    def is_advanced(self) -> bool:
        return any(self.data.get(name) for name in self.advanced)

    def advanced_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.advanced]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        molecules = {
            name.casefold(): name for name in Molecule.objects.values_list("name", flat=True)
        }
        readers: dict[str, Callable[[str], Any]] = {
            "q": lambda text: read_box(text, molecules),
            "ids": read_ids,
            "contains": lambda text: read_terms(text, molecules),
            "without": lambda text: read_terms(text, molecules),
        }
        read: dict[str, Any] = {}
        for name, reader in readers.items():
            try:
                read[name] = reader(values.get(name) or "")
            except LabError as error:
                self.add_error(name, str(error))
        if not self.errors:
            self.query = _query(values, read)
        return values


def _query(values: dict[str, Any], read: dict[str, Any]) -> CellQuery:
    box = read["q"]
    tolerance = values.get("tolerance")
    has_files = values.get("has_files")
    return CellQuery(
        id_ranges=_both(box.id_ranges, read["ids"]),
        contains=box.contains + read["contains"],
        without=box.without + tuple(term.molecule for term in read["without"]),
        tolerance_percent=Decimal(5) if tolerance is None else tolerance,
        words=box.words,
        file_words=tuple((values.get("file") or "").split()),
        dry_cell=values["dry_cell"].pk if values.get("dry_cell") else None,
        electrolyte=values.get("electrolyte"),
        dataset=values["dataset"].slug if values.get("dataset") else "",
        has_files=None if not has_files else has_files == "yes",
    )


def _both(
    first: tuple[tuple[int, int], ...], second: tuple[tuple[int, int], ...]
) -> tuple[tuple[int, int], ...]:
    """Numbers that both name; when one names none, those of the other."""
    if not first or not second:
        return first or second
    overlaps = [(max(a, c), min(b, d)) for a, b in first for c, d in second]
    kept = tuple(sorted({(low, high) for low, high in overlaps if low <= high}))
    # Cell IDs start at 1, so this finds nothing, as two lists without overlap should.
    return kept or ((0, 0),)


class WetCellForm(forms.Form):
    """Register or edit one wet cell; either part may be left unknown."""

    cell_id = forms.IntegerField(
        label="Cell ID", min_value=1, max_value=2_147_483_647, help_text="The lab's own number."
    )
    electrolyte = forms.CharField(
        required=False,
        max_length=1000,
        help_text="A name from Materials, its number, or a composition such as "
        "70%DMC+30%EC + 1.2mLiPF6 + ADDITIVES:(2%VC), which is then defined. Empty: unknown.",
        widget=forms.TextInput(attrs={"list": "electrolyte-names", "autocomplete": "off"}),
    )
    dry_cell = forms.CharField(
        required=False,
        label="Dry cell or box",
        help_text="A name from Materials, or a Box ID. Empty: unknown.",
        widget=forms.TextInput(attrs={"list": "dry-cell-names", "autocomplete": "off"}),
    )
    notes = forms.CharField(required=False, max_length=1000)
    proprietary = forms.BooleanField(required=False, help_text="Not to be disclosed.")

    def __init__(self, *args: Any, registered: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["cell_id"].disabled = registered

    def suggestions(self) -> list[str]:
        """Electrolytes used last, for completion."""
        names = Electrolyte.objects.order_by("-pk").values_list("name", flat=True)
        return list(names[:SUGGESTED])

    def dry_cell_suggestions(self) -> list[str]:
        """Boxes made last, then dry cells, for completion."""
        boxes = DryCellLot.objects.order_by("-pk").values_list("box_id", flat=True)
        cells = DryCell.objects.order_by("-pk").values_list("name", flat=True)
        return [*boxes[:SUGGESTED], *cells[:SUGGESTED]]


class RegisterTableForm(forms.Form):
    """A table of wet cells, uploaded or pasted. ``table`` is its text."""

    upload = forms.FileField(label="CSV or Excel file", required=False)
    text = forms.CharField(
        label="or paste rows",
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "class": "font-monospace", "spellcheck": "false"}),
        help_text="With a first line that names the columns: cell_id, electrolyte, dry_cell, "
        "notes, or molecules by name. Cells copied from a spreadsheet work too.",
    )
    replace = forms.BooleanField(
        label="Replace what is registered differently", required=False, initial=False
    )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        upload = values.get("upload")
        if upload is not None and upload.size > LARGEST_TABLE_BYTES:
            self.add_error("upload", "The file is larger than 5 MB. Split it into parts.")
            return values
        try:
            self.table = decode(upload.read()) if upload else values.get("text") or ""
        except LabError as error:
            self.add_error("upload", str(error))
            return values
        if not self.table.strip():
            self.add_error("text", "Choose a file or paste rows.")
        return values


class AddToDatasetForm(forms.Form):
    """Where cells found by a search go: an existing dataset, or a new one."""

    dataset = forms.ModelChoiceField(
        Dataset.objects.all(), required=False, to_field_name="slug", empty_label="new dataset …"
    )
    name = forms.CharField(label="Name of the new dataset", required=False, max_length=200)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not self.errors and not values.get("dataset") and not values.get("name"):
            raise forms.ValidationError("Choose a dataset, or give a name for a new one.")
        return values
