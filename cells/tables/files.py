"""The list of files: its columns and its filters."""

from typing import Any

import django_filters
import django_tables2 as tables
from django import forms
from django.db.models import Q
from django.template.defaultfilters import filesizeformat

from cells.models import FileMetadata, Folder, NameRule, RawFile
from cells.models.files import RawFileQuerySet

STATUSES = {
    "valid": ("valid name", Q(metadata__is_valid=True)),
    "invalid": ("invalid name", Q(metadata__is_valid=False) | Q(metadata__isnull=True)),
    "active": ("not deprecated", Q(deprecated=False)),
    "deprecated": ("deprecated", Q(deprecated=True)),
    "missing": ("missing", Q(state=RawFile.State.MISSING)),
    "growing": ("growing", Q(state=RawFile.State.GROWING)),
    "unreadable": ("unreadable", Q(state=RawFile.State.UNREADABLE)),
    "duplicate": ("duplicate", Q(duplicate_of__isnull=False)),
}


# Long names break anywhere rather than push the other columns off the page.
WIDE = {"td": {"class": "text-break", "style": "min-width: 17rem"}}
ON_ONE_LINE = {"td": {"class": "text-nowrap"}}


class FileFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(
        method="filter_words",
        label="Words in name or path",
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "10001 FTIR"}),
    )
    folder = django_filters.ModelChoiceFilter(queryset=Folder.objects.all(), empty_label="any")
    status = django_filters.ChoiceFilter(
        method="filter_status",
        label="Status",
        empty_label="any",
        choices=[(key, words) for key, (words, _) in STATUSES.items()],
    )
    experiment = django_filters.ChoiceFilter(
        method="filter_kind",
        label="Experiment",
        empty_label="any",
        choices=FileMetadata.Experiment.choices,
        help_text="A kind of the lab's own too, by its name.",
    )
    cell_id = django_filters.NumberFilter(
        field_name="metadata__cell_id", label="Cell ID", widget=forms.NumberInput(attrs={"min": 1})
    )

    class Meta:
        model = RawFile
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.filters["experiment"].extra["choices"] = NameRule.objects.grammar().choices

    def filter_kind(self, files: RawFileQuerySet, name: str, value: str) -> RawFileQuerySet:
        if value in FileMetadata.Experiment.values:
            return files.filter(metadata__experiment=value, metadata__own_kind="")
        return files.filter(metadata__own_kind=value)

    def filter_words(self, files: RawFileQuerySet, name: str, value: str) -> RawFileQuerySet:
        """Every word must occur somewhere in the path, in any case."""
        for word in value.split():
            files = files.filter(Q(path__icontains=word) | Q(folder__path__icontains=word))
        return files

    def filter_status(self, files: RawFileQuerySet, name: str, value: str) -> RawFileQuerySet:
        return files.filter(STATUSES[value][1])


class FileTable(tables.Table):
    chosen = tables.TemplateColumn(
        template_name="cells/files/_choose.html", verbose_name="", orderable=False
    )
    name = tables.Column(linkify=True, attrs=WIDE)
    status = tables.TemplateColumn(
        template_name="cells/files/_status.html",
        order_by=("deprecated", "state", "metadata__is_valid"),
    )
    experiment = tables.Column(
        accessor="metadata__kind_words",
        verbose_name="Experiment",
        order_by=("metadata__experiment", "metadata__own_kind"),
    )
    cell_id = tables.Column(accessor="metadata__cell_id", verbose_name="Cell ID")
    start_cycle = tables.Column(accessor="metadata__start_cycle", verbose_name="Start")
    voltage = tables.Column(accessor="metadata__upper_cutoff_voltage", verbose_name="V")
    temperature = tables.Column(accessor="metadata__temperature_celsius", verbose_name="°C")
    date = tables.DateColumn(accessor="metadata__date", format="Y-m-d", attrs=ON_ONE_LINE)
    size = tables.Column(attrs=ON_ONE_LINE)
    modified_at = tables.DateTimeColumn(
        verbose_name="Written", format="Y-m-d H:i", attrs=ON_ONE_LINE
    )
    folder = tables.Column()

    class Meta:
        model = RawFile
        fields: tuple[str, ...] = ()
        order_by = ("-modified_at",)
        empty_text = "No file matches."
        attrs = {"class": "table table-vcenter card-table table-sm"}

    def __init__(self, *args: Any, can_choose: bool = False, **kwargs: Any) -> None:
        exclude = () if can_choose else ("chosen",)
        super().__init__(*args, exclude=exclude, **kwargs)

    def render_size(self, value: int) -> str:
        return filesizeformat(value)

    def render_cell_id(self, value: int) -> str:
        return str(value)


class FolderTable(tables.Table):
    name = tables.Column(linkify=("cells:folder-edit", {"pk": tables.A("pk")}))
    path = tables.Column(attrs={"td": {"class": "text-break font-monospace"}})
    time_zone = tables.Column()
    owner = tables.Column(default="nobody")
    files = tables.Column(accessor="file_count", verbose_name="Files")
    scanned_at = tables.DateTimeColumn(
        verbose_name="Last scan", format="Y-m-d H:i", attrs=ON_ONE_LINE, default="never"
    )
    state = tables.TemplateColumn(
        template_name="cells/files/_folder_state.html", order_by=("is_active", "error")
    )
    scan = tables.TemplateColumn(
        template_name="cells/files/_folder_scan.html", verbose_name="", orderable=False
    )

    class Meta:
        order_by = ("name",)
        attrs = {"class": "table table-vcenter card-table table-sm"}
