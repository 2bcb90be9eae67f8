"""Lists of datasets and of the cells in one."""

from typing import Any

import django_filters
import django_tables2 as tables
from django.utils.html import format_html

from cells.models import Dataset, DatasetCell
from cells.tables.files import ON_ONE_LINE
from cells.tables.registry import SEARCH, SMALL, tick_box


class DatasetTable(tables.Table):
    chosen = tables.Column(accessor="slug", verbose_name="", orderable=False)
    name = tables.Column(linkify=True)
    description = tables.Column(attrs={"td": {"class": "text-secondary text-break"}}, default="")
    cells = tables.Column(accessor="cell_count")
    filters = tables.Column(accessor="filter_count")
    export_nightly = tables.BooleanColumn(yesno="yes,", verbose_name="Nightly export")
    created_by = tables.Column(order_by="created_by__username", default="")
    created_at = tables.DateColumn(format="Y-m-d", verbose_name="Created", attrs=ON_ONE_LINE)

    class Meta:
        order_by = ("name",)
        empty_text = "No dataset matches."
        attrs = {**SMALL, "aria_label": "Datasets"}

    def __init__(self, *args: Any, can_choose: bool = False, **kwargs: Any) -> None:
        exclude = () if can_choose else ("chosen",)
        super().__init__(*args, exclude=exclude, **kwargs)

    def render_chosen(self, record: Dataset) -> str:
        return format_html(
            '<input class="form-check-input" type="checkbox" name="dataset" value="{}" '
            'form="freeze-several" aria-label="Choose {}">',
            record.slug,
            record.name,
        )


class DatasetFilterSet(django_filters.FilterSet):
    q = django_filters.CharFilter(
        field_name="name", lookup_expr="icontains", label="Name contains", widget=SEARCH
    )

    class Meta:
        model = Dataset
        fields: list[str] = []


class MembershipTable(tables.Table):
    chosen = tables.Column(accessor="wet_cell__cell_id", verbose_name="", orderable=False)
    cell_id = tables.Column(
        accessor="wet_cell__cell_id",
        linkify=("cells:cell", {"cell_id": tables.A("wet_cell__cell_id")}),
        verbose_name="Cell ID",
    )
    name = tables.TemplateColumn(
        template_name="cells/datasets/_cell_name.html", verbose_name="Name here", order_by="name"
    )
    electrolyte = tables.Column(
        accessor="wet_cell__electrolyte__name",
        default="?",
        verbose_name="Electrolyte",
    )
    dry_cell = tables.Column(
        accessor="wet_cell__dry_cell__name", default="?", verbose_name="Dry cell"
    )

    class Meta:
        model = DatasetCell
        fields: tuple[str, ...] = ()
        order_by = ("cell_id",)
        empty_text = "No cells yet."
        attrs = {**SMALL, "aria_label": "Cells of the dataset"}

    def __init__(self, *args: Any, can_choose: bool = False, **kwargs: Any) -> None:
        exclude = () if can_choose else ("chosen",)
        super().__init__(*args, exclude=exclude, **kwargs)

    def render_chosen(self, value: int) -> str:
        return tick_box(value, form="remove-cells")

    def render_cell_id(self, value: int) -> str:
        return str(value)
