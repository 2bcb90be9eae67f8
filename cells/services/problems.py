"""What waits for a person: each list is a query, so what is repaired leaves it by itself."""

from typing import Any

from django.db.models import Count, Exists, Min, OuterRef, QuerySet

from cells.models import FileMetadata, Folder, RawFile, WetCell
from cells.models.files import RawFileQuerySet


def _of_interest() -> RawFileQuerySet:
    files = RawFile.objects.present().filter(deprecated=False)
    return files.select_related("folder", "metadata").order_by("-changed_at", "-pk")


def invalid_names() -> RawFileQuerySet:
    """Files that no experiment can be made of; of duplicates only the original."""
    return _of_interest().filter(metadata__is_valid=False, duplicate_of=None)


def unreadable_files() -> RawFileQuerySet:
    return _of_interest().filter(state=RawFile.State.UNREADABLE)


def duplicate_files() -> RawFileQuerySet:
    return _of_interest().filter(duplicate_of__isnull=False).select_related("duplicate_of")


def troubled_folders() -> QuerySet[Folder]:
    return Folder.objects.filter(is_active=True).exclude(error="")


def unregistered_cells() -> QuerySet[FileMetadata, Any]:
    """Cell IDs that valid files speak of and nobody has registered."""
    registered = WetCell.objects.filter(cell_id=OuterRef("cell_id"))
    return (
        FileMetadata.objects.filter(~Exists(registered), is_valid=True, file__deprecated=False)
        .exclude(file__state=RawFile.State.MISSING)
        .values("cell_id")
        .annotate(file_count=Count("pk"), first_file_id=Min("file_id"))
        .order_by("cell_id")
    )
