"""The registry in Django's admin site: for a look behind the pages, by administrators."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from simple_history.admin import SimpleHistoryAdmin

from cells.models import (
    Dataset,
    DatasetCell,
    DryCell,
    Electrolyte,
    ElectrolyteComponent,
    FileMetadata,
    Folder,
    Molecule,
    RawFile,
    WetCell,
)


class LookOnly:
    """Rows that other rows or the disk depend on: the pages change them as a whole."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Molecule)
class MoleculeAdmin(LookOnly, SimpleHistoryAdmin):
    """To look at only: a new name must go into the names of electrolytes, as its page does."""

    list_display = ["name", "default_role", "smiles"]
    list_filter = ["default_role"]
    search_fields = ["name", "smiles"]


class ComponentInline(LookOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = ElectrolyteComponent
    extra = 0


@admin.register(Electrolyte)
class ElectrolyteAdmin(LookOnly, SimpleHistoryAdmin):
    """To look at only: its name and digest follow from the components, as its page keeps."""

    list_display = ["name", "proprietary", "created_at"]
    search_fields = ["name"]
    inlines = [ComponentInline]


@admin.register(DryCell)
class DryCellAdmin(SimpleHistoryAdmin):
    list_display = ["name", "cathode", "anode", "geometry", "nominal_capacity_ah"]
    list_filter = ["geometry"]
    search_fields = ["name", "cathode", "anode"]


@admin.register(WetCell)
class WetCellAdmin(SimpleHistoryAdmin):
    list_display = ["cell_id", "electrolyte", "dry_cell", "notes"]
    list_select_related = ["electrolyte", "dry_cell"]
    search_fields = ["cell_id", "notes"]
    autocomplete_fields = ["electrolyte", "dry_cell"]
    show_full_result_count = False


class DatasetCellInline(admin.TabularInline):  # type: ignore[type-arg]
    model = DatasetCell
    autocomplete_fields = ["wet_cell"]
    extra = 0


@admin.register(Dataset)
class DatasetAdmin(SimpleHistoryAdmin):
    list_display = ["name", "created_by", "created_at", "export_nightly"]
    search_fields = ["name"]
    inlines = [DatasetCellInline]


@admin.register(Folder)
class FolderAdmin(SimpleHistoryAdmin):
    list_display = ["name", "path", "is_active", "scanned_at", "error"]


@admin.register(RawFile)
class RawFileAdmin(LookOnly, SimpleHistoryAdmin):
    """To look at only: the scan says what is on disk, and the files page deprecates."""

    list_display = ["name", "folder", "state", "size", "modified_at", "deprecated"]
    list_filter = ["folder", "state", "deprecated"]
    list_select_related = ["folder"]
    search_fields = ["path"]
    show_full_result_count = False


@admin.register(FileMetadata)
class FileMetadataAdmin(LookOnly, SimpleHistoryAdmin):
    """To look at only: corrections go through the file's page, which notes what was changed."""

    list_display = ["file", "experiment", "cell_id", "start_cycle", "date", "is_valid"]
    list_filter = ["experiment", "is_valid"]
    list_select_related = ["file"]
    search_fields = ["file__path", "cell_id"]
