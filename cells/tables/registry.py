"""Lists of wet cells and of what they are made of."""

from typing import Any

import django_filters
import django_tables2 as tables
from django import forms
from django.db.models import Q, QuerySet
from django.utils.html import format_html, format_html_join

from cells.models import CellGeometry, DryCell, Electrolyte, Molecule, WetCell
from cells.models.wet_cells import file_counts

SMALL = {"class": "table table-vcenter card-table table-sm"}
SEARCH = forms.TextInput(attrs={"type": "search"})


def tick_box(cell_id: int, form: str = "") -> str:
    """A box to choose a cell; ``form`` is the id of a form elsewhere on the page."""
    return format_html(
        '<input class="form-check-input" type="checkbox" name="cell" value="{}"{} '
        'aria-label="Choose cell {}">',
        cell_id,
        format_html(' form="{}"', form) if form else "",
        cell_id,
    )


class CellTable(tables.Table):
    chosen = tables.Column(accessor="cell_id", verbose_name="", orderable=False)
    cell_id = tables.Column(linkify=True, verbose_name="Cell ID")
    electrolyte = tables.Column(
        accessor="filling",
        linkify=True,
        order_by=("electrolyte__name", "cell_id"),
        default="?",
    )
    dry_cell = tables.Column(
        accessor="body",
        linkify=True,
        order_by=("dry_cell__name", "cell_id"),
        default="?",
        verbose_name="Dry cell",
    )
    # Not a template: each row of one would run all context processors again.
    datasets = tables.Column(empty_values=(), orderable=False, verbose_name="Datasets")
    files = tables.Column(empty_values=(), orderable=False, verbose_name="Files")
    notes = tables.Column(attrs={"td": {"class": "text-secondary text-break"}}, default="")

    class Meta:
        model = WetCell
        fields: tuple[str, ...] = ()
        order_by = ("cell_id",)
        empty_text = "No cell matches."
        attrs = {**SMALL, "aria_label": "Cells"}

    def __init__(self, *args: Any, can_choose: bool = False, **kwargs: Any) -> None:
        exclude = () if can_choose else ("chosen",)
        super().__init__(*args, exclude=exclude, **kwargs)
        self.file_counts: dict[int, int] = {}

    def count_files(self) -> None:
        """Count the files of the page that is shown, in one query."""
        cell_ids = [row.record.cell_id for row in self.paginated_rows]
        self.file_counts = dict(file_counts(cell_ids))

    def render_chosen(self, value: int) -> str:
        return tick_box(value)

    def render_cell_id(self, value: int) -> str:
        return str(value)

    def render_datasets(self, record: WetCell) -> str:
        datasets = [membership.dataset for membership in record.memberships.all()]
        return format_html_join(
            " ",
            '<a class="badge bg-secondary-lt" href="{}">{}</a>',
            ((dataset.get_absolute_url(), dataset.name) for dataset in datasets),
        )

    def render_files(self, record: WetCell) -> str:
        return str(self.file_counts.get(record.cell_id, 0))


class ElectrolyteFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(
        field_name="name", lookup_expr="icontains", label="Name contains", widget=SEARCH
    )
    molecule = django_filters.ModelChoiceFilter(
        field_name="components__molecule", queryset=Molecule.objects.all(), empty_label="any"
    )
    proprietary = django_filters.BooleanFilter()

    class Meta:
        model = Electrolyte
        fields: list[str] = []


class MoleculeFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(method="filter_words", label="Name or SMILES", widget=SEARCH)
    default_role = django_filters.ChoiceFilter(
        choices=Molecule._meta.get_field("default_role").choices, empty_label="any", label="Role"
    )

    class Meta:
        model = Molecule
        fields: list[str] = []

    def filter_words(
        self, molecules: QuerySet[Molecule], name: str, value: str
    ) -> QuerySet[Molecule]:
        return molecules.filter(Q(name__icontains=value) | Q(smiles__icontains=value))


class DryCellFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(method="filter_words", label="Words", widget=SEARCH)
    geometry = django_filters.ChoiceFilter(
        field_name="geometry__category", choices=CellGeometry.Category.choices, empty_label="any"
    )

    class Meta:
        model = DryCell
        fields: list[str] = []

    def filter_words(self, cells: QuerySet[DryCell], name: str, value: str) -> QuerySet[DryCell]:
        for word in value.split():
            cells = cells.filter(
                Q(name__icontains=word)
                | Q(cathode__name__icontains=word)
                | Q(anode__name__icontains=word)
                | Q(separator__name__icontains=word)
                | Q(notes__icontains=word)
            )
        return cells
