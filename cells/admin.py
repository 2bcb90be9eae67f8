"""The registry in Django's admin site: for a look behind the pages, by administrators."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from simple_history.admin import SimpleHistoryAdmin

from cells.models import FileMetadata, Folder, RawFile


@admin.register(Folder)
class FolderAdmin(SimpleHistoryAdmin):
    list_display = ["name", "path", "is_active", "scanned_at", "error"]


@admin.register(RawFile)
class RawFileAdmin(SimpleHistoryAdmin):
    """To look at only: the scan says what is on disk, and the files page deprecates."""

    list_display = ["name", "folder", "state", "size", "modified_at", "deprecated"]
    list_filter = ["folder", "state", "deprecated"]
    list_select_related = ["folder"]
    search_fields = ["path"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(FileMetadata)
class FileMetadataAdmin(SimpleHistoryAdmin):
    """To look at only: corrections go through the file's page, which notes what was changed."""

    list_display = ["file", "experiment", "cell_id", "start_cycle", "date", "is_valid"]
    list_filter = ["experiment", "is_valid"]
    list_select_related = ["file"]
    search_fields = ["file__path", "cell_id"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
